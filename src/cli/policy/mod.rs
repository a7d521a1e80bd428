//! `keyraft policy`

mod check;
mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use keyraft::config::Config;
use keyraft::policy::{Policy, Scope};

use super::failure::Failure;
use super::output;

/// Show the rules of a node, or ask what they decide and why.
///
/// Both read the files that the configuration names, and need no running node: what they say of changed
/// files is what the node will do once it has loaded them.
#[derive(Debug, Args)]
pub struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    Show(show::ShowArgs),
    Check(check::CheckArgs),
}

pub fn run(args: &PolicyArgs) -> Result<(), Failure> {
    match &args.command {
        PolicyCommand::Show(args) => show::run(args),
        PolicyCommand::Check(args) => check::run(args),
    }
}

/// The rules that a node with this configuration has, or one without policy files.
fn load(config: Option<&PathBuf>) -> Result<Policy, Failure> {
    let Some(config) = config else { return Ok(Policy::defaults()) };
    let files = Config::load(config)?.policy.files();
    let policy = files.read().and_then(|text| files.load(&text)).map_err(Failure::usage)?;
    policy.warnings().iter().for_each(output::error_line);
    Ok(policy)
}

fn scope_names(scopes: &[Scope]) -> String {
    if scopes.is_empty() {
        return "any".to_owned();
    }
    scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(", ")
}

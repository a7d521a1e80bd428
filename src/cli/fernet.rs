//! `keyraft fernet`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use keyraft::config::Config;
use keyraft::ops::admin::{FernetKeyRole, FernetKeys, RotateRequest};

use super::admin_client::AdminClient;
use super::failure::Failure;
use super::{output, table};

/// Rotate or list the keys that tokens are made with.
#[derive(Debug, Args)]
pub struct FernetArgs {
    #[command(subcommand)]
    command: FernetCommand,
}

#[derive(Debug, Subcommand)]
enum FernetCommand {
    /// Make tokens with the next key from now on, on all nodes at once.
    ///
    /// Tokens made with older keys stay valid until they end: a key is dropped only when no valid
    /// token can need it. With --compromised, the older keys are dropped now, and the tokens that were
    /// made with them are valid no more.
    Rotate {
        #[command(flatten)]
        node: NodeArgs,
        /// Drop the older keys at once, and with them every token they made
        #[arg(long)]
        compromised: bool,
    },
    /// List the keys, never their secrets.
    List {
        #[command(flatten)]
        node: NodeArgs,
    },
}

#[derive(Debug, Args)]
struct NodeArgs {
    /// The configuration of the node to ask, as given to `keyraft serve`
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &FernetArgs) -> Result<(), Failure> {
    let (node, compromised) = match &args.command {
        FernetCommand::Rotate { node, compromised } => (node, Some(*compromised)),
        FernetCommand::List { node } => (node, None),
    };
    let client = AdminClient::new(&Config::load(&node.config)?.admin_socket());
    let keys = super::block_on(async {
        let keys = match compromised {
            Some(compromised) => client.fernet_rotate(RotateRequest { compromised }).await,
            None => client.fernet_list().await,
        };
        keys.map_err(Failure::from)
    })?;
    if node.json {
        return output::line(serde_json::to_string_pretty(&keys).map_err(Failure::runtime)?);
    }
    output::line(render(&keys))
}

fn render(keys: &FernetKeys) -> String {
    let mut rows = vec![["key", "role", "created at", "needed until"].map(str::to_owned).to_vec()];
    let absent = || "-".to_owned();
    for key in &keys.keys {
        let role = match key.role {
            FernetKeyRole::Staged => "staged",
            FernetKeyRole::Primary => "primary",
            FernetKeyRole::Secondary => "secondary",
        };
        rows.push(vec![
            key.number.to_string(),
            role.to_owned(),
            key.created_at.clone().unwrap_or_else(absent),
            key.needed_until.clone().unwrap_or_else(absent),
        ]);
    }
    table::render(&rows)
}

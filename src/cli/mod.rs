//! The commands of the binary: a file, or a folder, for each.

mod admin_client;
mod bootstrap;
mod dev;
mod failure;
mod fernet;
mod folder_lock;
mod output;
mod parent;
#[cfg(feature = "chaos")]
mod planted_bugs;
mod policy;
mod private_file;
mod restart;
mod serve;
mod status;
mod table;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Failure;

/// OpenStack Identity (Keystone's API) as one binary, replicated over several nodes.
///
/// To try it: `keyraft dev` runs three nodes on this machine, makes an admin user and says how to log
/// in. To run it: write a configuration for each node after keyraft.sample.toml, start `keyraft serve`
/// on each, then `keyraft bootstrap` once on any.
#[derive(Debug, Parser)]
#[command(name = "keyraft", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Dev(dev::DevArgs),
    Serve(serve::ServeArgs),
    Bootstrap(Box<bootstrap::BootstrapArgs>),
    Fernet(fernet::FernetArgs),
    #[cfg(feature = "chaos")]
    PlantedBugs(planted_bugs::PlantedBugsArgs),
    Policy(policy::PolicyArgs),
    Status(status::StatusArgs),
}

/// Runs a short command to its end.
fn block_on<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::runtime(error).within("cannot start"))?.block_on(command)
}

/// Parses the arguments and runs the command. Exit codes: 0 done, 1 failed, 2 wrong arguments or
/// configuration. Those of `status` show the health of the cluster.
pub fn main() -> ExitCode {
    // `serve` ties itself to its parent before anything else, so nothing may come before this.
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Dev(args) => dev::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Bootstrap(args) => bootstrap::run(&args),
        Command::Fernet(args) => fernet::run(&args),
        #[cfg(feature = "chaos")]
        Command::PlantedBugs(args) => planted_bugs::run(&args),
        Command::Policy(args) => policy::run(&args),
        Command::Status(args) => return ended(status::run(&args)),
    };
    ended(outcome.map(|()| ExitCode::SUCCESS))
}

fn ended(outcome: Result<ExitCode, Failure>) -> ExitCode {
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            output::error_line(&failure);
            failure.exit_code()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_commands_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_explains_itself() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} has no help", command.get_name());
            for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(!help.is_empty(), "{} {} has no help", command.get_name(), argument.get_id());
            }
            command.get_subcommands().filter(|inner| inner.get_name() != "help").for_each(check);
        }
        let mut command = Cli::command();
        command.build();
        check(&command);
    }

    #[test]
    fn dev_needs_no_argument() {
        let Command::Dev(args) = parse("keyraft dev").unwrap().command else { panic!("not dev") };
        assert_eq!((args.nodes, args.http_port), (None, None));
        assert_eq!(args.data_dir.to_str(), Some("./keyraft-data"));
    }

    #[test]
    fn wrong_arguments_are_refused() {
        for line in [
            "keyraft",
            "keyraft serve",
            "keyraft dev --nodes 0",
            "keyraft dev --nodes 10",
            "keyraft dev --http-port 0",
            "keyraft dev --http-port 65535",
            "keyraft bootstrap",
            "keyraft fernet --config f",
            "keyraft policy check --rule r",
            "keyraft policy show --format xml",
            "keyraft status --config f --url http://a",
            "keyraft status --watch 0",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn the_help_of_a_node_does_not_show_what_only_dev_uses() {
        let mut command = Cli::command();
        let serve = command.find_subcommand_mut("serve").unwrap();
        assert!(!serve.render_long_help().to_string().contains("child-of"));
    }
}

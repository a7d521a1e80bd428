//! The `keyraft-jepsen` binary.

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use keyraft_jepsen::cli::CliError;
use keyraft_jepsen::cli::check::Check;
use keyraft_jepsen::cli::run::{self, RunArgs};
use keyraft_jepsen::cli::shrink::Shrink;

/// Breaks the world of real Keyraft nodes, and decides whether the promises held.
#[derive(Debug, Parser)]
#[command(name = "keyraft-jepsen", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(RunArgs),
    Check(Check),
    Shrink(Shrink),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(args) => carry_out(&args),
        Command::Check(check) => exit(check.run(&mut std::io::stdout())),
        Command::Shrink(shrink) => exit(shrink.run(&mut std::io::stdout())),
    }
}

fn exit(done: Result<bool, CliError>) -> ExitCode {
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::from(2)
        }
    }
}

fn carry_out(args: &RunArgs) -> ExitCode {
    match run::run(args) {
        Ok(run) => {
            let (tally, folder) = (run.tally, run.folder.display());
            let mut out = std::io::stdout();
            for note in &run.notes {
                let _ = writeln!(out, "{note}");
            }
            let _ = writeln!(
                out,
                "{} done, {} refused, {} unknown; {folder}",
                tally.done, tally.refused, tally.unknown
            );
            if run.notes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

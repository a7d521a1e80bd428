//! The `keyraft-jepsen` binary.

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use keyraft_jepsen::cli::run::{self, RunArgs};

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
}

fn main() -> ExitCode {
    let Command::Run(args) = Cli::parse().command;
    match run::run(&args) {
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

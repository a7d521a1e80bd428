//! The `keyraft-jepsen` binary.

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use keyraft_jepsen::cli::check::Check;
use keyraft_jepsen::cli::planted::Planted;
use keyraft_jepsen::cli::run::Run;
use keyraft_jepsen::cli::shrink::Shrink;
use keyraft_jepsen::cli::suite::Suite;

/// Breaks the world of a Keyraft cluster, and decides whether its promises held.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(Run),
    Suite(Suite),
    Planted(Planted),
    Check(Check),
    Shrink(Shrink),
}

fn main() -> ExitCode {
    let mut out = std::io::stdout();
    let done = match Arguments::parse().command {
        Command::Run(run) => run.run(&mut out),
        Command::Suite(suite) => suite.run(&mut out),
        Command::Planted(planted) => planted.run(&mut out),
        Command::Check(check) => check.run(&mut out),
        Command::Shrink(shrink) => shrink.run(&mut out),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "keyraft-jepsen: {error}");
            ExitCode::from(2)
        }
    }
}

//! Programs of the system: `ip`, `nft`, `umount`; `timeout` ends one that hangs.

use std::io::Write;
use std::process::{Command, Stdio};

use super::EnvironmentError;

/// A program has so many seconds.
const LIMIT_S: &str = "30";

/// Runs a program to its end; its standard output.
///
/// # Errors
/// It cannot be run, takes too long, or says that it failed.
pub fn run(program: &str, arguments: &[&str]) -> Result<String, EnvironmentError> {
    run_with(program, arguments, "")
}

/// The same with a text on its standard input.
///
/// # Errors
/// It cannot be run, takes too long, or says that it failed.
pub fn run_with(program: &str, arguments: &[&str], input: &str) -> Result<String, EnvironmentError> {
    let failed = |reason: String| EnvironmentError::Command {
        command: format!("{program} {}", arguments.join(" ")),
        reason,
    };
    let mut child = Command::new("timeout")
        .args(["--signal=KILL", LIMIT_S, program])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not want it says so by its exit code.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(failed(format!("{}: {}", output.status, words.trim())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether this process may make network namespaces and mount file systems.
#[must_use]
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

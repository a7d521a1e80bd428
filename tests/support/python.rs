//! Python programs from PyPI, in the environment that `tests/python/prepare` makes.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::process::{end, lines};
use super::wait_until;

/// The interpreter that has the packages of `tests/python/requirements.txt`.
fn python() -> PathBuf {
    let prepare = tests().join("python/prepare");
    let output = Command::new(&prepare).stdin(Stdio::null()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} failed; is PyPI within reach? {errors}", prepare.display());
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// A database of Keystone's on SQLite that has all tables and nothing in them.
pub fn keystone_database() -> PathBuf {
    python().parent().unwrap().with_file_name("keystone.db")
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// The command `schemathesis`, with the hooks of `tests/schemathesis`.
pub fn schemathesis() -> Command {
    let mut command = Command::new(python().with_file_name("schemathesis"));
    command.env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", tests().join("schemathesis"));
    command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    command
}

/// A program of `tests/clients`.
pub struct Script {
    name: &'static str,
    process: Child,
    output: Receiver<String>,
    errors: Receiver<String>,
}

impl Script {
    /// Runs a program to its end and returns what it printed.
    pub fn run(name: &'static str, arguments: &[&str]) -> Output {
        command(name, arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// Starts a program and gives it its first line of input.
    pub fn start(name: &'static str, arguments: &[&str], input: &str) -> Self {
        let mut command = command(name, arguments);
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        writeln!(process.stdin.as_mut().unwrap(), "{input}").unwrap();
        let output = lines(process.stdout.take().unwrap());
        let errors = lines(process.stderr.take().unwrap());
        Self { name, process, output, errors }
    }

    /// The URL at which it serves, once it says so.
    pub fn wait_listening(&mut self, limit: Duration) -> String {
        let start = Instant::now();
        while let Ok(line) = self.output.recv_timeout(limit.saturating_sub(start.elapsed())) {
            if let Some(port) = line.strip_prefix("listening ") {
                return format!("http://127.0.0.1:{port}");
            }
        }
        // What it has to say comes after its end.
        end(&mut self.process);
        wait_until("its standard error ends", limit, || self.process.try_wait().unwrap().is_some());
        let errors: Vec<_> = self.errors.iter().collect();
        panic!("{} does not serve:\n{}", self.name, errors.join("\n"));
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        end(&mut self.process);
        if std::thread::panicking() {
            self.errors.iter().for_each(|line| eprintln!("{}: {line}", self.name));
        }
    }
}

fn command(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(python());
    command.arg(tests().join("clients").join(name)).args(arguments);
    command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    command
}

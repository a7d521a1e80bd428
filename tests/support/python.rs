//! Python programs from PyPI, in an environment of the tests' own.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::process::{end, lines};
use super::wait_until;

/// An environment is made once for the target folder. This is its name there, and that of the folder in `tests`
/// whose `requirements.txt` lists its packages.
struct Environment {
    name: &'static str,
    folder: &'static str,
}

const CLIENTS: Environment = Environment { name: "python", folder: "clients" };
const SCHEMATHESIS: Environment = Environment { name: "schemathesis", folder: "schemathesis" };

/// The interpreter that has the packages. The first call on a machine downloads them (100 MB, under a minute).
fn python(environment: &Environment) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let lock =
        File::options().write(true).create(true).truncate(false).open(root.join("python-lock")).unwrap();
    lock.lock().unwrap();
    let folder = root.join(environment.name);
    let requirements = tests().join(environment.folder).join("requirements.txt");
    let python = folder.join("bin/python");
    let installed = folder.join("installed-requirements.txt");
    let wanted = std::fs::read_to_string(&requirements).unwrap();
    if std::fs::read_to_string(&installed).is_ok_and(|have| have == wanted) {
        return python;
    }
    succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder), "apt install python3-venv");
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
    succeed(Command::new(&python).args(pip).arg(&requirements), "PyPI has to be within reach");
    std::fs::write(installed, wanted).unwrap();
    python
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// The command `schemathesis`, with the hooks of `tests/schemathesis`.
pub fn schemathesis() -> Command {
    let mut command = Command::new(python(&SCHEMATHESIS).with_file_name("schemathesis"));
    command.env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", tests().join(SCHEMATHESIS.folder));
    command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    command
}

fn succeed(command: &mut Command, advice: &str) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error} ({advice})"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed ({advice}): {errors}");
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
    let mut command = Command::new(python(&CLIENTS));
    command.arg(tests().join(CLIENTS.folder).join(name)).args(arguments);
    command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    command
}

//! A `keyraft dev` under test.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::ports::Ports;
use super::process::{end, lines, signal, signal_group};
use super::wait_until;

/// The environment variable that names another binary to test than the one that was built with the tests,
/// for example a release build.
const BINARY_VARIABLE: &str = "KEYRAFT_BINARY";
/// A cluster that is not ready by then hangs.
pub const READY_LIMIT: Duration = Duration::from_secs(90);
pub const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Nodes that outlive `keyraft dev` keep its standard error open.
const SILENCE_LIMIT: Duration = Duration::from_secs(1);

/// The process, its folder, and the ports of its nodes.
pub struct DevProcess {
    process: Child,
    folder: PathBuf,
    ports: Ports,
    output: Receiver<String>,
    errors: Receiver<String>,
}

impl DevProcess {
    /// Starts it on a new folder.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        let ports = Ports::reserve();
        let port = ports.http_port.to_string();
        let (process, output, errors) =
            spawn(command(folder, &[&["--http-port", &port], arguments].concat()));
        Self { process, folder: folder.to_path_buf(), ports, output, errors }
    }

    /// Starts it on its folder again, after its end.
    pub fn start_again(&mut self, arguments: &[&str]) {
        (self.process, self.output, self.errors) = spawn(command(&self.folder, arguments));
    }

    /// The same in a process group of its own, as a shell starts it. A runner of tests that ends a test by its group does not
    /// reach it there.
    pub fn start_again_in_its_own_group(&mut self) {
        let mut command = command(&self.folder, &[]);
        command.process_group(0);
        (self.process, self.output, self.errors) = spawn(command);
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The URL of a node, without `/v3`.
    pub fn url(&self, number: u64) -> String {
        format!("http://127.0.0.1:{}", self.http_port(number))
    }

    pub fn http_port(&self, number: u64) -> u16 {
        self.ports.http_port + u16::try_from(number).unwrap()
    }

    pub fn node_folder(&self, number: u64) -> PathBuf {
        self.folder.join(format!("node-{number}"))
    }

    pub fn config_file(&self, number: u64) -> PathBuf {
        self.node_folder(number).join("config.toml")
    }

    pub fn log_file(&self, number: u64) -> PathBuf {
        self.node_folder(number).join("log")
    }

    /// The process of a node, as its folder names it.
    pub fn node_pid(&self, number: u64) -> u32 {
        let text = std::fs::read_to_string(self.node_folder(number).join("pid")).unwrap();
        text.trim().parse().unwrap()
    }

    /// Waits for the first line of standard output, which has to start with `ready`.
    pub fn wait_ready(&self) -> String {
        match self.output.recv_timeout(READY_LIMIT) {
            Ok(line) if line.starts_with("ready") => line,
            Ok(line) => panic!("unexpected output: {line}"),
            Err(RecvTimeoutError::Timeout) => panic!("not ready within {READY_LIMIT:?}"),
            Err(RecvTimeoutError::Disconnected) => {
                panic!("keyraft dev has ended before it was ready: {:?}", self.last_error_lines())
            }
        }
    }

    /// Waits for a line of standard error that holds `part`.
    pub fn wait_error_line(&self, part: &str) -> String {
        let start = Instant::now();
        loop {
            let line = self.errors.recv_timeout(STOP_LIMIT.saturating_sub(start.elapsed())).unwrap();
            if line.contains(part) {
                return line;
            }
        }
    }

    /// The lines of standard error that nobody has read yet.
    pub fn error_lines(&self) -> Vec<String> {
        self.errors.try_iter().collect()
    }

    /// The lines of standard error until it ends, or is silent.
    fn last_error_lines(&self) -> Vec<String> {
        std::iter::from_fn(|| self.errors.recv_timeout(SILENCE_LIMIT).ok()).collect()
    }

    pub fn interrupt(&self) {
        signal(self.id(), Signal::INT);
    }

    /// Does what Ctrl-C on a terminal does: the nodes are in the same process group. It has to be a group of its own.
    pub fn interrupt_group(&self) {
        signal_group(self.id(), Signal::INT);
    }

    /// `kill -9`; the nodes end with it.
    pub fn kill(&mut self) {
        end(&mut self.process);
    }

    pub fn wait_exit(&mut self) -> ExitStatus {
        wait_until("keyraft dev has ended", STOP_LIMIT, || self.process.try_wait().unwrap().is_some());
        self.process.wait().unwrap()
    }
}

impl Drop for DevProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a command of the binary to its end.
pub fn keyraft(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// A command of the binary that runs until it is interrupted.
pub struct RunningCommand {
    process: Child,
    /// The lines of its standard output.
    pub output: Receiver<String>,
}

impl RunningCommand {
    pub fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(binary());
        command.args(arguments);
        let (process, output, _) = spawn(command);
        Self { process, output }
    }

    /// Interrupts it, as Ctrl-C does, and returns its exit code.
    pub fn interrupt(&mut self) -> Option<i32> {
        signal(self.process.id(), Signal::INT);
        wait_until("the command has ended", STOP_LIMIT, || self.process.try_wait().unwrap().is_some());
        self.process.wait().unwrap().code()
    }
}

impl Drop for RunningCommand {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// A node that was started by itself. It ends with this value.
pub struct ServeProcess(Child);

impl ServeProcess {
    /// Starts it; it logs to `log`.
    pub fn start(config: &Path, log: Stdio) -> Self {
        let mut command = Command::new(binary());
        command.args(["serve", "--config"]).arg(config);
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Returns true once it has ended. Its process id is free from then on.
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Stops it as an operator does.
    pub fn stop(&mut self) -> ExitStatus {
        signal(self.id(), Signal::TERM);
        self.wait_exit()
    }

    /// Waits until it ends by itself.
    pub fn wait_exit(&mut self) -> ExitStatus {
        wait_until("the node has ended", STOP_LIMIT, || self.has_ended());
        self.0.wait().unwrap()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        end(&mut self.0);
    }
}

impl Drop for ServeProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

fn binary() -> PathBuf {
    std::env::var_os(BINARY_VARIABLE).map_or_else(|| env!("CARGO_BIN_EXE_keyraft").into(), PathBuf::from)
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.arg("dev").arg("--data-dir").arg(folder).args(arguments);
    command
}

fn spawn(mut command: Command) -> (Child, Receiver<String>, Receiver<String>) {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let output = lines(process.stdout.take().unwrap());
    let errors = lines(process.stderr.take().unwrap());
    (process, output, errors)
}

//! A cluster of real processes, made by `keyraft dev`.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::process::{end, is_running, lines, signal};
use super::{POLL_PAUSE, eventually, ports, wait_until};

/// The environment variable that names another binary to test than the one that was built with the tests,
/// for example a release build.
const BINARY_VARIABLE: &str = "KEYRAFT_BINARY";
pub const ADMIN_PASSWORD: &str = "s3cr3t of the tests";
/// A cluster that is not ready by then hangs.
const READY_LIMIT: Duration = Duration::from_secs(90);
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// A node that has not caught up by then never will.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(60);
/// Tests log in a lot, and are not about the strength of hashes.
const CHEAP_PASSWORDS: &str = "[identity]\npassword_hash_rounds = 4\n";
/// In the lines that tell of requests; there are too many to be of use.
const ACCESS_LOG: &str = "keyraft::access";
/// Lines of each node's log that a failed test shows.
const SHOWN_LOG_LINES: usize = 40;

/// Three nodes and the `keyraft dev` that runs them. One at a time on the machine: tests that measure
/// time must not disturb one another.
pub struct DevCluster {
    folder: Option<tempfile::TempDir>,
    path: PathBuf,
    http_port: u16,
    nodes: u64,
    dev: Child,
    output: Receiver<String>,
    errors: Receiver<String>,
    /// Nodes that were restarted by themselves.
    restarted: Vec<Child>,
    _alone: File,
}

impl DevCluster {
    /// Three nodes with the configuration of `keyraft dev`, but for the cost of passwords.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// Three nodes whose configurations have `sections` in TOML besides.
    pub fn start_with(sections: &str) -> Self {
        let alone = wait_to_be_alone();
        let folder = tempfile::Builder::new().prefix("keyraft-").tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        let http_port = ports::free_http_port();
        let (dev, output, errors) =
            spawn_dev(&path, &["--nodes", "3", "--http-port", &http_port.to_string()]);
        let (folder, restarted) = (Some(folder), Vec::new());
        let mut cluster =
            Self { folder, path, http_port, nodes: 3, dev, output, errors, restarted, _alone: alone };
        cluster.wait_ready();
        cluster.stop();
        for number in cluster.numbers() {
            let mut file = File::options().append(true).open(cluster.config_file(number)).unwrap();
            write!(file, "\n{CHEAP_PASSWORDS}\n{sections}").unwrap();
        }
        // The password anew, so that its hash is a cheap one too.
        cluster.start_again_with(&["--admin-password", ADMIN_PASSWORD]);
        cluster.wait_ready();
        cluster
    }

    /// Starts `keyraft dev` on the folder again, without waiting for anything.
    pub fn start_again(&mut self) {
        self.start_again_with(&[]);
    }

    fn start_again_with(&mut self, arguments: &[&str]) {
        (self.dev, self.output, self.errors) = spawn_dev(&self.path, arguments);
    }

    /// Waits for the line `ready`.
    pub fn wait_ready(&self) {
        let start = Instant::now();
        loop {
            match self.output.recv_timeout(READY_LIMIT.saturating_sub(start.elapsed())) {
                Ok(line) if line.starts_with("ready") => return,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => panic!("not ready within {READY_LIMIT:?}"),
                Err(RecvTimeoutError::Disconnected) => panic!("keyraft dev has ended before it was ready"),
            }
        }
    }

    /// The URL of a node, without `/v3`.
    pub fn url(&self, number: u64) -> String {
        format!("http://127.0.0.1:{}", self.http_port + u16::try_from(number).unwrap())
    }

    pub fn urls(&self) -> Vec<String> {
        self.numbers().map(|number| self.url(number)).collect()
    }

    /// The identity URL of each node, as clients are told it.
    pub fn auth_urls(&self) -> Vec<String> {
        self.urls().iter().map(|url| format!("{url}/v3")).collect()
    }

    pub fn numbers(&self) -> std::ops::Range<u64> {
        0..self.nodes
    }

    pub fn node_folder(&self, number: u64) -> PathBuf {
        self.path.join(format!("node-{number}"))
    }

    pub fn config_file(&self, number: u64) -> PathBuf {
        self.node_folder(number).join("config.toml")
    }

    fn pid(&self, number: u64) -> u32 {
        let text = std::fs::read_to_string(self.node_folder(number).join("pid")).unwrap();
        text.trim().parse().unwrap()
    }

    /// `kill -9` of one node, and waits for its end.
    pub fn kill(&mut self, number: u64) {
        let pid = self.pid(number);
        signal(pid, Signal::KILL);
        wait_until("the killed node is gone", STOP_LIMIT, || {
            self.restarted.iter_mut().for_each(|child| drop(child.try_wait()));
            !is_running(pid)
        });
    }

    /// Stops a node where it is, as a machine that hangs.
    pub fn pause(&self, number: u64) {
        signal(self.pid(number), Signal::STOP);
    }

    /// Lets it go on.
    pub fn resume(&self, number: u64) {
        signal(self.pid(number), Signal::CONT);
    }

    /// Changes the configuration of every node and starts them all again.
    pub fn reconfigure(&mut self, change: impl Fn(u64, String) -> String) {
        self.stop();
        for number in self.numbers() {
            let file = self.config_file(number);
            let text = std::fs::read_to_string(&file).unwrap();
            std::fs::write(&file, change(number, text)).unwrap();
        }
        self.start_again();
        self.wait_ready();
    }

    /// `kill -9` of all nodes and of `keyraft dev`, as when the power fails.
    pub fn kill_all(&mut self) {
        let pids: Vec<_> = self.numbers().map(|number| self.pid(number)).collect();
        let running = pids.iter().filter(|pid| is_running(**pid));
        running.for_each(|pid| signal(*pid, Signal::KILL));
        self.restarted.iter_mut().for_each(end);
        end(&mut self.dev);
        wait_until("the killed nodes are gone", STOP_LIMIT, || pids.iter().all(|pid| !is_running(*pid)));
    }

    /// Starts a node that was killed, by its own configuration.
    pub fn restart(&mut self, number: u64) {
        let log = File::options().append(true).create(true).open(self.log_file(number)).unwrap();
        let mut serve = Command::new(binary());
        serve.args(["serve", "--config"]).arg(self.config_file(number));
        serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.restarted.push(serve.spawn().unwrap());
    }

    /// What Ctrl-C does; every process must end well.
    pub fn stop(&mut self) {
        signal(self.dev.id(), Signal::INT);
        wait_until("keyraft dev has ended", STOP_LIMIT, || self.dev.try_wait().unwrap().is_some());
        assert_eq!(self.dev.wait().unwrap().code(), Some(0), "the exit code of keyraft dev");
    }

    /// What `keyraft status --json` says of the cluster; `None` when the node does not answer.
    pub fn status(&self, asked: u64) -> Option<Value> {
        let shown = run(&["status", "--json", "--url", &self.url(asked)]);
        if shown.status.success() { serde_json::from_slice(&shown.stdout).ok() } else { None }
    }

    /// The leader that a node knows of.
    pub async fn leader(&self, asked: u64) -> u64 {
        eventually("there is a leader", READY_LIMIT, async || self.status(asked)?["leader"].as_u64()).await
    }

    /// A node that is not the leader.
    pub async fn follower(&self) -> u64 {
        (self.leader(0).await + 1) % self.nodes
    }

    /// Waits until all nodes have applied as much, and then their states are the same.
    pub async fn wait_same_state(&self, asked: u64) {
        let start = Instant::now();
        loop {
            let status = self.status(asked).unwrap_or_default();
            if is_same_everywhere(&status) {
                return;
            }
            assert!(start.elapsed() < CATCH_UP_LIMIT, "the states differ: {status:#}");
            tokio::time::sleep(POLL_PAUSE).await;
        }
    }

    /// Runs `keyraft COMMAND --config` of a node, and then more.
    pub fn administer(&self, number: u64, command: &[&str], rest: &[&str]) -> Output {
        let config = self.config_file(number);
        let mut arguments = command.to_vec();
        arguments.extend(["--config", config.to_str().unwrap()]);
        arguments.extend(rest);
        run(&arguments)
    }

    fn log_file(&self, number: u64) -> PathBuf {
        self.node_folder(number).join("log")
    }

    fn show_logs(&self) {
        for line in self.errors.try_iter() {
            eprintln!("keyraft dev: {line}");
        }
        for number in self.numbers() {
            let log = std::fs::read_to_string(self.log_file(number)).unwrap_or_default();
            let lines: Vec<_> = log.lines().filter(|line| !line.contains(ACCESS_LOG)).collect();
            eprintln!("--- the end of the log of node {number}");
            lines
                .iter()
                .skip(lines.len().saturating_sub(SHOWN_LOG_LINES))
                .for_each(|line| eprintln!("{line}"));
        }
    }
}

impl Drop for DevCluster {
    fn drop(&mut self) {
        self.restarted.iter_mut().for_each(end);
        // The nodes that it started end with it.
        end(&mut self.dev);
        if std::thread::panicking() {
            self.show_logs();
            let kept = self.folder.take().map(tempfile::TempDir::keep);
            eprintln!("--- the folder of the cluster is kept: {kept:?}");
        }
    }
}

/// Whether a status tells of three nodes that have applied as much and have the same digest.
fn is_same_everywhere(status: &Value) -> bool {
    let of = |node: &Value| Some((node["applied_index"].as_u64()?, node["digest"].as_str()?.to_owned()));
    let states = status["nodes"].as_array().map(|nodes| nodes.iter().map(of).collect::<Option<Vec<_>>>());
    states
        .flatten()
        .is_some_and(|states| states.len() == 3 && states.windows(2).all(|pair| pair[0] == pair[1]))
}

fn binary() -> PathBuf {
    std::env::var_os(BINARY_VARIABLE).map_or_else(|| env!("CARGO_BIN_EXE_keyraft").into(), PathBuf::from)
}

/// Runs a command of the binary to its end.
fn run(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn spawn_dev(folder: &Path, arguments: &[&str]) -> (Child, Receiver<String>, Receiver<String>) {
    let mut command = Command::new(binary());
    command.arg("dev").arg("--data-dir").arg(folder).args(arguments);
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut dev = command.spawn().unwrap();
    let output = lines(dev.stdout.take().unwrap());
    let errors = lines(dev.stderr.take().unwrap());
    (dev, output, errors)
}

/// Waits for all other clusters of this target folder to be gone; the file is the lock.
fn wait_to_be_alone() -> File {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("one-cluster-at-a-time");
    let file = File::options().write(true).create(true).truncate(false).open(path).unwrap();
    file.lock().unwrap();
    file
}

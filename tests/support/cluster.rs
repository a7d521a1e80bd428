//! A cluster of real processes, made by `keyraft dev`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use reqwest::Method;
use rustix::process::Signal;
use serde_json::Value;

use super::client::Client;
use super::dev_process::{DevProcess, READY_LIMIT, STOP_LIMIT, ServeProcess, keyraft};
use super::process::{is_running, signal};
use super::turn::Turn;
use super::{POLL_PAUSE, eventually, wait_until};

pub const ADMIN_PASSWORD: &str = "s3cr3t of the tests";
/// A node that has not caught up by then never will.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(60);
/// Tests log in a lot, and are not about the strength of hashes.
const CHEAP_PASSWORDS: &str = "identity.password_hash_rounds=4";
const NODES: u64 = 3;
/// In the lines that tell of requests; there are too many to be of use.
const ACCESS_LOG: &str = "keyraft::access";
/// Lines of each node's log that a failed test shows.
const SHOWN_LOG_LINES: usize = 40;

/// What a node keeps in its folder and cannot do without.
const NODE_FILES: [&str; 5] = ["wal", "state", "snapshots", "boot", "lock"];

/// Three nodes and the `keyraft dev` that runs them. It belongs to one test.
pub struct DevCluster {
    folder: Option<tempfile::TempDir>,
    dev: DevProcess,
    /// Nodes that were restarted by themselves.
    restarted: Vec<ServeProcess>,
    monitor: Client,
    _turn: Turn,
}

impl DevCluster {
    /// Three nodes with the options of `keyraft dev`, but for the cost of passwords.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Three nodes with these options too, each `section.key=value`.
    pub fn start_with(options: &[&str]) -> Self {
        Self::start_in(Turn::shared(), options, |_| {})
    }

    /// Three nodes that find in their folder what `prepare` puts there.
    pub fn start_prepared(options: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        Self::start_in(Turn::shared(), options, prepare)
    }

    /// Three nodes that nothing else disturbs, for a test that measures time. `.config/nextest.toml` has to name it.
    pub fn start_alone() -> Self {
        Self::start_in(Turn::alone(), &[], |_| {})
    }

    fn start_in(turn: Turn, options: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::Builder::new().prefix("keyraft-").tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        prepare(&path);
        let mut arguments = vec!["--nodes", "3", "--admin-password", ADMIN_PASSWORD];
        for option in [CHEAP_PASSWORDS].iter().chain(options) {
            arguments.extend(["--set", option]);
        }
        let dev = DevProcess::start(&path, &arguments);
        let (folder, restarted) = (Some(folder), Vec::new());
        let cluster = Self { folder, dev, restarted, monitor: Client::anonymous(), _turn: turn };
        cluster.wait_ready();
        cluster
    }

    /// Starts `keyraft dev` on the folder again, without waiting for anything.
    pub fn start_again(&mut self) {
        self.dev.start_again(&[]);
    }

    /// Waits for the line `ready`.
    pub fn wait_ready(&self) {
        self.dev.wait_ready();
    }

    /// The URL of a node, without `/v3`.
    pub fn url(&self, number: u64) -> String {
        self.dev.url(number)
    }

    pub fn urls(&self) -> Vec<String> {
        self.numbers().map(|number| self.url(number)).collect()
    }

    /// The port of the API of a node.
    pub fn http_port(&self, number: u64) -> u16 {
        self.dev.http_port(number)
    }

    /// The identity URL of each node, as clients are told it.
    pub fn auth_urls(&self) -> Vec<String> {
        self.urls().iter().map(|url| format!("{url}/v3")).collect()
    }

    pub fn numbers(&self) -> std::ops::Range<u64> {
        0..NODES
    }

    pub fn node_folder(&self, number: u64) -> PathBuf {
        self.dev.node_folder(number)
    }

    pub fn config_file(&self, number: u64) -> PathBuf {
        self.dev.config_file(number)
    }

    /// The process of a node.
    pub fn pid(&self, number: u64) -> u32 {
        self.dev.node_pid(number)
    }

    /// What a node has logged, whatever process it was.
    pub fn log(&self, number: u64) -> String {
        std::fs::read_to_string(self.dev.log_file(number)).unwrap_or_default()
    }

    /// Removes the files of a node that does not run, as a new disk does; its configuration and its log stay.
    pub fn forget_files(&self, number: u64) {
        for name in NODE_FILES {
            remove(&self.node_folder(number).join(name));
        }
    }

    /// Moves the files of a node to another folder.
    pub fn move_files(&self, from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for name in NODE_FILES.iter().filter(|name| from.join(name).exists()) {
            std::fs::rename(from.join(name), to.join(name)).unwrap();
        }
    }

    /// Copies the files of a node to another folder, while it runs or not.
    pub fn copy_files(&self, from: &Path, to: &Path) {
        for name in NODE_FILES.iter().filter(|name| from.join(name).exists()) {
            copy(&from.join(name), &to.join(name));
        }
    }

    /// `kill -9` of one node, and waits for its end.
    pub fn kill(&mut self, number: u64) {
        let pid = self.dev.node_pid(number);
        signal(pid, Signal::KILL);
        wait_until("the killed node is gone", STOP_LIMIT, || {
            self.restarted.retain_mut(|node| !node.has_ended());
            !is_running(pid)
        });
    }

    /// Stops a node where it is, as a machine that hangs.
    pub fn pause(&self, number: u64) {
        signal(self.dev.node_pid(number), Signal::STOP);
    }

    /// Lets it go on.
    pub fn resume(&self, number: u64) {
        signal(self.dev.node_pid(number), Signal::CONT);
    }

    /// Has a node read again what it reads again while it runs.
    pub fn reload(&self, number: u64) {
        signal(self.dev.node_pid(number), Signal::HUP);
    }

    /// Changes the configuration of every node and starts them all again.
    pub fn reconfigure(&mut self, change: impl Fn(u64, &str) -> String) {
        self.stop();
        for number in self.numbers() {
            let file = self.config_file(number);
            let text = std::fs::read_to_string(&file).unwrap();
            let changed = change(number, &text);
            assert_ne!(text, changed, "the configuration of node {number}");
            std::fs::write(&file, changed).unwrap();
        }
        self.start_again();
        self.wait_ready();
    }

    /// `kill -9` of all nodes and of `keyraft dev`, as when the power fails.
    pub fn kill_all(&mut self) {
        let pids: Vec<_> = self.numbers().map(|number| self.dev.node_pid(number)).collect();
        let running = pids.iter().filter(|pid| is_running(**pid));
        running.for_each(|pid| signal(*pid, Signal::KILL));
        self.restarted.clear();
        self.dev.kill();
        wait_until("the killed nodes are gone", STOP_LIMIT, || pids.iter().all(|pid| !is_running(*pid)));
    }

    /// Starts a node that was killed, by its own configuration.
    pub fn restart(&mut self, number: u64) {
        let log = File::options().append(true).create(true).open(self.dev.log_file(number)).unwrap();
        self.restarted.push(ServeProcess::start(&self.config_file(number), log.into()));
    }

    /// Stops all nodes, as Ctrl-C does; every process must end well.
    pub fn stop(&mut self) {
        for mut node in self.restarted.drain(..) {
            if !node.has_ended() {
                assert_eq!(node.stop().code(), Some(0), "the exit code of a node");
            }
        }
        self.dev.interrupt();
        assert_eq!(self.dev.wait_exit().code(), Some(0), "the exit code of keyraft dev");
    }

    /// The cluster as a node sees it; `None` when the node does not respond.
    pub async fn status(&self, asked: u64) -> Option<Value> {
        let url = format!("{}/keyraft/status", self.url(asked));
        let reply = self.monitor.send(Method::GET, &url, None).await.ok()?;
        (reply.status == 200).then_some(reply.body)
    }

    /// The leader that a node knows of.
    pub async fn leader(&self, asked: u64) -> u64 {
        eventually("there is a leader", READY_LIMIT, async || self.status(asked).await?["leader"].as_u64())
            .await
    }

    /// A node that is not the leader.
    pub async fn follower(&self) -> u64 {
        (self.leader(0).await + 1) % NODES
    }

    /// Waits until all nodes have applied as much, and then their states are the same.
    pub async fn wait_same_state(&self, asked: u64) {
        let start = Instant::now();
        loop {
            let status = self.status(asked).await.unwrap_or_default();
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
        keyraft(&arguments)
    }

    fn show_logs(&self) {
        for line in self.dev.error_lines() {
            eprintln!("keyraft dev: {line}");
        }
        for number in self.numbers() {
            let log = std::fs::read_to_string(self.dev.log_file(number)).unwrap_or_default();
            let lines: Vec<_> = log.lines().filter(|line| !line.contains(ACCESS_LOG)).collect();
            eprintln!("--- the end of the log of node {number}");
            let shown = lines.iter().skip(lines.len().saturating_sub(SHOWN_LOG_LINES));
            shown.for_each(|line| eprintln!("{line}"));
        }
    }
}

impl Drop for DevCluster {
    fn drop(&mut self) {
        self.restarted.clear();
        // The nodes that it started end with it.
        self.dev.kill();
        if std::thread::panicking() {
            self.show_logs();
            let kept = self.folder.take().map(tempfile::TempDir::keep);
            eprintln!("--- the folder of the cluster is kept: {kept:?}");
        }
    }
}

fn remove(path: &Path) {
    if path.is_dir() {
        std::fs::remove_dir_all(path).unwrap();
    } else if path.exists() {
        std::fs::remove_file(path).unwrap();
    }
}

/// Copies a file, or a folder and all that is in it. What the node removes meanwhile is left out.
fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap().map_while(Result::ok) {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else if let Err(error) = std::fs::copy(from, to) {
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{}: {error}", from.display());
    }
}

/// Returns true if a status shows three nodes that have applied as much and have the same digest.
fn is_same_everywhere(status: &Value) -> bool {
    let of = |node: &Value| Some((node["applied_index"].as_u64()?, node["digest"].as_str()?.to_owned()));
    let states = status["nodes"].as_array().map(|nodes| nodes.iter().map(of).collect::<Option<Vec<_>>>());
    states
        .flatten()
        .is_some_and(|states| states.len() == 3 && states.windows(2).all(|pair| pair[0] == pair[1]))
}

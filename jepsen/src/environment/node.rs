//! One node: a process of the binary under test, with its folder.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::EnvironmentError;
use super::configuration::Configuration;
use super::wall_clock::{self, ClockError};
use crate::disk::Disk;

/// The folder of its data, in its own.
const DATA: &str = "data";
/// What names the bug of a node, where its binary can have one.
const PLANTED_BUG: &str = "KEYRAFT_PLANTED_BUG";
/// What names the file that spoils the state of a node when it is made, where its binary can have bugs.
const SPOILED_BY: &str = "KEYRAFT_STATE_SPOILED_BY";
/// How often the states of all nodes are compared, where one of them can be spoiled.
const COMPARED_SOON_MS: u64 = 2_000;
/// A node that was told to stop has this long before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// Where a node is and how it is started.
#[derive(Clone, Debug)]
pub struct Site {
    /// Its number, from 0.
    pub number: usize,
    /// Its folder: configuration, log, socket, `data/`.
    pub folder: PathBuf,
    /// The cluster key, the same file for all.
    pub cluster_key: PathBuf,
    /// The program and the arguments that come before the binary; empty if there are none.
    pub enter: Vec<String>,
    /// The binary under test.
    pub binary: PathBuf,
    /// The bug that it is to have.
    pub planted_bug: Option<String>,
    /// Where clients reach it.
    pub http: SocketAddr,
    /// Where it listens for the others.
    pub cluster: SocketAddr,
    /// Where the nodes reach one another.
    pub peers: Vec<SocketAddr>,
    /// Whether its data lies on a disk of the harness.
    pub has_disk: bool,
    /// Whether its state can be spoiled, and the states of all nodes are compared soon after.
    pub can_be_spoiled: bool,
}

/// What a node starts with instead of what is its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lent {
    /// The folder of its data.
    pub data: Option<PathBuf>,
    /// The file of the cluster key.
    pub cluster_key: Option<PathBuf>,
}

/// A node.
pub struct Node {
    site: Site,
    process: Mutex<Option<Child>>,
    wall_clock_offset_ms: AtomicI64,
    lent: std::sync::Mutex<Lent>,
    claim: Arc<Mutex<()>>,
    own_ends: std::sync::Mutex<Vec<String>>,
    disk: Option<Disk>,
}

/// How a process is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life {
    /// It runs, or is stopped by a signal.
    Running,
    /// It was never started, or the harness ended it.
    Down,
    /// It ended by itself.
    Ended(String),
}

impl Node {
    /// A node that does not run yet; its folder is made.
    ///
    /// # Errors
    /// The folder cannot be made, or its disk not be mounted.
    pub fn new(site: Site) -> Result<Self, EnvironmentError> {
        let data = site.folder.join(DATA);
        fs::create_dir_all(&data).map_err(EnvironmentError::file(&data))?;
        let disk = if site.has_disk { Some(Disk::mount(&data)?) } else { None };
        let (process, wall_clock_offset_ms) = (Mutex::new(None), AtomicI64::new(0));
        Ok(Self {
            site,
            process,
            wall_clock_offset_ms,
            lent: Default::default(),
            claim: Arc::default(),
            own_ends: Default::default(),
            disk,
        })
    }

    /// Where it is and how it is started.
    pub(super) fn site(&self) -> &Site {
        &self.site
    }

    /// Its number, from 0.
    pub fn number(&self) -> usize {
        self.site.number
    }

    /// Where clients reach it.
    pub fn http(&self) -> SocketAddr {
        self.site.http
    }

    /// Its admin socket.
    pub fn admin_socket(&self) -> PathBuf {
        self.site.folder.join("admin.sock")
    }

    /// The folder of its data.
    pub fn data(&self) -> PathBuf {
        self.site.folder.join(DATA)
    }

    /// Its disk, if that is one of the harness.
    pub fn disk(&self) -> Option<&Disk> {
        self.disk.as_ref()
    }

    /// What it has logged, over all its lives.
    pub fn log_file(&self) -> PathBuf {
        self.site.folder.join("log")
    }

    /// Takes the node for one disturbance; `None` while another has it. It does not hinder what needs no claim.
    pub fn claim(&self) -> Option<OwnedMutexGuard<()>> {
        Arc::clone(&self.claim).try_lock_owned().ok()
    }

    /// How far its wall clock will be ahead when it starts the next time.
    pub fn set_wall_clock_offset_ms(&self, offset_ms: i64) {
        self.wall_clock_offset_ms.store(offset_ms, Ordering::SeqCst);
    }

    /// What it has instead of what is its own when it starts the next time; nothing, unless this names it.
    pub fn lend(&self, lent: Lent) {
        *self.lent.lock().unwrap_or_else(PoisonError::into_inner) = lent;
    }

    /// The file that spoils its state when it is made, and is gone then; of use only if [`Site::can_be_spoiled`].
    pub fn spoiling_file(&self) -> PathBuf {
        self.site.folder.join("spoil")
    }

    /// Lets the wall clock of its process jump to what is so far from the right time; 0 is that. It is right again in the
    /// next process.
    ///
    /// # Errors
    /// The process is gone, or its clock cannot be moved.
    pub async fn move_wall_clock(&self, offset_ms: i64) -> Result<(), ClockError> {
        // Kept, so that nobody waits for the process and its number becomes another's.
        let process = self.process.lock().await;
        let Some(number) = process.as_ref().and_then(Child::id) else { return Err(ClockError::Down) };
        tokio::task::block_in_place(|| wall_clock::set_offset(number, offset_ms))
    }

    /// Starts the process unless it runs.
    ///
    /// # Errors
    /// The configuration cannot be written or the binary not be started.
    pub async fn start(&self) -> Result<(), EnvironmentError> {
        let mut process = self.process.lock().await;
        if let Some(child) = process.as_mut()
            && matches!(child.try_wait(), Ok(None))
        {
            return Ok(());
        }
        let config = self.site.folder.join("config.toml");
        fs::write(&config, self.configuration()).map_err(EnvironmentError::file(&config))?;
        let log = File::options().append(true).create(true).mode(0o644).open(self.log_file());
        let log = log.map_err(EnvironmentError::file(&self.log_file()))?;
        let mut line = self.site.enter.clone();
        line.extend([self.site.binary.display().to_string(), "serve".to_owned(), "--config".to_owned()]);
        let Some((program, arguments)) = line.split_first() else { return Ok(()) };
        let spawned = Command::new(program)
            .args(arguments)
            .arg(&config)
            .envs(self.site.planted_bug.iter().map(|bug| (PLANTED_BUG, bug)))
            .envs(self.site.can_be_spoiled.then(|| (SPOILED_BY, self.spoiling_file())))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        *process = Some(spawned.map_err(|error| self.failed(error.to_string()))?);
        Ok(())
    }

    /// `kill -9`, and waits until the process is gone.
    pub async fn kill(&self) {
        let mut process = self.process.lock().await;
        if let Some(mut child) = process.take() {
            self.notice_end(&mut child);
            let _ = child.start_kill();
            let _ = child.wait().await;
        }
    }

    /// SIGTERM, and waits until the process is gone; whether it went by itself and in time.
    pub async fn stop(&self) -> bool {
        let mut process = self.process.lock().await;
        let Some(mut child) = process.take() else { return false };
        self.notice_end(&mut child);
        send(&child, Signal::SIGTERM);
        match tokio::time::timeout(STOP_LIMIT, child.wait()).await {
            Ok(Ok(status)) => status.success(),
            _ => {
                let _ = child.start_kill();
                let _ = child.wait().await;
                false
            }
        }
    }

    /// Waits until its process has ended by itself, as it should, so that nobody notes it; how it has. `None` if it still
    /// runs then, or did not run.
    pub async fn ends_within(&self, limit: Duration) -> Option<String> {
        let mut process = self.process.lock().await;
        let status = tokio::time::timeout(limit, process.as_mut()?.wait()).await.ok()?.ok()?;
        *process = None;
        Some(status.to_string())
    }

    /// SIGSTOP; whether there was a process.
    pub async fn pause(&self) -> bool {
        self.process.lock().await.as_ref().is_some_and(|child| send(child, Signal::SIGSTOP))
    }

    /// SIGCONT.
    pub async fn resume(&self) -> bool {
        self.process.lock().await.as_ref().is_some_and(|child| send(child, Signal::SIGCONT))
    }

    /// The number of its process, while it has one.
    pub async fn process_number(&self) -> Option<u32> {
        self.process.lock().await.as_ref().and_then(Child::id)
    }

    /// How its process is.
    pub async fn life(&self) -> Life {
        let mut process = self.process.lock().await;
        match process.as_mut().map(Child::try_wait) {
            None => Life::Down,
            Some(Ok(None)) => Life::Running,
            Some(Ok(Some(status))) => Life::Ended(status.to_string()),
            Some(Err(error)) => Life::Ended(error.to_string()),
        }
    }

    /// How its processes have ended that were gone before the harness could end them; each is told once.
    pub fn own_ends(&self) -> Vec<String> {
        std::mem::take(&mut *self.own_ends.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn notice_end(&self, child: &mut Child) {
        if let Ok(Some(status)) = child.try_wait() {
            self.own_ends.lock().unwrap_or_else(PoisonError::into_inner).push(status.to_string());
        }
    }

    /// What its processes say in its log of a panic, as far as they do.
    pub fn panics(&self) -> Vec<String> {
        let log = fs::read(self.log_file()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        log.lines().filter(|line| line.contains("panicked at")).map(str::to_owned).collect()
    }

    fn configuration(&self) -> String {
        let site = &self.site;
        let lent = self.lent.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Configuration {
            node: site.number,
            data: &lent.data.unwrap_or_else(|| self.data()),
            cluster_key: lent.cluster_key.as_ref().unwrap_or(&site.cluster_key),
            admin_socket: &self.admin_socket(),
            http: site.http,
            cluster: site.cluster,
            peers: &site.peers,
            wall_clock_offset_ms: self.wall_clock_offset_ms.load(Ordering::SeqCst),
            digest_interval_ms: site.can_be_spoiled.then_some(COMPARED_SOON_MS),
        }
        .to_toml()
    }

    fn failed(&self, reason: String) -> EnvironmentError {
        EnvironmentError::Node { node: self.site.number, reason }
    }
}

/// Sends a signal to a process that has not been waited for, so that its number is still its own.
fn send(child: &Child, what: Signal) -> bool {
    let number = child.id().and_then(|id| i32::try_from(id).ok());
    number.is_some_and(|number| signal::kill(Pid::from_raw(number), what).is_ok())
}

/// Writes the cluster key of a run.
///
/// # Errors
/// The file cannot be written.
pub fn write_cluster_key(path: &Path, text: &str) -> Result<(), EnvironmentError> {
    let written = File::options().write(true).create(true).truncate(true).mode(0o600).open(path);
    let mut file = written.map_err(EnvironmentError::file(path))?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(EnvironmentError::file(path))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn node(folder: &Path, binary: &str, can_be_spoiled: bool) -> Node {
        let any = SocketAddr::from(([127, 0, 0, 1], 1));
        Node::new(Site {
            number: 1,
            folder: folder.to_owned(),
            cluster_key: "/own.key".into(),
            enter: Vec::new(),
            binary: binary.into(),
            planted_bug: None,
            http: any,
            cluster: any,
            peers: vec![any],
            has_disk: false,
            can_be_spoiled,
        })
        .unwrap()
    }

    #[test]
    fn what_is_lent_is_configured_until_it_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let node = node(folder.path(), "keyraft", false);
        let own = node.configuration();
        assert!(own.contains("/own.key") && !own.contains("digest_interval_ms"), "{own}");
        node.lend(Lent { data: Some("/other".into()), cluster_key: Some("/other.key".into()) });
        let lent = node.configuration();
        assert!(lent.contains("data_dir = \"/other\"\ncluster_key_file = \"/other.key\""), "{lent}");
        node.lend(Lent::default());
        assert_eq!(node.configuration(), own);
    }

    #[test]
    fn states_are_compared_soon_where_one_can_be_spoiled() {
        let folder = tempfile::tempdir().unwrap();
        let text = node(folder.path(), "keyraft", true).configuration();
        assert!(text.contains("\ndigest_interval_ms = 2000\npeers = ["), "{text}");
    }

    #[tokio::test]
    async fn an_end_that_is_waited_for_is_noted_by_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let node = node(folder.path(), "false", false);
        assert_eq!(node.ends_within(Duration::ZERO).await, None, "it has not been started");
        node.start().await.unwrap();
        let how = node.ends_within(Duration::from_secs(10)).await;
        assert_eq!(how.as_deref(), Some("exit status: 1"));
        assert_eq!((node.life().await, node.own_ends()), (Life::Down, Vec::new()));
    }
}

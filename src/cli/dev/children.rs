//! The node processes of `keyraft dev`.

use std::fmt;
use std::fs::OpenOptions;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::super::failure::Failure;
use super::StopSignals;
use super::folder::DevNode;

/// A node has this long to stop before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// The reason that a node gives for its end is cut to this length.
const MAX_REASON_BYTES: u64 = 4096;

/// All node processes. They end with the thread that started them.
pub struct Children {
    watches: JoinSet<Exit>,
    stop: CancellationToken,
    kill: CancellationToken,
}

/// A node process that has ended.
#[derive(Debug)]
pub struct Exit {
    pub number: u64,
    pid: u32,
    /// `None` when the system does not tell.
    status: Option<ExitStatus>,
    /// The one line that the node gave as its reason.
    reason: String,
}

impl Children {
    /// Starts a process for each node.
    ///
    /// # Errors
    /// A log cannot be opened or a process cannot be started; then none is left running.
    pub fn start(nodes: &[DevNode]) -> Result<Self, Failure> {
        let (stop, kill) = (CancellationToken::new(), CancellationToken::new());
        let mut watches = JoinSet::new();
        for node in nodes {
            let child = start(node)?;
            watches.spawn(watch(node.number, child, stop.clone(), kill.clone()));
        }
        Ok(Self { watches, stop, kill })
    }

    /// The next process that ends; never, once all have. Cancel-safe.
    pub async fn next_exit(&mut self) -> Exit {
        loop {
            match self.watches.join_next().await {
                Some(Ok(exit)) => return exit,
                Some(Err(error)) => tracing::error!("a node is no longer watched: {error}"),
                None => std::future::pending().await,
            }
        }
    }

    /// Stops those that run, and returns when none does. Another signal meanwhile kills them.
    pub async fn stop(&mut self, signals: &mut StopSignals) {
        self.stop.cancel();
        while !self.watches.is_empty() {
            tokio::select! {
                _ = self.watches.join_next() => {}
                () = signals.recv() => self.kill.cancel(),
            }
        }
    }
}

fn start(node: &DevNode) -> Result<Child, Failure> {
    let context = |error: std::io::Error| {
        Failure::runtime(error).within(format_args!("cannot start node {}", node.number))
    };
    let log_file = node.log_file();
    let log = OpenOptions::new().append(true).create(true).open(&log_file).map_err(|error| {
        Failure::runtime(error).within(format_args!("cannot write {}", log_file.display()))
    })?;
    Command::new(std::env::current_exe().map_err(context)?)
        .arg("serve")
        .arg("--config")
        .arg(node.config_file())
        .arg("--child-of")
        .arg(std::process::id().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .map_err(context)
}

/// Follows one process to its end.
async fn watch(number: u64, mut child: Child, stop: CancellationToken, kill: CancellationToken) -> Exit {
    let pid = child.id().unwrap_or_default();
    let stdout = child.stdout.take();
    let reason = async {
        let mut reason = Vec::new();
        if let Some(stdout) = stdout {
            // What cannot be read is not told.
            let _ = stdout.take(MAX_REASON_BYTES).read_to_end(&mut reason).await;
        }
        String::from_utf8_lossy(&reason).trim().to_owned()
    };
    let end = async {
        tokio::select! {
            status = child.wait() => return status,
            () = stop.cancelled() => {}
        }
        terminate(&child);
        tokio::select! {
            status = child.wait() => return status,
            () = tokio::time::sleep(STOP_LIMIT) => tracing::warn!("node {number} does not stop; killing it"),
            () = kill.cancelled() => {}
        }
        child.kill().await?;
        child.wait().await
    };
    let (reason, status) = tokio::join!(reason, end);
    Exit { number, pid, status: status.ok(), reason }
}

fn terminate(child: &Child) {
    // The number stays the child's until it has been waited for.
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It fails only for a process that has ended.
        let _ = kill_process(pid, Signal::TERM);
    }
}

impl Exit {
    /// The failure of a node that gave up by itself; `None` when it was stopped or killed.
    pub fn failure(&self) -> Option<Failure> {
        let code = self.status?.code()?;
        let failed = |code: i32| match code {
            2 => Failure::usage(self),
            _ => Failure::runtime(self),
        };
        (code != 0).then(|| failed(code))
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} (process {}) ", self.number, self.pid)?;
        match self.status.map(|status| (status.code(), status.signal())) {
            Some((Some(0), _)) => write!(f, "has stopped"),
            Some((Some(_), _)) if !self.reason.is_empty() => write!(f, "has failed: {}", self.reason),
            Some((Some(code), _)) => write!(f, "has failed with exit code {code}"),
            Some((None, Some(signal))) => write!(f, "was killed by signal {signal}"),
            _ => write!(f, "has ended"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(raw: i32, reason: &str) -> Exit {
        Exit { number: 1, pid: 42, status: Some(ExitStatus::from_raw(raw)), reason: reason.to_owned() }
    }

    #[test]
    fn an_exit_says_what_happened() {
        assert_eq!(exit(9, "").to_string(), "node 1 (process 42) was killed by signal 9");
        assert_eq!(exit(1 << 8, "disk full").to_string(), "node 1 (process 42) has failed: disk full");
        assert_eq!(exit(3 << 8, "").to_string(), "node 1 (process 42) has failed with exit code 3");
        assert_eq!(exit(0, "").to_string(), "node 1 (process 42) has stopped");
    }

    #[test]
    fn only_a_node_that_gave_up_by_itself_has_failed() {
        assert!(exit(1 << 8, "").failure().is_some());
        assert!(exit(9, "").failure().is_none() && exit(0, "").failure().is_none());
    }
}

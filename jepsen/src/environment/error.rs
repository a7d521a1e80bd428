//! What can go wrong with the world of a run. None of it says anything about the cluster.

use std::io;
use std::path::{Path, PathBuf};

/// The harness could not do what it had to.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// A program of the system failed.
    #[error("{command}: {reason}")]
    Command {
        /// The command line.
        command: String,
        /// Its last words.
        reason: String,
    },
    /// A file could not be used.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The network namespace could not be entered, or a port not be had.
    #[error("network: {0}")]
    Network(String),
    /// A node could not be started.
    #[error("n{}: {reason}", node + 1)]
    Node {
        /// Which, from 0.
        node: usize,
        /// Why.
        reason: String,
    },
    /// The cluster did not get as far as it had to.
    #[error("not within {} s: {what}", limit_s)]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        limit_s: u64,
    },
}

impl EnvironmentError {
    /// Puts the path before what the system said.
    pub fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File { path, source }
    }
}

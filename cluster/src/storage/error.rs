//! What can go wrong below the state machine.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of the disk or of what is on it. Its text is one line that an operator can act on.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: `write`, `read`, `create`, ...
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process works in the folder.
    #[error("{} is in use by another process", path.display())]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// A file whose content is not what was written.
    #[error("{} is damaged at byte {offset}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// The table of rows below the state failed.
    #[error("the rows below the state failed: {reason}")]
    Rows {
        /// What it said.
        reason: String,
    },
    /// An earlier write has failed, so nothing is written any more.
    #[error("an earlier write failed: {reason}")]
    Stopped {
        /// The first failure.
        reason: String,
    },
}

impl StorageError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    pub(crate) fn damaged(path: &Path, offset: u64, reason: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), offset, reason: reason.into() }
    }

    /// As an error of `std::io`, for openraft.
    pub(crate) fn into_io(self) -> io::Error {
        match self {
            Self::Io { source, action, path } => {
                io::Error::new(source.kind(), format!("cannot {action} {}: {source}", path.display()))
            }
            other => io::Error::other(other),
        }
    }
}

//! Errors below the state machine.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::types::NodeId;

/// A failure of the disk or of what is on it. Its text is one line that an operator can act on.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The attempt: `write`, `read`, `create`, ...
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Error of the system.
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
        /// Offset in it, in bytes.
        offset: u64,
        /// Description of the damage.
        reason: String,
    },
    /// Something undamaged that another version wrote, and this one does not understand. It is left as it is.
    #[error(
        "{} was written by another version: it has {what} {found}, and this version knows {known}; it is left as it is",
        path.display()
    )]
    Unsupported {
        /// The file or folder.
        path: PathBuf,
        /// The kind of thing that is not understood: `log format`, `snapshot version`, `table`, ...
        what: &'static str,
        /// Its number.
        found: u64,
        /// The numbers that this version knows.
        known: String,
    },
    /// The folder of another node.
    #[error("{} is the folder of node {stored}, and this node is configured as node {configured}", folder.display())]
    OtherNode {
        /// The folder.
        folder: PathBuf,
        /// The node that it belongs to.
        stored: NodeId,
        /// The node that opened it.
        configured: NodeId,
    },
    /// The table of rows below the state failed.
    #[error("the rows below the state failed: {reason}")]
    Rows {
        /// Its error.
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

    /// True when what was read is not what was written, or cannot be read because the medium is bad.
    pub(crate) fn is_rot(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::Io { source, .. } => is_bad_medium(source),
            _ => false,
        }
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

/// True when there is no such file.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// True when the medium, or the file system on it, has lost what was written: another attempt does not help.
pub(crate) fn is_bad_medium(error: &io::Error) -> bool {
    let bad = [Errno::IO, Errno::BADMSG, Errno::UCLEAN].map(Errno::raw_os_error);
    error.raw_os_error().is_some_and(|code| bad.contains(&code))
}

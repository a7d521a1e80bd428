//! Why a node must stop serving.

use tokio::sync::watch;

use crate::types::{LogId, LogIndex};

/// A failure after which the node must not go on. The first one stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The state differs from that of a majority: the next start replaces it with a
    /// peer's, or replays the log where there is no peer.
    #[error(
        "the state after entry {index} differs from that of a majority (digest {own:032x}, theirs {agreed:032x}); \
         it is replaced at the next start"
    )]
    Diverged {
        /// The entry after which the digests were compared.
        index: LogIndex,
        /// This node's digest.
        own: u128,
        /// The digest of a majority.
        agreed: u128,
    },
    /// The log lacks what this node has acknowledged to its leader: the next start sets the folder aside, and the node
    /// joins again.
    #[error(
        "the log ends at {}, and this node has acknowledged {acknowledged}; it is set aside at the next start",
        end.map_or("nothing".to_owned(), |end| end.to_string())
    )]
    Forgot {
        /// The last entry of the log; `None`: there is none.
        end: Option<LogId>,
        /// The newest entry that this node has acknowledged.
        acknowledged: LogId,
    },
    /// The log can no longer be written.
    #[error("the log failed: {reason}")]
    Log {
        /// The first failure.
        reason: String,
    },
    /// Another version of the program wrote something that this one does not understand.
    #[error("another version is needed: {reason}")]
    Unsupported {
        /// The unknown thing, and its place.
        reason: String,
    },
    /// A snapshot cannot be taken or installed.
    #[error("a snapshot failed: {reason}")]
    Snapshot {
        /// Description of the failure.
        reason: String,
    },
    /// The rows below the state can no longer be written.
    #[error("the rows below the state failed: {reason}")]
    Rows {
        /// The first failure.
        reason: String,
    },
}

/// Channel for faults; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct FaultReport(watch::Sender<Option<Fault>>);

impl FaultReport {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Reports a fault, unless there was one before.
    pub(crate) fn report(&self, fault: Fault) {
        self.0.send_if_modified(|first| {
            if first.is_some() {
                return false;
            }
            tracing::error!(%fault, "this node must stop");
            *first = Some(fault);
            true
        });
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Option<Fault>> {
        self.0.subscribe()
    }

    pub(crate) fn first(&self) -> Option<Fault> {
        self.0.borrow().clone()
    }
}

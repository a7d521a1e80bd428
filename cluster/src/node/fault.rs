//! Why a node has stopped serving.

use tokio::sync::watch;

use crate::storage;
use crate::types::LogIndex;

/// A failure after which a node refuses reads and writes. Its owner stops the process, or starts the
/// node again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The disk failed, or the state differs from the leader's.
    #[error(transparent)]
    Storage(#[from] storage::Fault),
    /// The storage could not be opened.
    #[error("the storage cannot be opened: {reason}")]
    Open {
        /// The reason that it reported.
        reason: String,
    },
    /// A task of the node has ended.
    #[error("the task {name:?} of this node is gone: {reason}")]
    Task {
        /// Its name.
        name: &'static str,
        /// The way it ended.
        reason: &'static str,
    },
    /// The states of the nodes differ, and none is that of a majority. Nothing is set aside: an operator has to decide.
    #[error("the states after entry {index} differ, and none is that of a majority: {digests}")]
    NoMajority {
        /// The entry after which they were compared.
        index: LogIndex,
        /// The digest of each node that responded.
        digests: String,
    },
    /// Consensus has stopped by itself.
    #[error("consensus has stopped: {reason}")]
    Consensus {
        /// The reason that openraft reported.
        reason: String,
    },
    /// Another process runs under this node's number, or its files come from an old copy.
    #[error("boot {latest_boot} of this node has written already, so boot {boot} must not")]
    Superseded {
        /// This process.
        boot: u64,
        /// The other one.
        latest_boot: u64,
    },
    /// What the node remembers contradicts what its peers say.
    #[error("this node belongs to cluster {own}, node {peer} to cluster {other}")]
    ForeignCluster {
        /// The cluster that this node belongs to.
        own: String,
        /// The node that differs.
        peer: u64,
        /// The cluster it belongs to.
        other: String,
    },
    /// The node leads, and does not apply or release what is committed. Another node may be able to.
    #[error(
        "entry {committed} is committed, and nothing after entry {applied} was applied, or after entry {released} \
         released, for {for_ms} ms"
    )]
    Stalled {
        /// The last entry that is committed.
        committed: u64,
        /// The last one that this node has applied.
        applied: u64,
        /// The last one that all nodes may show.
        released: u64,
        /// Time for which nothing has moved, in milliseconds.
        for_ms: u64,
    },
    /// The node has forgotten its log, and there is no other node to learn it from.
    #[error("the log is lost ({reason}) and no other node has it")]
    Lost {
        /// What is missing.
        reason: String,
    },
}

/// Where the first fault of a node is kept.
pub(crate) struct Faults(watch::Sender<Option<Fault>>);

impl Faults {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Reports a fault, unless there was one before.
    pub(crate) fn raise(&self, fault: Fault) {
        self.0.send_if_modified(|first| {
            if first.is_some() {
                return false;
            }
            tracing::error!(%fault, "this node stops serving");
            *first = Some(fault);
            true
        });
    }

    pub(crate) fn first(&self) -> Option<Fault> {
        self.0.borrow().clone()
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Option<Fault>> {
        self.0.subscribe()
    }

    /// Returns once there is a fault.
    pub(crate) async fn raised(&self) -> Fault {
        let mut faults = self.0.subscribe();
        let fault = faults.wait_for(Option::is_some).await.ok().and_then(|fault| fault.clone());
        match fault {
            Some(fault) => fault,
            // Not reached: the sender lives as long as `self`.
            None => std::future::pending().await,
        }
    }
}

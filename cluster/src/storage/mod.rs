//! Durable parts of a node: the log and the vote, the rows below the state, and the snapshots.
//!
//! ```text
//! <directory>/lock            one process at a time
//!             boot            number of the last life
//!             wal/            identity, and the segments of the log    synced before acknowledged
//!             state/          rows of the state (sled)                 behind the log
//!             snapshots/      whole states                             durable before the log is purged
//!             diverged        there while the state must be replaced
//!             forgot          there while the folder must be set aside
//!             forgotten-N/    what was set aside
//! ```
//!
//! The log is the truth. What lies in `state/` is a copy that lags, and is rebuilt from the newest
//! snapshot and the log whenever it is missing, broken or behind.

mod applied;
mod aside;
mod digest;
mod divergence;
mod error;
mod fault;
mod forgetting;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod handle;
mod identity;
mod intake;
mod layout;
mod log_store;
mod machine;
mod open;
mod rows;
mod sessions;
pub mod snapshot;
mod spoiled;
mod wal;
mod writer;

use std::path::PathBuf;

pub use self::aside::{seed, set_aside};
pub(crate) use self::digest::from_bytes as digest_from_bytes;
pub use self::error::StorageError;
pub use self::fault::Fault;
pub use self::handle::StorageHandle;
pub use self::identity::{Identity, Phase};
pub use self::log_store::LogStore;
pub use self::machine::StateMachine;
pub use self::open::open;
pub use self::rows::MemoryRows;
pub use self::snapshot::{SnapshotFile, SnapshotReceiver};
use crate::application::Application;
use crate::published::Publication;
use crate::types::{LogIndex, NodeId};

/// The formats that this version reads and writes, by the kind of file.
pub(crate) fn formats() -> [(&'static str, u32); 4] {
    [
        ("folder", identity::FOLDER_FORMAT),
        ("log", wal::LOG_FORMAT),
        ("rows", rows::ROWS_FORMAT),
        ("snapshot", snapshot::FILE_VERSION),
    ]
}

/// Kind of the table for the rows of the state.
#[derive(Clone)]
pub enum RowsKind {
    /// In sled, under `state/`.
    Sled,
    /// In memory, for a simulation.
    Memory(MemoryRows),
}

/// Options for a node's files.
#[derive(Clone)]
pub struct StorageOptions {
    /// The node's folder.
    pub directory: PathBuf,
    /// The node's number: the folder of another one is refused.
    pub node_id: NodeId,
    /// A log segment that has outgrown this is followed by a new one.
    pub segment_bytes: u32,
    /// Recent log entries kept in memory.
    pub log_cache_bytes: usize,
    /// Cache of the rows; small, since the state is in memory already.
    pub row_cache_bytes: u64,
    /// Number of entries that the rows may lag behind.
    pub writer_queue_entries: usize,
    /// Place of the rows.
    pub rows: RowsKind,
    /// True when the node has peers: a state that has diverged is then replaced with a snapshot of theirs,
    /// since its own log may lead to the same state again.
    pub has_peers: bool,
    /// Rows and snapshots are written on the caller's thread, so that a simulation repeats.
    pub is_inline: bool,
}

impl StorageOptions {
    /// The defaults for a node's folder.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>, node_id: NodeId) -> Self {
        Self {
            directory: directory.into(),
            node_id,
            segment_bytes: 16 << 20,
            log_cache_bytes: 16 << 20,
            row_cache_bytes: 16 << 20,
            writer_queue_entries: 1024,
            rows: RowsKind::Sled,
            has_peers: false,
            is_inline: false,
        }
    }
}

/// Knowledge that a node still has when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The folder is new: the node belongs to no cluster.
    Empty,
    /// The node has kept every promise it made, and may vote.
    Sound,
    /// Something that was acknowledged is gone. The log takes nothing; the node must
    /// [`set_aside`] its folder and come back as a learner.
    Forgotten {
        /// The missing thing.
        reason: String,
    },
    /// The log is whole, but begins behind what the state can be rebuilt to, or the state has diverged.
    /// openraft must not run: the node has to receive a snapshot through its handle, clear the
    /// divergence, close, and open again.
    NeedsSnapshot {
        /// The last entry that the snapshot must cover.
        at_least_index: LogIndex,
    },
}

/// An opened folder.
pub struct Opened<A: Application> {
    /// Knowledge that the node still has.
    pub standing: Standing,
    /// Its identity; `None` when it belongs to no cluster, or that is unreadable.
    pub identity: Option<Identity>,
    /// The number of this life, for request ids.
    pub boot: u64,
    /// For openraft.
    pub log: LogStore,
    /// For openraft.
    pub machine: StateMachine<A>,
    /// The state as readers see it.
    pub publication: Publication<A>,
    /// For everybody else.
    pub handle: StorageHandle<A>,
}

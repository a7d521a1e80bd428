//! What a node stands on, injected so that a simulation repeats exactly.

use std::sync::Arc;

use crate::disk::{Disk, MemoryDisk, SystemDisk};
use crate::network::sockets::{Network, NoNetwork, SystemNetwork};
use crate::storage::{MemoryRows, RowsKind};

/// The disk and the network of one node, and whether it may use threads.
#[derive(Clone)]
pub struct Host {
    /// Where the log and the snapshots lie.
    pub disk: Arc<dyn Disk>,
    /// Where the rows of the state lie.
    pub rows: RowsKind,
    /// A log segment that has outgrown this is followed by a new one.
    pub segment_bytes: u32,
    /// The way to the other nodes.
    pub network: Arc<dyn Network>,
    /// Nothing runs on a thread of its own, not even what waits for the disk.
    pub is_inline: bool,
    /// A rule of the leases that is left out, to see that it is missed.
    #[cfg(feature = "omissions")]
    pub omitted: Option<keyraft_lease::Omission>,
}

impl Host {
    /// This machine's own.
    #[must_use]
    pub fn system() -> Self {
        Self {
            disk: Arc::new(SystemDisk),
            rows: RowsKind::Sled,
            segment_bytes: 16 << 20,
            network: Arc::new(SystemNetwork),
            is_inline: false,
            #[cfg(feature = "omissions")]
            omitted: None,
        }
    }
    /// A machine that is all in memory and has no network, for a cluster of one node. Its clones share what is on
    /// its disk, so a node that is started on one of them goes on from there.
    #[must_use]
    pub fn in_memory() -> Self {
        Self {
            disk: Arc::new(MemoryDisk::new()),
            rows: RowsKind::Memory(MemoryRows::new()),
            network: Arc::new(NoNetwork),
            is_inline: true,
            ..Self::system()
        }
    }
}

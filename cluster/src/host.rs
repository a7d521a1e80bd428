//! What a node stands on, injected so that a simulation repeats exactly.

use std::sync::Arc;

use crate::disk::{Disk, SystemDisk};
use crate::network::sockets::{Network, SystemNetwork};
use crate::storage::RowsKind;

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
}

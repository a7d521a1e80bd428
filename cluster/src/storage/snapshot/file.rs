//! One durable snapshot.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyraft_proto::cluster as proto;

use super::format::SnapshotReader;
use crate::disk::Disk;
use crate::storage::error::StorageError;
use crate::types::{LogId, LogIndex, SnapshotMeta, StoredMembership, Wire};

/// Bytes of a chunk when a snapshot travels.
const CHUNK_BYTES: u64 = 256 << 10;

/// A durable snapshot. The file stays as long as a handle does.
#[derive(Clone)]
pub struct SnapshotFile {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) path: PathBuf,
    pub(super) meta: proto::SnapshotMeta,
    pub(super) length_bytes: u64,
    pub(super) is_inline: bool,
    /// Counts the handles: one is held by the store itself.
    pub(super) handles: Arc<()>,
}

impl fmt::Debug for SnapshotFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SnapshotFile {
    /// Description of the snapshot, as it travels.
    #[must_use]
    pub fn message(&self) -> &proto::SnapshotMeta {
        &self.meta
    }

    /// Description of the snapshot, for openraft.
    #[must_use]
    pub fn meta(&self) -> SnapshotMeta {
        let state = self.meta.state.clone().unwrap_or_default();
        SnapshotMeta {
            last_log_id: self.last_log_id(),
            last_membership: StoredMembership::from_message(state.membership.unwrap_or_default())
                .unwrap_or_default(),
            snapshot_id: self.meta.snapshot_id.clone(),
        }
    }

    /// The last entry that the snapshot covers.
    #[must_use]
    pub fn last_log_id(&self) -> Option<LogId> {
        let last = self.meta.state.as_ref()?.last_applied?;
        LogId::from_message(last).ok()
    }

    /// Index of the last entry that the snapshot covers; 0 when it covers none.
    #[must_use]
    pub fn last_index(&self) -> LogIndex {
        self.last_log_id().map_or(0, |last| last.index)
    }

    /// Length of the file in bytes.
    #[must_use]
    pub fn length_bytes(&self) -> u64 {
        self.length_bytes
    }

    /// The file in chunks of at most 256 KiB, in order. Each is read when it is asked for.
    pub fn read_chunks(&self) -> impl Iterator<Item = io::Result<Vec<u8>>> + Send + use<> {
        let file = self.clone();
        let offsets = (0..file.length_bytes).step_by(usize::try_from(CHUNK_BYTES).unwrap_or(usize::MAX));
        offsets.map(move |offset| file.read_chunk(offset))
    }

    /// The chunk that begins at `offset`: 256 KiB, or what is left.
    ///
    /// # Errors
    /// As of the disk.
    pub(crate) fn read_chunk(&self, offset: u64) -> io::Result<Vec<u8>> {
        let length = CHUNK_BYTES.min(self.length_bytes.saturating_sub(offset));
        self.disk.read_at(&self.path, offset, usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// True when nothing may run on a thread of its own.
    pub(crate) fn is_inline(&self) -> bool {
        self.is_inline
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The error of a disk that does not read the file.
    pub(crate) fn unreadable(&self, source: io::Error) -> StorageError {
        StorageError::Io { action: "read", path: self.path.clone(), source }
    }

    /// The rows, which are checked as they are read.
    ///
    /// # Errors
    /// `Unsupported` for another version; `Damaged`; as of the disk.
    pub(crate) fn rows(&self) -> Result<SnapshotReader, StorageError> {
        SnapshotReader::open(Arc::clone(&self.disk), &self.path)
    }
}

//! A snapshot that comes from another node.

use std::path::PathBuf;
use std::sync::Arc;

use super::{SnapshotFile, SnapshotReader, SnapshotStore};
use crate::disk::AppendFile;
use crate::storage::error::StorageError;
use crate::storage::wal::Wal;

/// Takes the bytes of a snapshot file, in order. Dropped unfinished, it leaves nothing behind.
pub struct SnapshotReceiver {
    store: Arc<SnapshotStore>,
    wal: Wal,
    path: PathBuf,
    file: Box<dyn AppendFile>,
    is_named: bool,
}

impl SnapshotReceiver {
    pub(crate) fn begin(store: Arc<SnapshotStore>, wal: Wal) -> Result<Self, StorageError> {
        let path = store.temporary();
        let file = store.disk.create(&path).map_err(StorageError::io("create", &path))?;
        Ok(Self { store, wal, path, file, is_named: false })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// As of the disk.
    pub fn write(&mut self, chunk: &[u8]) -> Result<(), StorageError> {
        self.file.append(chunk).map_err(StorageError::io("write", &self.path))
    }

    /// Checks the whole file and keeps it. From then on a start may build on it. It reads the file:
    /// call it where blocking is allowed.
    ///
    /// # Errors
    /// `Damaged` when what came is no whole snapshot; as of the disk.
    pub fn finish(mut self) -> Result<SnapshotFile, StorageError> {
        self.file.sync().map_err(StorageError::io("sync", &self.path))?;
        let meta = SnapshotReader::open(Arc::clone(&self.store.disk), &self.path)?.verify()?;
        // The mark comes first: a log that ends before the snapshot has then forgotten nothing.
        let covered = meta.state.as_ref().and_then(|state| state.last_applied);
        if let Some(covered) = covered {
            use crate::types::{LogId, Wire};
            let covered = LogId::from_message(covered)
                .map_err(|error| StorageError::damaged(&self.path, 0, error.to_string()))?;
            self.wal.save_snapshot_received(covered)?;
        }
        let file = self.store.adopt(&self.path, meta)?;
        self.is_named = true;
        Ok(file)
    }
}

impl Drop for SnapshotReceiver {
    fn drop(&mut self) {
        if !self.is_named {
            // What is left over is removed at the next start.
            let _ = self.store.disk.remove(&self.path);
        }
    }
}

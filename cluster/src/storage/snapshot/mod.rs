//! Snapshots: the whole state in one file.

mod build;
mod format;
mod receive;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keyraft_proto::cluster as proto;

pub use self::build::SnapshotBuilder;
pub(crate) use self::format::{SnapshotReader, VERSION as SNAPSHOT_FORMAT};
pub use self::receive::SnapshotReceiver;
use super::error::StorageError;
use crate::disk::{Disk, make_folder};
use crate::types::{LogId, LogIndex, SnapshotMeta, StoredMembership, Wire};

/// Snapshots kept besides those that are being read.
const KEPT_SNAPSHOTS: usize = 2;
/// Bytes of a chunk when a snapshot travels.
const CHUNK_BYTES: u64 = 256 << 10;
const SUFFIX: &str = ".snapshot";
const TEMPORARY_SUFFIX: &str = ".tmp";

/// A durable snapshot. The file stays as long as a handle does.
#[derive(Clone)]
pub struct SnapshotFile {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    meta: proto::SnapshotMeta,
    length_bytes: u64,
    /// Counts the handles: one is held by the store itself.
    handles: Arc<()>,
}

impl fmt::Debug for SnapshotFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SnapshotFile {
    /// What the snapshot covers, as it travels.
    #[must_use]
    pub fn message(&self) -> &proto::SnapshotMeta {
        &self.meta
    }

    /// What the snapshot covers, for openraft.
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
        offsets.map(move |offset| {
            let length = CHUNK_BYTES.min(file.length_bytes - offset);
            file.disk.read_at(&file.path, offset, usize::try_from(length).unwrap_or(usize::MAX))
        })
    }

    pub(crate) fn unreadable(&self, source: io::Error) -> StorageError {
        StorageError::Io { action: "read", path: self.path.clone(), source }
    }

    pub(crate) fn rows(&self) -> Result<SnapshotReader, StorageError> {
        SnapshotReader::open(Arc::clone(&self.disk), &self.path)
    }
}

/// The snapshots of a node.
pub(crate) struct SnapshotStore {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    /// In ascending order of what they cover.
    files: Mutex<Vec<SnapshotFile>>,
    temporaries: AtomicU64,
}

impl SnapshotStore {
    /// Looks through a folder: what a crash left half-written is removed, what is damaged set aside.
    pub(crate) fn open(disk: Arc<dyn Disk>, folder: PathBuf) -> Result<Self, StorageError> {
        make_folder(disk.as_ref(), &folder).map_err(StorageError::io("create", &folder))?;
        let store = Self { disk, folder, files: Mutex::new(Vec::new()), temporaries: AtomicU64::new(0) };
        let mut files = Vec::new();
        let names = store.disk.list(&store.folder).map_err(StorageError::io("read", &store.folder))?;
        for name in names {
            let path = store.folder.join(&name);
            if name.ends_with(TEMPORARY_SUFFIX) {
                store.disk.remove(&path).map_err(StorageError::io("remove", &path))?;
            } else if name.ends_with(SUFFIX) {
                match SnapshotReader::open(Arc::clone(&store.disk), &path).and_then(SnapshotReader::verify) {
                    Ok(meta) => files.push(store.handle(path, meta)?),
                    Err(StorageError::Damaged { offset, reason, .. }) => {
                        tracing::warn!(file = %path.display(), offset, reason, "setting a bad snapshot aside");
                        store.set_aside(&path)?;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        files.sort_by_key(SnapshotFile::last_log_id);
        *store.files() = files;
        Ok(store)
    }

    /// The snapshot that covers most.
    pub(crate) fn newest(&self) -> Option<SnapshotFile> {
        self.files().last().cloned()
    }

    /// True when the file is one of this node's own.
    pub(crate) fn holds(&self, file: &SnapshotFile) -> bool {
        self.files().iter().any(|kept| Arc::ptr_eq(&kept.handles, &file.handles))
    }

    /// Sets all snapshots aside: they are not to be trusted.
    pub(crate) fn set_all_aside(&self) -> Result<(), StorageError> {
        for file in std::mem::take(&mut *self.files()) {
            self.set_aside(&file.path)?;
        }
        Ok(())
    }

    /// Sets one snapshot aside whose rows turned out not to be what it says.
    pub(crate) fn reject(&self, file: &SnapshotFile) -> Result<(), StorageError> {
        self.files().retain(|kept| kept.path != file.path);
        self.set_aside(&file.path)
    }

    fn set_aside(&self, path: &Path) -> Result<(), StorageError> {
        let mut bad = path.as_os_str().to_owned();
        bad.push(".bad");
        self.disk.rename(path, Path::new(&bad)).map_err(StorageError::io("rename", path))?;
        self.disk.sync_dir(&self.folder).map_err(StorageError::io("sync", &self.folder))
    }

    fn temporary(&self) -> PathBuf {
        let number = self.temporaries.fetch_add(1, Ordering::Relaxed);
        self.folder.join(format!("{number}{TEMPORARY_SUFFIX}"))
    }

    /// Gives a durable, verified temporary file its name, and removes what is no longer needed.
    fn adopt(&self, temporary: &Path, meta: proto::SnapshotMeta) -> Result<SnapshotFile, StorageError> {
        let last = meta.state.as_ref().and_then(|state| state.last_applied).unwrap_or_default();
        let name = format!("{:020}-{}-{}{SUFFIX}", last.index, last.term, last.node_id);
        let path = self.folder.join(name);
        self.disk.rename(temporary, &path).map_err(StorageError::io("rename", temporary))?;
        self.disk.sync_dir(&self.folder).map_err(StorageError::io("sync", &self.folder))?;
        let file = self.handle(path, meta)?;
        let mut files = self.files();
        files.retain(|kept| kept.path != file.path);
        files.push(file.clone());
        files.sort_by_key(SnapshotFile::last_log_id);
        let spare = files.len().saturating_sub(KEPT_SNAPSHOTS);
        let mut at = 0;
        files.retain(|kept| {
            at += 1;
            let is_needed = at > spare || Arc::strong_count(&kept.handles) > 1;
            if !is_needed && let Err(error) = self.disk.remove(&kept.path) {
                tracing::warn!(file = %kept.path.display(), %error, "cannot remove an old snapshot");
            }
            is_needed
        });
        Ok(file)
    }

    fn handle(&self, path: PathBuf, meta: proto::SnapshotMeta) -> Result<SnapshotFile, StorageError> {
        let length_bytes = self.disk.length(&path).map_err(StorageError::io("read", &path))?;
        Ok(SnapshotFile { disk: Arc::clone(&self.disk), path, meta, length_bytes, handles: Arc::new(()) })
    }

    /// A handle of no snapshot, for openraft's way of receiving one, which is not used.
    pub(crate) fn blank(&self) -> SnapshotFile {
        SnapshotFile {
            disk: Arc::clone(&self.disk),
            path: PathBuf::new(),
            meta: proto::SnapshotMeta::default(),
            length_bytes: 0,
            handles: Arc::new(()),
        }
    }

    fn files(&self) -> MutexGuard<'_, Vec<SnapshotFile>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

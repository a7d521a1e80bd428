//! Snapshots: the whole state in one file.

mod build;
mod file;
mod format;
mod receive;
mod supported;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keyraft_proto::cluster as proto;

pub use self::build::SnapshotBuilder;
pub use self::file::SnapshotFile;
pub(crate) use self::format::SnapshotReader;
pub(crate) use self::format::VERSION as FILE_VERSION;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::format::header_crc;
pub use self::receive::SnapshotReceiver;
pub(crate) use self::supported::check_supported;
use self::supported::covered_by;
use super::aside::KEPT_ASIDE;
use super::error::StorageError;
use crate::application::Application;
use crate::disk::{Disk, make_folder};
use crate::types::LogId;

/// Snapshots kept besides those that are being read.
const KEPT_SNAPSHOTS: usize = 2;
const SUFFIX: &str = ".snapshot";
const TEMPORARY_SUFFIX: &str = ".tmp";
/// Behind the name of a snapshot that was set aside.
const BAD_SUFFIX: &str = ".bad";

/// The snapshots of a node.
pub(crate) struct SnapshotStore {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    /// In ascending order of what they cover.
    files: Mutex<Vec<SnapshotFile>>,
    unreadable: Mutex<Unreadable>,
    temporaries: AtomicU64,
    is_inline: bool,
}

/// Snapshots that are there and cannot be used.
#[derive(Default)]
struct Unreadable {
    /// The last entry that any of them covers, by their names.
    last: Option<LogId>,
    /// The error of the disk at one that may be readable again.
    error: Option<StorageError>,
}

impl SnapshotStore {
    /// Looks through a folder: what a crash left half-written is removed, what is damaged set aside, and what the disk
    /// does not read left out.
    ///
    /// # Errors
    /// `Unsupported` for a snapshot of another version; as of the disk.
    pub(crate) fn open(disk: Arc<dyn Disk>, folder: PathBuf, is_inline: bool) -> Result<Self, StorageError> {
        make_folder(disk.as_ref(), &folder).map_err(StorageError::io("create", &folder))?;
        let (files, unreadable) = (Mutex::new(Vec::new()), Mutex::default());
        let store = Self { disk, folder, files, unreadable, temporaries: AtomicU64::new(0), is_inline };
        let mut files = Vec::new();
        let names = store.disk.list(&store.folder).map_err(StorageError::io("read", &store.folder))?;
        for name in names {
            let path = store.folder.join(&name);
            if name.ends_with(TEMPORARY_SUFFIX) {
                store.disk.remove(&path).map_err(StorageError::io("remove", &path))?;
            } else if name.ends_with(SUFFIX) {
                let meta =
                    SnapshotReader::open(Arc::clone(&store.disk), &path).and_then(SnapshotReader::verify);
                match meta.and_then(|meta| store.handle(path.clone(), meta)) {
                    Ok(file) => files.push(file),
                    Err(error @ StorageError::Damaged { .. }) => {
                        tracing::warn!(%error, "setting a bad snapshot aside");
                        store.note_unusable(&name);
                        store.set_aside(&path)?;
                    }
                    Err(error @ StorageError::Io { .. }) => {
                        tracing::warn!(%error, "leaving out a snapshot that cannot be read");
                        store.note_unusable(&name);
                        store.unreadable().error = Some(error);
                    }
                    Err(error) => return Err(error),
                }
            } else if let Some(name) = name.strip_suffix(BAD_SUFFIX) {
                // It shows how far the log must reach, as it did to the start that set it aside.
                store.note_unusable(name);
            }
        }
        files.sort_by_key(SnapshotFile::last_log_id);
        *store.files() = files;
        Ok(store)
    }

    /// Refuses the folder when a snapshot in it has a table that the application does not know.
    ///
    /// # Errors
    /// `Unsupported`.
    pub(crate) fn check<A: Application>(&self, app: &A) -> Result<(), StorageError> {
        self.files().iter().try_for_each(|file| check_supported(app, &file.path, &file.meta))
    }

    /// The last entry that is covered by a snapshot which cannot be used.
    pub(crate) fn unreadable_last(&self) -> Option<LogId> {
        self.unreadable().last
    }

    /// The error of a snapshot that was left out and may be readable again.
    pub(crate) fn take_unreadable(&self) -> Option<StorageError> {
        self.unreadable().error.take()
    }

    /// Leaves a snapshot out that the disk does not read; the file stays.
    pub(crate) fn pass_over(&self, file: &SnapshotFile, error: StorageError) {
        self.files().retain(|kept| kept.path != file.path);
        self.unreadable().error = Some(error);
    }

    /// Notes that a snapshot of this name was there.
    fn note_unusable(&self, name: &str) {
        let mut unreadable = self.unreadable();
        unreadable.last = unreadable.last.max(covered_by(name));
    }

    fn unreadable(&self) -> MutexGuard<'_, Unreadable> {
        self.unreadable.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Sets one snapshot aside whose rows are not those that its header describes.
    pub(crate) fn reject(&self, file: &SnapshotFile) -> Result<(), StorageError> {
        self.files().retain(|kept| kept.path != file.path);
        self.set_aside(&file.path)
    }

    /// Removes all but the newest snapshots that were set aside.
    pub(crate) fn trim_set_aside(&self) -> Result<(), StorageError> {
        let names = self.disk.list(&self.folder).map_err(StorageError::io("read", &self.folder))?;
        // The names begin with what they cover, in digits of one length.
        let bad = names.iter().rev().filter(|name| name.ends_with(BAD_SUFFIX));
        for name in bad.skip(KEPT_ASIDE) {
            let path = self.folder.join(name);
            self.disk.remove(&path).map_err(StorageError::io("remove", &path))?;
        }
        Ok(())
    }

    fn set_aside(&self, path: &Path) -> Result<(), StorageError> {
        let mut bad = path.as_os_str().to_owned();
        bad.push(BAD_SUFFIX);
        self.disk.rename(path, Path::new(&bad)).map_err(StorageError::io("rename", path))?;
        self.disk.sync_dir(&self.folder).map_err(StorageError::io("sync", &self.folder))
    }

    fn temporary(&self) -> PathBuf {
        let number = self.temporaries.fetch_add(1, Ordering::Relaxed);
        self.folder.join(format!("{number}{TEMPORARY_SUFFIX}"))
    }

    /// Renames a durable, verified temporary file to its own name, and removes the snapshots that are not needed.
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
        let (disk, is_inline) = (Arc::clone(&self.disk), self.is_inline);
        Ok(SnapshotFile { disk, path, meta, length_bytes, is_inline, handles: Arc::new(()) })
    }

    /// A handle of no snapshot, for openraft's way of receiving one, which is not used.
    pub(crate) fn blank(&self) -> SnapshotFile {
        SnapshotFile {
            disk: Arc::clone(&self.disk),
            path: PathBuf::new(),
            meta: proto::SnapshotMeta::default(),
            length_bytes: 0,
            is_inline: self.is_inline,
            handles: Arc::new(()),
        }
    }

    fn files(&self) -> MutexGuard<'_, Vec<SnapshotFile>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Paths in a node's folder.

use std::io;
use std::path::{Path, PathBuf};

use super::StorageOptions;
use super::error::StorageError;
use super::wal::WalOptions;
use crate::disk::{Disk, DiskLock, make_folder};

/// The paths below a node's folder.
pub(crate) struct Layout {
    pub directory: PathBuf,
    pub wal: PathBuf,
    pub identity: PathBuf,
    pub state: PathBuf,
    pub snapshots: PathBuf,
    /// Outside of what is set aside, so that boots go on growing.
    pub boot: PathBuf,
    pub lock: PathBuf,
    pub diverged: PathBuf,
    pub forgot: PathBuf,
}

impl Layout {
    pub(crate) fn of(directory: &Path) -> Self {
        let wal = directory.join("wal");
        Self {
            identity: wal.join("identity"),
            state: directory.join("state"),
            snapshots: directory.join("snapshots"),
            boot: directory.join("boot"),
            lock: directory.join("lock"),
            diverged: directory.join("diverged"),
            forgot: directory.join("forgot"),
            directory: directory.to_owned(),
            wal,
        }
    }

    pub(crate) fn wal_options(&self, options: &StorageOptions) -> WalOptions {
        WalOptions {
            folder: self.wal.clone(),
            segment_bytes: options.segment_bytes,
            cache_bytes: options.log_cache_bytes,
        }
    }

    pub(crate) fn take_lock(&self, disk: &dyn Disk) -> Result<Box<dyn DiskLock>, StorageError> {
        make_folder(disk, &self.directory).map_err(StorageError::io("create", &self.directory))?;
        disk.lock(&self.lock).map_err(|source| match source.kind() {
            io::ErrorKind::WouldBlock => StorageError::InUse { path: self.lock.clone() },
            _ => StorageError::Io { action: "lock", path: self.lock.clone(), source },
        })
    }
}

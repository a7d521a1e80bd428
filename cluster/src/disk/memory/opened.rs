//! Files and locks of a disk in memory, while they are open.

use std::io;
use std::path::PathBuf;

use super::{Content, MemoryDisk};
use crate::disk::{AppendFile, DiskLock};

/// An open file; dead after a crash.
pub(super) struct MemoryFile {
    pub(super) disk: MemoryDisk,
    pub(super) life: u64,
    pub(super) id: u64,
}

impl MemoryFile {
    fn alive<T>(&self, work: impl FnOnce(&mut Content, u64) -> io::Result<T>) -> io::Result<T> {
        let mut content = self.disk.content();
        if content.life != self.life {
            return Err(io::Error::other("the power has failed since this file was opened"));
        }
        work(&mut content, self.id)
    }
}

impl AppendFile for MemoryFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.alive(|content, id| {
            let room = match content.free_bytes {
                None => bytes.len(),
                Some(free) => bytes.len().min(usize::try_from(free).unwrap_or(usize::MAX)),
            };
            if let Some(free) = content.free_bytes.as_mut() {
                *free -= room as u64;
            }
            if let Some(blob) = content.files.get_mut(&id) {
                blob.bytes.extend(bytes.iter().take(room));
            }
            if room < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        self.alive(|content, id| {
            if content.fails_syncs {
                return Err(io::Error::other("input/output error"));
            }
            if content.ignores_syncs {
                return Ok(());
            }
            if let Some(blob) = content.files.get_mut(&id) {
                blob.synced = blob.bytes.len();
            }
            Ok(())
        })
    }
}

/// A lock that is held; free after a crash.
pub(super) struct MemoryLock {
    pub(super) disk: MemoryDisk,
    pub(super) life: u64,
    pub(super) path: PathBuf,
}

impl DiskLock for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        let mut content = self.disk.content();
        if content.life == self.life {
            content.locks.remove(&self.path);
        }
    }
}

//! A disk in memory that can lose power, and fill up.

mod opened;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::opened::{MemoryFile, MemoryLock};
use super::{AppendFile, Disk, DiskLock};

/// Files in memory. What is not synced, content or name, is lost in a [`MemoryDisk::crash`].
///
/// The renaming of whole folders is durable at once. Cheap to clone; every clone is the
/// same disk.
#[derive(Clone, Default)]
pub struct MemoryDisk(Arc<Mutex<Content>>);

#[derive(Default)]
struct Content {
    /// Raised by a crash: files and locks opened before it are dead.
    life: u64,
    next_file: u64,
    files: BTreeMap<u64, Blob>,
    /// The names that a reader sees.
    names: BTreeMap<PathBuf, u64>,
    /// The names that a crash leaves.
    durable_names: BTreeMap<PathBuf, u64>,
    folders: BTreeSet<PathBuf>,
    durable_folders: BTreeSet<PathBuf>,
    locks: BTreeSet<PathBuf>,
    /// Bytes that may still be appended before the disk is full.
    free_bytes: Option<u64>,
    fails_syncs: bool,
    ignores_syncs: bool,
    /// Files on bad sectors.
    unreadable: BTreeSet<u64>,
}

#[derive(Default)]
struct Blob {
    bytes: Vec<u8>,
    /// Number of the first `bytes` that survive a crash.
    synced: usize,
}

impl MemoryDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Loses power: everything that was not synced is gone, and every open file is dead.
    pub fn crash(&self) {
        self.crash_keeping(|_| 0);
    }

    /// Loses power in the middle of writing: of each file's unsynced bytes (their number is given) the
    /// first `kept` stay.
    pub fn crash_keeping(&self, mut kept: impl FnMut(usize) -> usize) {
        let mut content = self.content();
        content.life += 1;
        content.locks.clear();
        let durable = content.durable_folders.clone();
        // A name is found only if all the folders above it are.
        let is_found = |path: &Path| {
            path.ancestors().skip(1).all(|folder| folder.parent().is_none() || durable.contains(folder))
        };
        content.durable_folders.retain(|folder| is_found(folder));
        content.durable_names.retain(|name, _| is_found(name));
        content.folders = content.durable_folders.clone();
        content.names = content.durable_names.clone();
        for blob in content.files.values_mut() {
            let unsynced = blob.bytes.len().saturating_sub(blob.synced);
            blob.bytes.truncate(blob.synced + kept(unsynced).min(unsynced));
            blob.synced = blob.bytes.len();
        }
        let live: BTreeSet<u64> = content.names.values().copied().collect();
        content.files.retain(|id, _| live.contains(id));
    }

    /// From now on, appends fail with `ENOSPC` once `bytes` more have been written; `None` for never.
    pub fn fill_after(&self, bytes: Option<u64>) {
        self.content().free_bytes = bytes;
    }

    /// From now on, every sync fails with `EIO`, or works again.
    pub fn fail_syncs(&self, fails: bool) {
        self.content().fails_syncs = fails;
    }

    /// From now on, syncs do nothing and return success, or work again.
    pub fn ignore_syncs(&self, ignores: bool) {
        self.content().ignores_syncs = ignores;
    }

    /// From now on, reading this file fails with `EIO`.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn ruin(&self, path: &Path) -> io::Result<()> {
        let mut content = self.content();
        let id = content.id(path)?;
        content.unreadable.insert(id);
        Ok(())
    }

    /// Loses everything that was ever written, as a new disk in place of a broken one.
    pub fn wipe(&self) {
        let mut content = self.content();
        *content = Content { life: content.life + 1, ..Content::default() };
    }

    /// Replaces the content of a file, durably, as rot or a careless operator would.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn tamper(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let mut content = self.content();
        let id = content.id(path)?;
        let blob = content.files.get_mut(&id).ok_or(io::ErrorKind::NotFound)?;
        change(&mut blob.bytes);
        blob.synced = blob.bytes.len();
        Ok(())
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, life: u64, id: u64) -> Box<dyn AppendFile> {
        Box::new(MemoryFile { disk: self.clone(), life, id })
    }
}

impl Content {
    fn id(&self, path: &Path) -> io::Result<u64> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The content of a file, for a reader.
    fn readable(&self, path: &Path) -> io::Result<&Blob> {
        match self.unreadable.contains(&self.id(path)?) {
            true => Err(rustix::io::Errno::IO.into()),
            false => self.blob(path),
        }
    }

    fn blob(&self, path: &Path) -> io::Result<&Blob> {
        self.files.get(&self.id(path)?).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for MemoryDisk {
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.content().folders.extend(path.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let content = self.content();
        if !content.folders.contains(path) && path.parent().is_some() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside = content.names.keys().chain(content.folders.iter());
        let names: BTreeSet<String> = inside
            .filter(|child| child.parent() == Some(path))
            .filter_map(|child| child.file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        Ok(names.into_iter().collect())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Ok(self.content().readable(path)?.bytes.clone())
    }

    fn read_at(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let content = self.content();
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start.saturating_add(length);
        let bytes = content.readable(path)?.bytes.get(start..end);
        bytes.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        Ok(self.content().blob(path)?.bytes.len() as u64)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        let mut content = self.content();
        let folder = path.parent().unwrap_or(Path::new(""));
        if !content.folders.contains(folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        content.next_file += 1;
        let id = content.next_file;
        content.files.insert(id, Blob::default());
        content.names.insert(path.to_owned(), id);
        Ok(self.open(content.life, id))
    }

    fn open_append(&self, path: &Path, length: u64) -> io::Result<Box<dyn AppendFile>> {
        let mut content = self.content();
        let id = content.id(path)?;
        if let Some(blob) = content.files.get_mut(&id) {
            blob.bytes.resize(usize::try_from(length).map_err(io::Error::other)?, 0);
            blob.synced = blob.bytes.len();
        }
        Ok(self.open(content.life, id))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut content = self.content();
        if let Some(id) = content.names.remove(from) {
            content.names.insert(to.to_owned(), id);
            return Ok(());
        }
        if !content.folders.contains(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let moved = |path: &Path| match path.strip_prefix(from) {
            Ok(rest) if rest.as_os_str().is_empty() => to.to_owned(),
            Ok(rest) => to.join(rest),
            Err(_) => path.to_owned(),
        };
        content.folders = content.folders.iter().map(|path| moved(path)).collect();
        content.durable_folders = content.durable_folders.iter().map(|path| moved(path)).collect();
        content.names = content.names.iter().map(|(path, id)| (moved(path), *id)).collect();
        content.durable_names = content.durable_names.iter().map(|(path, id)| (moved(path), *id)).collect();
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.content().names.remove(path).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut content = self.content();
        if !content.folders.contains(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        content.names.retain(|name, _| !name.starts_with(path));
        content.folders.retain(|folder| !folder.starts_with(path));
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut content = self.content();
        if content.fails_syncs {
            return Err(io::Error::other("input/output error"));
        }
        let current: Vec<(PathBuf, u64)> = content
            .names
            .iter()
            .filter(|(name, _)| name.parent() == Some(path))
            .map(|(name, id)| (name.clone(), *id))
            .collect();
        content.durable_names.retain(|name, _| name.parent() != Some(path));
        content.durable_names.extend(current);
        let inside = |folder: &&PathBuf| folder.parent() == Some(path);
        let folders: Vec<PathBuf> = content.folders.iter().filter(inside).cloned().collect();
        content.durable_folders.retain(|folder| folder.parent() != Some(path));
        content.durable_folders.extend(folders);
        let live: BTreeSet<u64> =
            content.names.values().chain(content.durable_names.values()).copied().collect();
        content.files.retain(|id, _| live.contains(id));
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn DiskLock>> {
        let mut content = self.content();
        if !content.locks.insert(path.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(MemoryLock { disk: self.clone(), life: content.life, path: path.to_owned() }))
    }
}

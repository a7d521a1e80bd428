//! The disk, injected so that a simulation can lose what was not synced.

mod memory;
mod system;

use std::io;
use std::path::Path;

pub use memory::MemoryDisk;
pub use system::SystemDisk;

/// A file open for appending.
pub trait AppendFile: Send + 'static {
    /// Appends all of `bytes`.
    ///
    /// # Errors
    /// As of `write(2)`; after an error the length of the file is unknown.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns when all that was appended would survive a power failure (`fdatasync`).
    ///
    /// # Errors
    /// As of `fdatasync(2)`; what was appended since the last sync may be lost.
    fn sync(&mut self) -> io::Result<()>;
}

/// Keeps a folder for one process until it is dropped.
pub trait DiskLock: Send + Sync + 'static {}

/// Files and folders, as the log and the snapshots need them.
pub trait Disk: Send + Sync + 'static {
    /// Makes a folder and its parents; a folder that is there already is left as it is. Their names are
    /// durable after a [`Disk::sync_dir`] of each folder above them.
    ///
    /// # Errors
    /// As of the file system.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Names of the files and folders in a folder, sorted.
    ///
    /// # Errors
    /// As of the file system; `NotFound` when there is no such folder.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// The whole content of a file.
    ///
    /// # Errors
    /// As of the file system; `NotFound` when there is none.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// `length` bytes of a file from `offset`.
    ///
    /// # Errors
    /// As of the file system; `UnexpectedEof` when the file is shorter.
    fn read_at(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>>;
    /// Length of a file in bytes.
    ///
    /// # Errors
    /// As of the file system; `NotFound` when there is none.
    fn length(&self, path: &Path) -> io::Result<u64>;
    /// Makes an empty file, or empties it, and opens it for appending.
    ///
    /// # Errors
    /// As of the file system.
    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>>;
    /// Cuts a file to `length` bytes, syncs it, and opens it for appending.
    ///
    /// # Errors
    /// As of the file system.
    fn open_append(&self, path: &Path, length: u64) -> io::Result<Box<dyn AppendFile>>;
    /// Renames a file over another, or a folder to a free name, in one step.
    ///
    /// # Errors
    /// As of the file system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// As of the file system.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder and all that is in it.
    ///
    /// # Errors
    /// As of the file system; `NotFound` when there is none.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder (created, renamed, removed) survive a power failure.
    ///
    /// # Errors
    /// As of `fsync(2)` on the folder.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Takes a folder's lock file for this process, until the lock is dropped or the process ends.
    ///
    /// # Errors
    /// `WouldBlock` when somebody holds it; else as of the file system.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn DiskLock>>;
}

/// Makes a folder and its parents; they survive a power failure when this returns.
///
/// # Errors
/// As of the file system.
pub(crate) fn make_folder(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    let is_missing =
        |folder: &&Path| disk.list(folder).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    let made = path.ancestors().take_while(is_missing).count();
    disk.create_dir_all(path)?;
    // The name of the folder itself always: it may be there because a process died before it was synced.
    for (depth, folder) in path.ancestors().enumerate().take(made.max(1)) {
        let Some(parent) = folder.parent() else { break };
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        match disk.sync_dir(parent) {
            // Above the node's own folder there may be one that it may only pass through.
            Err(error) if depth >= made && error.kind() == io::ErrorKind::PermissionDenied => {}
            result => result?,
        }
    }
    Ok(())
}

/// Writes a small file so that a crash leaves either the old content or the new.
///
/// # Errors
/// As of the file system.
pub(crate) fn replace_file(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = disk.create(&temporary)?;
    file.append(bytes)?;
    file.sync()?;
    drop(file);
    disk.rename(&temporary, path)?;
    match path.parent() {
        Some(folder) => disk.sync_dir(folder),
        None => Ok(()),
    }
}

//! The disk, injected so that a simulation can lose what was not synced.

use std::io;
use std::path::Path;

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

/// Files and folders, as the log and the snapshots need them.
pub trait Disk: Send + Sync + 'static {
    /// Makes a folder and its parents.
    ///
    /// # Errors
    /// As of the file system.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Names in a folder, sorted.
    ///
    /// # Errors
    /// As of the file system.
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
    /// Renames a file over another in one step.
    ///
    /// # Errors
    /// As of the file system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// As of the file system.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder (created, renamed, removed) survive a power failure.
    ///
    /// # Errors
    /// As of `fsync(2)` on the folder.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

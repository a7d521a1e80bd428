//! One process to a folder.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::failure::Failure;

/// The right to use a folder, held until this process ends, however it ends. The file `pid` in the
/// folder names the process.
#[derive(Debug)]
pub struct FolderLock {
    pid_file: PathBuf,
    folder: File,
}

impl FolderLock {
    /// Makes the folder if it is missing, locks it and writes `pid`.
    ///
    /// # Errors
    /// Another process holds it, or the folder cannot be made, opened or written.
    pub fn acquire(folder: &Path) -> Result<Self, Failure> {
        let failed =
            |error: io::Error| Failure::runtime(error).within(format!("cannot use {}", folder.display()));
        std::fs::create_dir_all(folder).map_err(failed)?;
        let pid_file = folder.join("pid");
        let open = File::open(folder).map_err(failed)?;
        match flock(&open, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(in_use(folder, &pid_file)),
            Err(error) => return Err(failed(error.into())),
        }
        std::fs::write(&pid_file, format!("{}\n", std::process::id())).map_err(|error| {
            Failure::runtime(error).within(format!("cannot write {}", pid_file.display()))
        })?;
        Ok(Self { pid_file, folder: open })
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // The lock counts, not the file: one that stays behind misleads nobody but people.
        let _ = std::fs::remove_file(&self.pid_file);
        // Closing alone would leave it locked while a process just forked still has a copy.
        let _ = flock(&self.folder, FlockOperation::Unlock);
    }
}

fn in_use(folder: &Path, pid_file: &Path) -> Failure {
    let holder = std::fs::read_to_string(pid_file).unwrap_or_default();
    let holder = match holder.trim() {
        "" => "another process".to_owned(),
        pid => format!("process {pid}"),
    };
    Failure::runtime(format!("{} is in use by {holder}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_user_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("data");
        let lock = FolderLock::acquire(&folder).unwrap();
        let written = std::fs::read_to_string(folder.join("pid")).unwrap();
        assert_eq!(written.trim(), std::process::id().to_string());
        let error = FolderLock::acquire(&folder).unwrap_err().to_string();
        assert!(error.contains(&format!("is in use by process {}", std::process::id())), "{error}");
        drop(lock);
        assert!(!folder.join("pid").exists());
        FolderLock::acquire(&folder).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = FolderLock::acquire(&file.path().join("data")).unwrap_err().to_string();
        assert!(error.contains(file.path().to_str().unwrap()), "{error}");
    }
}

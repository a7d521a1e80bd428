//! The marker of a state that differs from that of a majority. It outlives the process, until another state is there.

use std::io;
use std::path::Path;

use super::error::StorageError;
use super::fault::Fault;
use crate::disk::{Disk, replace_file};
use crate::types::LogIndex;

/// Notes that the state is wrong, as `entry` has shown; durable when this returns.
///
/// # Errors
/// As of the disk.
pub(crate) fn note(disk: &dyn Disk, marker: &Path, entry: LogIndex, fault: &Fault) -> io::Result<()> {
    replace_file(disk, marker, format!("{entry}\n{fault}\n").as_bytes())
}

/// The entry that has shown the state to be wrong; `None` when nothing is wrong.
///
/// # Errors
/// As of the disk.
pub(crate) fn noted(disk: &dyn Disk, marker: &Path) -> Result<Option<LogIndex>, StorageError> {
    match disk.read(marker) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            // The marker counts, even when it cannot be read: then any snapshot of a peer has to do.
            Ok(Some(text.lines().next().and_then(|line| line.parse().ok()).unwrap_or_default()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StorageError::io("read", marker)(error)),
    }
}

/// Removes the marker, if there is one; durable when this returns.
///
/// # Errors
/// As of the disk.
pub(crate) fn clear(disk: &dyn Disk, marker: &Path) -> Result<(), StorageError> {
    match disk.remove(marker) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StorageError::io("remove", marker)(error)),
    }
    let Some(folder) = marker.parent() else { return Ok(()) };
    disk.sync_dir(folder).map_err(StorageError::io("sync", folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{MemoryDisk, make_folder};

    #[test]
    fn a_marker_outlives_a_power_failure_until_it_is_cleared() {
        let (disk, marker) = (MemoryDisk::new(), Path::new("/node/diverged"));
        make_folder(&disk, Path::new("/node")).unwrap();
        assert_eq!(noted(&disk, marker).unwrap(), None);
        note(&disk, marker, 21, &Fault::Diverged { index: 20, own: 1, agreed: 2 }).unwrap();
        disk.crash();
        assert_eq!(noted(&disk, marker).unwrap(), Some(21));
        clear(&disk, marker).unwrap();
        disk.crash();
        assert_eq!(noted(&disk, marker).unwrap(), None);
        clear(&disk, marker).unwrap();
    }

    #[test]
    fn a_marker_that_says_nothing_counts() {
        let (disk, marker) = (MemoryDisk::new(), Path::new("/node/diverged"));
        disk.create_dir_all(Path::new("/node")).unwrap();
        disk.create(marker).unwrap();
        assert_eq!(noted(&disk, marker).unwrap(), Some(0));
    }
}

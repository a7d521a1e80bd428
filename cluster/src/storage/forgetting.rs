//! The marker of a node that has lost what it had acknowledged. It outlives the process, until the folder is set aside.

use std::io;
use std::path::Path;

use super::error::{StorageError, is_absent};
use super::fault::Fault;
use crate::disk::{Disk, replace_file};

/// Notes that the node has forgotten, as `fault` describes; durable when this returns.
///
/// # Errors
/// As of the disk.
pub(crate) fn note(disk: &dyn Disk, marker: &Path, fault: &Fault) -> io::Result<()> {
    replace_file(disk, marker, format!("{fault}\n").as_bytes())
}

/// The note of [`note`]; `None` when there is none.
///
/// # Errors
/// As of the disk.
pub(crate) fn noted(disk: &dyn Disk, marker: &Path) -> Result<Option<String>, StorageError> {
    match disk.read(marker) {
        // The marker counts, whatever it holds.
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).trim_end().to_owned())),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(StorageError::io("read", marker)(error)),
    }
}

//! The segment that is being written.

use std::collections::VecDeque;
use std::io;

use super::WalOptions;
use super::index::Index;
use super::record::{Checkpoint, Record};
use super::recovery::segment_path;
use crate::disk::{AppendFile, Disk};
use crate::storage::error::StorageError;

/// The end of the log on disk.
pub(super) struct Writer {
    pub file: Box<dyn AppendFile>,
    pub segments: VecDeque<u64>,
    /// Bytes of the last segment, and how many of them are durable.
    pub length: u32,
    pub synced: u32,
    /// The first failure: after it nothing is written.
    pub failed: Option<String>,
}

/// A file that refuses.
pub(super) struct NoFile;

impl AppendFile for NoFile {
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Writer {
    /// Makes a new segment the last one. It is durable, with its name, before anything is built on it.
    pub(super) fn begin_segment(
        &mut self,
        options: &WalOptions,
        disk: &dyn Disk,
        index: &Index,
        sequence: u64,
    ) -> Result<(), StorageError> {
        let path = segment_path(&options.folder, sequence);
        let checkpoint = Checkpoint {
            sequence,
            vote: index.vote,
            purged: index.purged,
            received: index.received,
            committed: index.committed,
            last: index.places().next_back().map(|place| place.log_id),
        };
        let mut buffer = Vec::new();
        Record::Checkpoint(checkpoint).encode(0, &mut buffer);
        let mut file = disk.create(&path).map_err(StorageError::io("create", &path))?;
        file.append(&buffer).map_err(StorageError::io("write", &path))?;
        file.sync().map_err(StorageError::io("sync", &path))?;
        disk.sync_dir(&options.folder).map_err(StorageError::io("sync", &options.folder))?;
        self.file = file;
        self.segments.push_back(sequence);
        self.length = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
        self.synced = self.length;
        Ok(())
    }
}

//! The segment that is being written.

use std::collections::VecDeque;
use std::io;

use super::WalOptions;
use super::index::Index;
use super::record::{CHECKPOINT_BYTES, Checkpoint, LOG_FORMAT, Record};
use super::recovery::segment_path;
use crate::disk::{AppendFile, Disk};
use crate::environment::Random;
use crate::storage::error::StorageError;

/// The end of the log on disk.
pub(super) struct Writer {
    pub file: Box<dyn AppendFile>,
    pub segments: VecDeque<u64>,
    /// Of the last segment.
    pub salt: u32,
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
        (disk, random): (&dyn Disk, &dyn Random),
        index: &Index,
        sequence: u64,
    ) -> Result<(), StorageError> {
        let mut salt = [0; 4];
        random.fill(&mut salt);
        let salt = u32::from_le_bytes(salt);
        let path = segment_path(&options.folder, sequence);
        let checkpoint = Checkpoint {
            format: LOG_FORMAT,
            salt,
            sequence,
            vote: index.vote,
            purged: index.purged,
            received: index.received,
            committed: index.committed,
            last: index.places().next_back().map(|place| place.log_id),
        };
        let mut buffer = Vec::new();
        Record::Checkpoint(checkpoint).encode(0, 0, &mut buffer);
        // Far from it: numbers of the largest size take some 200 bytes.
        if buffer.len() > CHECKPOINT_BYTES {
            return Err(StorageError::Stopped { reason: "a checkpoint of the log is too long".to_owned() });
        }
        buffer.resize(CHECKPOINT_BYTES, 0);
        let mut file = disk.create(&path).map_err(StorageError::io("create", &path))?;
        file.append(&buffer).map_err(StorageError::io("write", &path))?;
        file.sync().map_err(StorageError::io("sync", &path))?;
        disk.sync_dir(&options.folder).map_err(StorageError::io("sync", &options.folder))?;
        self.file = file;
        self.segments.push_back(sequence);
        self.salt = salt;
        self.length = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
        self.synced = self.length;
        Ok(())
    }
}

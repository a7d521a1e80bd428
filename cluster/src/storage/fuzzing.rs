//! The readers of files, for fuzzing.

use std::path::Path;
use std::sync::Arc;

use super::snapshot::SnapshotReader;
use super::wal::record::{Record, frame};

pub(crate) use super::snapshot::{FILE_VERSION, header_crc};
use crate::disk::Disk;

/// Reads the record at the start of a log; its length. What was read must be what it is written as.
pub(crate) fn log_record(bytes: &[u8]) -> Option<usize> {
    let (record, length, synced) = Record::decode(bytes, 0).ok()?;
    let mut written = Vec::new();
    let record = record.encode(0, synced, &mut written);
    // Other bytes may mean the same record: unknown fields, another order.
    let again = Record::decode(&written, 0).map(|(again, ..)| again);
    assert_eq!(again, Ok(record), "a record is read as it was written");
    Some(length)
}

/// A record of a log with right checksums.
pub(crate) fn framed(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame(kind, 0, 0, payload, &mut bytes);
    bytes
}

/// Reads a whole snapshot; the number of its rows, if it is good.
pub(crate) fn snapshot_rows(disk: Arc<dyn Disk>, path: &Path) -> Option<u64> {
    let mut rows = 0;
    for row in SnapshotReader::open(disk, path).ok()? {
        row.ok()?;
        rows += 1;
    }
    Some(rows)
}

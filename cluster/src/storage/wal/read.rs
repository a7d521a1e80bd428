//! Reads entries: the recent ones from memory, older ones from their segments.

use std::ops::Range;

use super::Wal;
use super::index::Place;
use super::record::Record;
use super::recovery::segment_path;
use crate::storage::error::StorageError;
use crate::types::{Entry, LogIndex};

/// Most bytes that are read from a segment at once, when no entry is longer.
const READ_RUN_BYTES: u32 = 4 << 20;

impl Wal {
    /// The entries of a range, as far as the log has them. At least one if it has any, then no more
    /// than `limit_bytes`.
    pub(crate) fn read(&self, range: Range<LogIndex>, limit_bytes: u64) -> Result<Vec<Entry>, StorageError> {
        let mut entries = Vec::new();
        let mut on_disk: Vec<Place> = Vec::new();
        let mut bytes = 0;
        {
            let index = self.index();
            let first = index.first_index().unwrap_or(u64::MAX).max(range.start);
            let end = index.next_index().unwrap_or(0).min(range.end);
            for at in first..end {
                let Some(place) = index.place(at) else { break };
                bytes += u64::from(place.spot.length);
                if bytes > limit_bytes && at > first {
                    break;
                }
                // The cache is the end of the log: from its first entry on, all are in it.
                match index.cached(at) {
                    Some(entry) => entries.push(entry.clone()),
                    None => on_disk.push(*place),
                }
            }
        }
        if on_disk.is_empty() {
            return Ok(entries);
        }
        let mut read = self.read_places(&on_disk).inspect_err(|error| self.report(error))?;
        read.append(&mut entries);
        Ok(read)
    }

    fn read_places(&self, places: &[Place]) -> Result<Vec<Entry>, StorageError> {
        let mut entries = Vec::with_capacity(places.len());
        let runs = places.chunk_by(|before, after| {
            let run = |place: &Place| (place.spot.segment, place.spot.offset / READ_RUN_BYTES);
            run(before) == run(after)
        });
        for run in runs {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            let path = segment_path(&self.0.options.folder, first.spot.segment);
            let length = usize::try_from(last.spot.offset + last.spot.length - first.spot.offset)
                .unwrap_or(usize::MAX);
            let bytes = match self.0.disk.read_at(&path, u64::from(first.spot.offset), length) {
                Ok(bytes) => bytes,
                // Purged since it was looked up.
                Err(_) if self.index().place(last.log_id.index).is_none() => continue,
                Err(error) => return Err(StorageError::io("read", &path)(error)),
            };
            for place in run {
                let start = usize::try_from(place.spot.offset - first.spot.offset).unwrap_or(usize::MAX);
                match bytes.get(start..).map(|bytes| Record::decode(bytes, place.spot.salt)) {
                    Some(Ok((Record::Entry(entry), _, _))) if entry.log_id == place.log_id => {
                        entries.push(entry);
                    }
                    _ => {
                        let reason = format!("entry {} is unreadable", place.log_id);
                        return Err(StorageError::damaged(&path, u64::from(place.spot.offset), reason));
                    }
                }
            }
        }
        Ok(entries)
    }
}

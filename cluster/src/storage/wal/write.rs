//! Writes records to the last segment, and removes segments that hold nothing needed.

use super::index::Spot;
use super::record::{self, Record};
use super::recovery::segment_path;
use super::segment::Writer;
use super::{Wal, lock};
use crate::planted::{Bug, is_planted};
use crate::runtime::wait_for_disk;
use crate::storage::error::StorageError;

impl Wal {
    /// Writes records, and takes them into the index; with `sync`, they are durable when this returns. After a failure
    /// nothing is written any more.
    pub(super) fn write(&self, records: Vec<Record>, sync: bool) -> Result<(), StorageError> {
        let mut writer = lock(&self.0.writer);
        if let Some(reason) = &writer.failed {
            return Err(StorageError::Stopped { reason: reason.clone() });
        }
        let result = self.write_records(&mut writer, records, sync);
        if let Err(error) = &result {
            // The length of the file, and what of it is durable, are unknown from here on.
            writer.failed = Some(error.to_string());
            self.report(error);
        }
        result
    }

    fn write_records(
        &self,
        writer: &mut Writer,
        records: Vec<Record>,
        sync: bool,
    ) -> Result<(), StorageError> {
        let shared = &self.0;
        if writer.length >= shared.options.segment_bytes {
            self.sync(writer)?;
            let next = writer.segments.back().map_or(1, |last| last + 1);
            let means = (shared.disk.as_ref(), &*shared.environment.random);
            writer.begin_segment(&shared.options, means, &lock(&shared.index), next)?;
        }
        let segment = writer.segments.back().copied().unwrap_or_default();
        let path = segment_path(&shared.options.folder, segment);
        let mut buffer = Vec::new();
        let mut placed = Vec::with_capacity(records.len());
        for record in records {
            let start = buffer.len();
            let record = record.encode(writer.salt, writer.synced, &mut buffer);
            let length = buffer.len() - start;
            let offset = usize::try_from(writer.length).unwrap_or(usize::MAX).saturating_add(start);
            if length > record::MAX_PAYLOAD_BYTES {
                let reason = format!("an entry of {length} bytes is too long for the log");
                return Err(StorageError::Stopped { reason });
            }
            let (Ok(offset), Ok(length)) = (u32::try_from(offset), u32::try_from(length)) else {
                return Err(StorageError::Stopped { reason: "a log segment is full".to_owned() });
            };
            placed.push((record, Spot { segment, salt: writer.salt, offset, length }));
        }
        writer.file.append(&buffer).map_err(StorageError::io("write", &path))?;
        if let Some((_, last)) = placed.last() {
            writer.length = last.offset + last.length;
        }
        if sync {
            self.sync(writer)?;
        }
        let mut index = lock(&shared.index);
        for (record, spot) in placed {
            match record {
                Record::Entry(entry) => index
                    .push(entry, spot)
                    .map_err(|hole| StorageError::Stopped { reason: hole.to_string() })?,
                Record::Vote(vote) => index.vote = Some(vote),
                Record::Truncate(from) => index.truncate(from),
                Record::Purge(upto) => index.purge(upto),
                Record::Committed(log_id) => index.committed = Some(log_id),
                Record::SnapshotReceived(log_id) => index.received = Some(log_id),
                Record::Checkpoint(_) => {}
            }
        }
        Ok(())
    }

    fn sync(&self, writer: &mut Writer) -> Result<(), StorageError> {
        if is_planted(Bug::AcknowledgeBeforeSync) {
            return Ok(());
        }
        let segment = writer.segments.back().copied().unwrap_or_default();
        let path = segment_path(&self.0.options.folder, segment);
        let started = self.0.environment.clock.elapsed();
        wait_for_disk(|| writer.file.sync()).map_err(StorageError::io("sync", &path))?;
        let took = self.0.environment.clock.elapsed().saturating_sub(started);
        metrics::histogram!("keyraft_wal_sync_seconds").record(took.as_secs_f64());
        writer.synced = writer.length;
        Ok(())
    }

    /// Removes the segments before the one with the first entry.
    pub(super) fn remove_purged_segments(&self) -> Result<(), StorageError> {
        let mut writer = lock(&self.0.writer);
        let oldest_needed = {
            let index = self.index();
            index.places().next().map(|place| place.spot.segment).or(writer.segments.back().copied())
        };
        let mut removed = false;
        while let Some(&oldest) = writer.segments.front()
            && oldest_needed.is_some_and(|needed| oldest < needed)
            && writer.segments.len() > 1
        {
            let path = segment_path(&self.0.options.folder, oldest);
            self.0.disk.remove(&path).map_err(StorageError::io("remove", &path))?;
            writer.segments.pop_front();
            removed = true;
        }
        if removed {
            let folder = &self.0.options.folder;
            self.0.disk.sync_dir(folder).map_err(StorageError::io("sync", folder))?;
        }
        Ok(())
    }
}

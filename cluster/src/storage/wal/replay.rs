//! Replays the records of the segments, one after another.

use std::path::Path;

use super::index::{Index, Spot};
use super::record::{
    Broken, CHECKPOINT_BYTES, Checkpoint, ENTRY, KNOWN_KINDS, LOG_FORMAT, Record, starts_with_record,
};
use super::recovery::{Lost, Recovered};
use crate::storage::error::StorageError;
use crate::types::{LogId, LogIndex};

/// The log as far as it is read.
pub(super) struct Replay {
    index: Index,
    cache_limit_bytes: usize,
    /// The last entry that must lie in the segments before the first one that was read, unless it is purged.
    before: Option<LogId>,
    /// True until the first checkpoint is taken.
    is_at_start: bool,
    /// The last entry so far, readable or not.
    end: Option<LogIndex>,
    /// The last unreadable entry.
    lost: Option<LogIndex>,
    /// An entry whose index is not known yet is lost.
    is_next_unknown: bool,
    /// The first damage that was passed over.
    damage: Option<StorageError>,
    salt: u32,
    length: u32,
}

impl Replay {
    pub(super) fn new(cache_limit_bytes: usize) -> Self {
        Self {
            index: Index::new(cache_limit_bytes),
            cache_limit_bytes,
            before: None,
            is_at_start: true,
            end: None,
            lost: None,
            is_next_unknown: false,
            damage: None,
            salt: 0,
            length: 0,
        }
    }

    /// Drops all that was read: the checkpoint of a later segment repeats all but the entries.
    pub(super) fn begin_anew(&mut self, damage: StorageError) {
        *self =
            Self { damage: Some(self.damage.take().unwrap_or(damage)), ..Self::new(self.cache_limit_bytes) };
    }

    /// Ends the replay without a further segment.
    ///
    /// # Errors
    /// The damage that was passed over, when no later segment has made up for it.
    pub(super) fn abandon(&mut self) -> Result<(), StorageError> {
        match self.damage.take_if(|_| self.is_at_start) {
            Some(damage) => Err(damage),
            None => Ok(()),
        }
    }

    /// Replays one segment; returns its valid length, 0 when it was only just begun.
    pub(super) fn segment(
        &mut self,
        path: &Path,
        sequence: u64,
        bytes: &[u8],
        is_last: bool,
    ) -> Result<u32, StorageError> {
        if !self.checkpoint(path, sequence, bytes, is_last)? {
            return Ok(0);
        }
        let mut offset = CHECKPOINT_BYTES;
        while let Some(rest) = bytes.get(offset..)
            && !rest.is_empty()
        {
            let at = offset as u64;
            match Record::decode(rest, self.salt) {
                Ok((record, length, _)) => {
                    let place = (u32::try_from(offset), u32::try_from(length));
                    let (Ok(offset_in), Ok(record_length)) = place else {
                        return Err(StorageError::damaged(path, at, "the segment is too long"));
                    };
                    let spot =
                        Spot { segment: sequence, salt: self.salt, offset: offset_in, length: record_length };
                    self.take(record, spot).map_err(|reason| StorageError::damaged(path, at, reason))?;
                    offset += length;
                }
                Err(Broken::Unknown { kind }) => return Err(unknown(path, kind)),
                Err(_) if is_last && !was_durable(bytes, offset, self.salt) => {
                    let lost_bytes = bytes.len() - offset;
                    tracing::warn!(
                        file = %path.display(), offset, lost_bytes,
                        "the log ends in a write that was interrupted before it was acknowledged; cutting it"
                    );
                    break;
                }
                Err(Broken::Rotten { kind: ENTRY, length }) => {
                    self.lose_entry(StorageError::damaged(path, at, "an entry is unreadable"));
                    offset += length;
                }
                Err(broken) => {
                    let reason = format!("a record is unreadable ({broken:?})");
                    return Err(StorageError::damaged(path, at, reason));
                }
            }
        }
        self.length =
            u32::try_from(offset).map_err(|_| StorageError::damaged(path, 0, "the segment is too long"))?;
        Ok(self.length)
    }

    /// Takes the checkpoint at the start of a segment; false when a crash came before it was durable.
    fn checkpoint(
        &mut self,
        path: &Path,
        sequence: u64,
        bytes: &[u8],
        is_last: bool,
    ) -> Result<bool, StorageError> {
        let checkpoint = match Record::decode(bytes, 0) {
            Ok((Record::Checkpoint(checkpoint), ..)) if bytes.len() >= CHECKPOINT_BYTES => checkpoint,
            Err(Broken::Unknown { kind }) => return Err(unknown(path, kind)),
            _ if is_last && bytes.len() <= CHECKPOINT_BYTES => return Ok(false),
            _ => return Err(StorageError::damaged(path, 0, "the checkpoint at its start is unreadable")),
        };
        if checkpoint.format != LOG_FORMAT {
            return Err(StorageError::Unsupported {
                path: path.to_owned(),
                what: "log format",
                found: checkpoint.format.into(),
                known: LOG_FORMAT.to_string(),
            });
        }
        if checkpoint.sequence != sequence {
            let reason = format!("it names itself segment {:016x}", checkpoint.sequence);
            return Err(StorageError::damaged(path, 0, reason));
        }
        let Checkpoint { vote, purged, received, committed, last, salt, .. } = checkpoint;
        (self.index.vote, self.index.received, self.index.committed) = (vote, received, committed);
        if let Some(purged) = purged {
            self.index.purge(purged);
        }
        if std::mem::take(&mut self.is_at_start) {
            self.before = last;
        }
        self.end = last.or(purged).map(|end| end.index);
        self.salt = salt;
        Ok(true)
    }

    fn take(&mut self, record: Record, spot: Spot) -> Result<(), String> {
        match record {
            Record::Checkpoint(_) => return Err("a checkpoint is not at the start of its segment".to_owned()),
            Record::Entry(entry) => {
                let index = entry.log_id.index;
                if std::mem::take(&mut self.is_next_unknown) {
                    self.lost = self.lost.max(index.checked_sub(1));
                }
                self.end = Some(index);
                self.index.recover(entry, spot).map_err(|hole| hole.to_string())?;
            }
            Record::Vote(vote) => self.index.vote = Some(vote),
            Record::Truncate(from) => {
                self.before = self.before.and_then(|last| match last.index < from {
                    true => Some(last),
                    false => Some(LogId::new(last.leader_id, from.checked_sub(1)?)),
                });
                self.end = self.end.map(|end| end.min(from.saturating_sub(1)));
                self.index.truncate(from);
            }
            Record::Purge(upto) => {
                self.end = self.end.max(Some(upto.index));
                self.index.purge(upto);
            }
            Record::Committed(log_id) => self.index.committed = Some(log_id),
            Record::SnapshotReceived(log_id) => self.index.received = Some(log_id),
        }
        Ok(())
    }

    /// Passes over an entry that has rotted, and over those before it.
    fn lose_entry(&mut self, damage: StorageError) {
        match self.end {
            Some(end) => {
                self.end = Some(end + 1);
                self.lost = self.lost.max(self.end);
            }
            None => self.is_next_unknown = true,
        }
        self.index.truncate(0);
        self.damage.get_or_insert(damage);
    }

    /// The log that was recovered from `segments`.
    ///
    /// # Errors
    /// Entries are lost, and their indexes are unknown.
    pub(super) fn finish(mut self, folder: &Path, segments: Vec<u64>) -> Result<Recovered, StorageError> {
        self.abandon()?;
        let purged = self.index.purged;
        let mut lost = self.lost;
        if let (Some(purged), Some(first)) = (purged, self.index.first_index())
            && first != purged.index + 1
        {
            lost = lost.max(Some(first.saturating_sub(1)));
        }
        if let Some(before) = self.before
            && purged.is_none_or(|purged| purged.index < before.index && purged < before)
        {
            lost = lost.max(Some(before.index));
        }
        let lost = lost.filter(|lost| purged.is_none_or(|purged| purged.index < *lost));
        let missing = || {
            StorageError::damaged(folder, 0, format!("the entries up to {} are missing", lost.unwrap_or(0)))
        };
        if self.is_next_unknown {
            return Err(self.damage.unwrap_or_else(missing));
        }
        let lost = lost.map(|upto| Lost { upto, error: self.damage.unwrap_or_else(missing) });
        Ok(Recovered { index: self.index, segments, last_length: self.length, salt: self.salt, lost })
    }
}

fn unknown(path: &Path, kind: u8) -> StorageError {
    StorageError::Unsupported {
        path: path.to_owned(),
        what: "log record of kind",
        found: kind.into(),
        known: KNOWN_KINDS.to_owned(),
    }
}

/// True when a whole record behind the broken one was written after the broken one was durable.
fn was_durable(bytes: &[u8], broken: usize, salt: u32) -> bool {
    (broken + 1..bytes.len()).any(|at| {
        let is_plausible =
            |synced| usize::try_from(synced).is_ok_and(|synced| synced > broken && synced <= at);
        bytes.get(at..).is_some_and(|rest| starts_with_record(rest, salt, is_plausible))
    })
}

//! Reads the segments back, and tells a torn write from damage.
//!
//! A write that a power failure interrupted was never acknowledged: the file is cut where it starts.
//! Damage lies where the disk had already said that the bytes are safe: what was promised on them is
//! forgotten, and the node must not vote.

use std::io;
use std::path::{Path, PathBuf};

use super::index::Index;
use super::record::{Record, starts_with_record};
use crate::disk::Disk;
use crate::storage::error::StorageError;
use crate::types::LogId;

/// What the segments held.
pub(crate) struct Recovered {
    pub index: Index,
    /// The segments on disk, in order; empty for a new log.
    pub segments: Vec<u64>,
    /// Valid length of the last one, in bytes.
    pub last_length: u32,
}

pub(crate) fn segment_path(folder: &Path, sequence: u64) -> PathBuf {
    folder.join(format!("{sequence:016x}.wal"))
}

fn sequence_of(name: &str) -> Option<u64> {
    u64::from_str_radix(name.strip_suffix(".wal")?, 16).ok()
}

/// Reads all segments of a folder. A torn tail is left out of `last_length`; a segment that was only
/// just begun is removed.
pub(crate) fn recover(
    disk: &dyn Disk,
    folder: &Path,
    cache_limit_bytes: usize,
) -> Result<Recovered, StorageError> {
    let names = match disk.list(folder) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(StorageError::io("read", folder)(error)),
    };
    let mut segments: Vec<u64> = names.iter().filter_map(|name| sequence_of(name)).collect();
    segments.sort_unstable();
    let mut index = Index::new(cache_limit_bytes);
    let (mut last_length, mut before) = (0, None);
    for at in 0..segments.len() {
        let (Some(&sequence), is_last) = (segments.get(at), at + 1 == segments.len()) else { break };
        let path = segment_path(folder, sequence);
        if let Some(previous) = at.checked_sub(1).and_then(|before| segments.get(before))
            && previous + 1 != sequence
        {
            return Err(StorageError::damaged(&path, 0, format!("segment {:016x} is missing", previous + 1)));
        }
        let bytes = disk.read(&path).map_err(StorageError::io("read", &path))?;
        let length = replay(&mut index, &mut before, &path, sequence, &bytes, (at == 0, is_last))?;
        last_length = length;
        if length == 0 {
            // The crash came before its first record was durable, so nothing was ever built on it.
            if at == 0 && sequence != 1 {
                return Err(StorageError::damaged(&path, 0, "the only segment holds nothing"));
            }
            tracing::warn!(file = %path.display(), "removing a log segment that a crash left empty");
            disk.remove(&path).map_err(StorageError::io("remove", &path))?;
            segments.pop();
            if let Some(&before) = segments.last() {
                let path = segment_path(folder, before);
                let length = disk.length(&path).map_err(StorageError::io("read", &path))?;
                last_length = u32::try_from(length)
                    .map_err(|_| StorageError::damaged(&path, u64::from(u32::MAX), "it is too long"))?;
            }
        }
    }
    if let (Some(purged), Some(first)) = (index.purged, index.first_index())
        && first != purged.index + 1
    {
        return Err(StorageError::damaged(
            folder,
            0,
            format!("the entries from {} to {first} are missing", purged.index + 1),
        ));
    }
    if let Some(before) = before
        && index.purged.is_none_or(|purged| purged.index < before.index && purged < before)
    {
        return Err(StorageError::damaged(folder, 0, format!("the entries up to {before} are missing")));
    }
    Ok(Recovered { index, segments, last_length })
}

/// Replays one segment; returns its valid length. `before` becomes the last entry that must lie in the
/// segments before the oldest one, unless it is purged.
fn replay(
    index: &mut Index,
    before: &mut Option<LogId>,
    path: &Path,
    sequence: u64,
    bytes: &[u8],
    (is_first, is_last): (bool, bool),
) -> Result<u32, StorageError> {
    let mut offset = 0;
    while let Some(rest) = bytes.get(offset..)
        && !rest.is_empty()
    {
        let at = offset as u64;
        match Record::decode(rest) {
            Ok((record, length, _)) => {
                let too_long = || StorageError::damaged(path, at, "the segment is too long");
                let place = (u32::try_from(offset), u32::try_from(length));
                let (Ok(place), Ok(record_length)) = place else { return Err(too_long()) };
                follow(before, &record, is_first);
                take(index, record, sequence, place, record_length)
                    .map_err(|reason| StorageError::damaged(path, at, reason))?;
                offset += length;
            }
            Err(_) if is_last && !was_durable(bytes, offset) => {
                let lost_bytes = bytes.len() - offset;
                tracing::warn!(
                    file = %path.display(), offset, lost_bytes,
                    "the log ends in a write that was interrupted before it was acknowledged; cutting it"
                );
                break;
            }
            Err(broken) => {
                return Err(StorageError::damaged(path, at, format!("a record is unreadable ({broken:?})")));
            }
        }
    }
    u32::try_from(offset).map_err(|_| StorageError::damaged(path, 0, "the segment is too long"))
}

/// True when a whole record behind the broken one was written after the broken one was durable.
fn was_durable(bytes: &[u8], broken: usize) -> bool {
    (broken + 1..bytes.len()).any(|at| {
        let is_plausible =
            |synced| usize::try_from(synced).is_ok_and(|synced| synced > broken && synced <= at);
        bytes.get(at..).is_some_and(|rest| starts_with_record(rest, is_plausible))
    })
}

/// Keeps `before` up to date with a record.
fn follow(before: &mut Option<LogId>, record: &Record, is_first: bool) {
    match record {
        Record::Checkpoint(checkpoint) if is_first => *before = checkpoint.last,
        Record::Truncate(from) => {
            *before = before.and_then(|last| match last.index < *from {
                true => Some(last),
                false => Some(LogId::new(last.leader_id, from.checked_sub(1)?)),
            });
        }
        _ => {}
    }
}

fn take(index: &mut Index, record: Record, segment: u64, offset: u32, length: u32) -> Result<(), String> {
    if matches!(record, Record::Checkpoint(_)) != (offset == 0) {
        return Err("a segment starts with a checkpoint, and holds no other".to_owned());
    }
    match record {
        Record::Checkpoint(checkpoint) => {
            if checkpoint.sequence != segment {
                return Err(format!("it says that it is segment {:016x}", checkpoint.sequence));
            }
            index.vote = checkpoint.vote;
            index.received = checkpoint.received;
            index.committed = checkpoint.committed;
            if let Some(purged) = checkpoint.purged {
                index.purge(purged);
            }
        }
        Record::Entry(entry) => {
            index.recover(entry, segment, offset, length).map_err(|hole| hole.to_string())?;
        }
        Record::Vote(vote) => index.vote = Some(vote),
        Record::Truncate(from) => index.truncate(from),
        Record::Purge(upto) => index.purge(upto),
        Record::Committed(log_id) => index.committed = Some(log_id),
        Record::SnapshotReceived(log_id) => index.received = Some(log_id),
    }
    Ok(())
}

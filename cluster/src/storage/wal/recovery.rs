//! Reads the segments back, and distinguishes a torn write from damage.
//!
//! A write that a power failure interrupted was never acknowledged: the file is cut where it starts.
//! Damage lies where the disk had already reported that the bytes are safe: what was promised on them is
//! forgotten, and the node must not vote. Unless only entries are lost that a snapshot covers: then no
//! promise is, and the log begins behind the snapshot.

use std::path::{Path, PathBuf};

use super::index::Index;
use super::replay::Replay;
use crate::disk::Disk;
use crate::storage::error::{StorageError, is_absent};
use crate::types::LogIndex;

/// Content of the segments.
pub(crate) struct Recovered {
    pub index: Index,
    /// The segments on disk, in order; empty for a new log.
    pub segments: Vec<u64>,
    /// Valid length of the last one, in bytes.
    pub last_length: u32,
    /// Of the last one.
    pub salt: u32,
    /// Entries that should be there and cannot be read; `index` begins behind them.
    pub lost: Option<Lost>,
}

/// The unreadable beginning of a log. All but its entries is known from later records.
pub(crate) struct Lost {
    /// The last entry in it.
    pub upto: LogIndex,
    pub error: StorageError,
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
        Err(error) if is_absent(&error) => Vec::new(),
        Err(error) => return Err(StorageError::io("read", folder)(error)),
    };
    let mut segments: Vec<u64> = names.iter().filter_map(|name| sequence_of(name)).collect();
    segments.sort_unstable();
    let mut replay = Replay::new(cache_limit_bytes);
    let last = segments.last().copied();
    for at in 0..segments.len() {
        let Some(&sequence) = segments.get(at) else { break };
        let (path, is_last) = (segment_path(folder, sequence), Some(sequence) == last);
        if let Some(previous) = at.checked_sub(1).and_then(|before| segments.get(before))
            && previous + 1 != sequence
        {
            let missing = format!("segment {:016x} is missing", previous + 1);
            replay.begin_anew(StorageError::damaged(&path, 0, missing));
        }
        let read = disk.read(&path).map_err(StorageError::io("read", &path));
        match read.and_then(|bytes| replay.segment(&path, sequence, &bytes, is_last)) {
            Ok(0) => {
                // The crash came before its first record was durable, so nothing was ever built on it.
                if at == 0 && sequence != 1 {
                    return Err(StorageError::damaged(&path, 0, "the only segment holds nothing"));
                }
                replay.abandon()?;
                tracing::warn!(file = %path.display(), "removing a log segment that a crash left empty");
                disk.remove(&path).map_err(StorageError::io("remove", &path))?;
                segments.pop();
                break;
            }
            Ok(_) => {}
            // The checkpoint of the next segment repeats all but the entries.
            Err(error) if !is_last && error.is_rot() => replay.begin_anew(error),
            Err(error) => return Err(error),
        }
    }
    replay.finish(folder, segments)
}

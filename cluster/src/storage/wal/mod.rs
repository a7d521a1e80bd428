//! The write-ahead log: segment files of checksummed records.
//!
//! Everything is on the platters before it is acknowledged: entries, votes, truncations, purges and
//! the mark of a received snapshot each end in one `fdatasync`. Only the committed index has no sync of
//! its own, since losing it costs nothing but time. I/O runs on the calling task, which keeps the
//! order of votes and entries, and a simulation repeatable.

mod index;
mod read;
pub(super) mod record;
mod recovery;
mod replay;
mod segment;
#[cfg(test)]
mod tests;
mod view;
mod write;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use self::index::Index;
pub(crate) use self::record::LOG_FORMAT;
use self::record::Record;
use self::recovery::{Recovered, recover, segment_path};
use self::segment::{NoFile, Writer};
use super::error::StorageError;
use super::fault::{Fault, FaultReport};
use crate::disk::{Disk, make_folder};
use crate::environment::Environment;
use crate::types::{Entry, LogId, LogIndex, NodeId, Vote};

/// Options for a log.
#[derive(Clone)]
pub(crate) struct WalOptions {
    pub folder: PathBuf,
    /// A segment that has outgrown this is followed by a new one.
    pub segment_bytes: u32,
    /// Recent entries kept in memory.
    pub cache_bytes: usize,
}

/// The log. Cheap to clone; every clone is the same log.
#[derive(Clone)]
pub(crate) struct Wal(Arc<Shared>);

struct Shared {
    options: WalOptions,
    disk: Arc<dyn Disk>,
    environment: Environment,
    fault: FaultReport,
    vote: watch::Sender<Option<Vote>>,
    /// Locked before `index` wherever both are.
    writer: Mutex<Writer>,
    index: Mutex<Index>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wal {
    /// Opens the log of a folder, or begins one. `own` is this node: its own committed vote is returned
    /// as one that it has still to win, so that no leader resumes. Unreadable entries up to `covered`, which a
    /// good snapshot reaches, are dropped with all before them.
    ///
    /// # Errors
    /// `Damaged` when something acknowledged cannot be read; `Unsupported` when another version wrote it; `Io`.
    pub(crate) fn open(
        options: WalOptions,
        disk: Arc<dyn Disk>,
        environment: &Environment,
        fault: FaultReport,
        own: Option<NodeId>,
        covered: Option<LogId>,
    ) -> Result<Self, StorageError> {
        let folder = &options.folder;
        make_folder(disk.as_ref(), folder).map_err(StorageError::io("create", folder))?;
        let Recovered { mut index, segments, last_length, salt, lost } =
            recover(disk.as_ref(), folder, options.cache_bytes)?;
        let healed = match (lost, covered) {
            (None, _) => None,
            (Some(lost), Some(covered)) if covered.index >= lost.upto => Some((lost, covered)),
            (Some(lost), _) => return Err(lost.error),
        };
        let mut writer = Writer {
            file: Box::new(NoFile),
            segments: segments.into(),
            salt,
            length: last_length,
            synced: last_length,
            failed: None,
        };
        match writer.segments.back() {
            None => writer.begin_segment(&options, (disk.as_ref(), &*environment.random), &index, 1)?,
            Some(last) => {
                let path = segment_path(folder, *last);
                writer.file = disk
                    .open_append(&path, u64::from(last_length))
                    .map_err(StorageError::io("write", &path))?;
            }
        }
        if let Some(vote) = index.vote.as_mut()
            && vote.is_committed()
            && vote.leader_id().voted_for() == own
        {
            vote.committed = false;
        }
        let vote = watch::Sender::new(index.vote);
        let (writer, index) = (Mutex::new(writer), Mutex::new(index));
        let environment = environment.clone();
        let wal = Self(Arc::new(Shared { options, disk, environment, fault, vote, writer, index }));
        if let Some((lost, covered)) = healed {
            let reason = lost.error.to_string();
            tracing::warn!(reason, upto = lost.upto, %covered, "the log begins behind a snapshot: entries had rotted");
            wal.purge(covered)?;
        }
        Ok(wal)
    }

    /// An empty log that refuses everything: for a node that must not vote.
    pub(crate) fn refusing(
        options: WalOptions,
        disk: Arc<dyn Disk>,
        environment: &Environment,
        fault: FaultReport,
        reason: String,
    ) -> Self {
        let index = Mutex::new(Index::new(0));
        let writer = Mutex::new(Writer {
            file: Box::new(NoFile),
            segments: VecDeque::new(),
            salt: 0,
            length: 0,
            synced: 0,
            failed: Some(reason),
        });
        let (vote, environment) = (watch::Sender::new(None), environment.clone());
        Self(Arc::new(Shared { options, disk, environment, fault, vote, writer, index }))
    }

    /// Appends entries; they are durable when this returns. Those that are purged already are left out:
    /// what is purged is committed and applied.
    pub(crate) fn append(&self, mut entries: Vec<Entry>) -> Result<(), StorageError> {
        let (purged, mut next) = {
            let index = self.index();
            (index.purged, index.next_index())
        };
        entries.retain(|entry| purged.is_none_or(|purged| entry.log_id.index > purged.index));
        for entry in &entries {
            let index = entry.log_id.index;
            if next.is_some_and(|next| next != index) {
                let reason = format!("entry {index} does not follow {next:?} in the log");
                return Err(StorageError::Stopped { reason });
            }
            next = Some(index + 1);
        }
        let records = entries.into_iter().map(Record::Entry).collect();
        self.write(records, true)
    }

    pub(crate) fn save_vote(&self, vote: Vote) -> Result<(), StorageError> {
        self.write(vec![Record::Vote(vote)], true)?;
        self.0.vote.send_replace(Some(vote));
        Ok(())
    }

    pub(crate) fn save_committed(&self, committed: LogId) -> Result<(), StorageError> {
        self.write(vec![Record::Committed(committed)], false)
    }

    /// Records that a snapshot up to `covered` has arrived whole: a log that ends before it has then
    /// not forgotten anything.
    pub(crate) fn save_snapshot_received(&self, covered: LogId) -> Result<(), StorageError> {
        if self.received() >= Some(covered) {
            return Ok(());
        }
        self.write(vec![Record::SnapshotReceived(covered)], true)
    }

    pub(crate) fn truncate(&self, from: LogIndex) -> Result<(), StorageError> {
        self.write(vec![Record::Truncate(from)], true)
    }

    /// Forgets the entries up to and with `upto`, then removes the segments that hold nothing else.
    pub(crate) fn purge(&self, upto: LogId) -> Result<(), StorageError> {
        self.write(vec![Record::Purge(upto)], true)?;
        self.remove_purged_segments()
    }

    /// Takes nothing any more: the folder is about to be opened anew.
    pub(crate) fn close(&self) {
        let mut writer = lock(&self.0.writer);
        writer.failed.get_or_insert_with(|| "the log is closed".to_owned());
        writer.file = Box::new(NoFile);
    }

    /// Reports that an entry is not understood, so that it was not taken.
    pub(crate) fn report_unsupported(&self, reason: String) {
        self.0.fault.report(Fault::Unsupported { reason });
    }

    fn report(&self, error: &StorageError) {
        self.0.fault.report(Fault::Log { reason: error.to_string() });
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        lock(&self.0.index)
    }
}

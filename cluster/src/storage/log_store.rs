//! The log as openraft sees it.

use std::fmt::Debug;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{AnyError, EntryPayload, LogState, OptionalSend, RaftLogReader};
use tokio::sync::watch;

use super::applied::UnknownRequest;
use super::error::StorageError;
use super::wal::Wal;
use crate::lease::Lease;
use crate::types::{Entry, LogId, LogIndex, Membership, RaftIoError, RaftStorageError, TypeConfig, Vote};

/// An append to another node carries about this many bytes of entries at most, one entry at least: a
/// heartbeat must not wait behind more.
const APPEND_LIMIT_BYTES: u64 = 1 << 20;

/// The log and the vote. Cheap to clone; every clone is the same log.
#[derive(Clone)]
pub struct LogStore(Wal, Option<Arc<Lease>>);

impl LogStore {
    pub(crate) fn new(wal: Wal) -> Self {
        Self(wal, None)
    }

    /// Tells `lease` of votes and entries, and has it stamp those of this node as leader.
    pub(crate) fn set_lease(&mut self, lease: Arc<Lease>) {
        self.1 = Some(lease);
    }

    /// The stored vote.
    pub(crate) fn vote(&self) -> Option<Vote> {
        self.0.vote()
    }

    /// The memberships of the entries after `index`, and where they lie.
    ///
    /// # Errors
    /// As of the disk.
    pub(crate) fn memberships_after(
        &self,
        index: Option<LogIndex>,
    ) -> Result<Vec<(LogIndex, Membership)>, StorageError> {
        let end = self.last_log_id().map_or(0, |last| last.index + 1);
        let (mut next, mut found) = (index.map_or(0, |index| index + 1), Vec::new());
        while next < end {
            let entries = self.0.read(next..end, APPEND_LIMIT_BYTES)?;
            let Some(last) = entries.last() else { break };
            next = last.log_id.index + 1;
            found.extend(entries.into_iter().filter_map(|entry| match entry.payload {
                EntryPayload::Membership(membership) => Some((entry.log_id.index, membership)),
                _ => None,
            }));
        }
        Ok(found)
    }

    /// The stored vote; a new value is shown after it is durable and before openraft acts on it.
    #[must_use]
    pub fn vote_watch(&self) -> watch::Receiver<Option<Vote>> {
        self.0.vote_watch()
    }

    /// The last entry in the log, or the last one purged.
    #[must_use]
    pub fn last_log_id(&self) -> Option<LogId> {
        self.0.last_log_id()
    }

    /// The log id at an index; `None` when it was purged before or is not there yet.
    #[must_use]
    pub fn log_id_at(&self, index: LogIndex) -> Option<LogId> {
        self.0.log_id_at(index)
    }
}

fn error_of(error: StorageError) -> AnyError {
    AnyError::error(error)
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, RaftStorageError> {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last.saturating_add(1),
            Bound::Excluded(end) => *end,
            Bound::Unbounded => u64::MAX,
        };
        Ok(self.0.read(start..end, u64::MAX).map_err(|e| RaftIoError::read_logs(error_of(e)))?)
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, RaftStorageError> {
        Ok(self.0.read(start..end, APPEND_LIMIT_BYTES).map_err(|e| RaftIoError::read_logs(error_of(e)))?)
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, RaftStorageError> {
        Ok(LogState { last_purged_log_id: self.0.purged(), last_log_id: self.0.last_log_id() })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), RaftStorageError> {
        self.0.save_vote(*vote).map_err(|e| RaftIoError::write_vote(error_of(e)))?;
        // Before openraft sends anything under it.
        if let Some(lease) = &self.1 {
            lease.vote_stored(*vote, self.0.last_log_id());
        }
        Ok(())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, RaftStorageError> {
        Ok(self.0.vote())
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), RaftStorageError> {
        match committed {
            Some(committed) => {
                Ok(self.0.save_committed(committed).map_err(|e| RaftIoError::write(error_of(e)))?)
            }
            None => Ok(()),
        }
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, RaftStorageError> {
        Ok(self.0.committed())
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: LogFlushed<TypeConfig>,
    ) -> Result<(), RaftStorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut entries: Vec<Entry> = entries.into_iter().collect();
        // An unknown request has been decoded without its content, so it would be written without it.
        if let Err(unknown) = entries.iter().try_for_each(UnknownRequest::find) {
            let reason = unknown.to_string();
            self.0.report_unsupported(reason.clone());
            return Err(RaftIoError::write_logs(error_of(StorageError::Stopped { reason })).into());
        }
        if let Some(lease) = &self.1 {
            lease.appending(&mut entries);
        }
        let result = self.0.append(entries);
        callback.log_io_completed(result.map_err(StorageError::into_io));
        Ok(())
    }

    async fn truncate(&mut self, log_id: LogId) -> Result<(), RaftStorageError> {
        self.0.truncate(log_id.index).map_err(|e| RaftIoError::write_logs(error_of(e)))?;
        if let Some(lease) = &self.1 {
            lease.truncated(log_id.index);
        }
        Ok(())
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), RaftStorageError> {
        Ok(self.0.purge(log_id).map_err(|e| RaftIoError::write_logs(error_of(e)))?)
    }
}

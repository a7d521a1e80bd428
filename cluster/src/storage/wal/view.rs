//! Looks things up in the log's index, in memory.

use tokio::sync::watch;

use super::Wal;
use crate::types::{LogId, LogIndex, NodeId, Vote};

impl Wal {
    pub(crate) fn vote(&self) -> Option<Vote> {
        self.index().vote
    }

    pub(crate) fn vote_watch(&self) -> watch::Receiver<Option<Vote>> {
        self.0.vote.subscribe()
    }

    pub(crate) fn purged(&self) -> Option<LogId> {
        self.index().purged
    }

    pub(crate) fn received(&self) -> Option<LogId> {
        self.index().received
    }

    pub(crate) fn committed(&self) -> Option<LogId> {
        self.index().committed
    }

    /// The last entry, or what was purged when there is none.
    pub(crate) fn last_log_id(&self) -> Option<LogId> {
        self.index().last_log_id()
    }

    /// The end of the log, when it comes before `acknowledged`, which this node has acknowledged to `leader`. `None`
    /// when it does not, or when the node obeys a higher leader, who may have truncated the log.
    pub(crate) fn end_before(
        &self,
        leader: openraft::LeaderId<NodeId>,
        acknowledged: LogId,
    ) -> Option<Option<LogId>> {
        let index = self.index();
        let end = index.last_log_id().max(index.received);
        let obeys_no_higher = index.vote.is_none_or(|vote| vote.leader_id <= leader);
        (obeys_no_higher && end < Some(acknowledged)).then_some(end)
    }

    pub(crate) fn log_id_at(&self, index: LogIndex) -> Option<LogId> {
        self.index().log_id_at(index)
    }

    pub(crate) fn bytes_after(&self, index: Option<LogIndex>) -> u64 {
        self.index().bytes_after(index)
    }

    /// The last entry to purge for at most `limit_bytes` of entries to stay; `None` when there are no more.
    pub(crate) fn outgrown(&self, limit_bytes: u64) -> Option<LogIndex> {
        self.index().outgrown(limit_bytes)
    }

    /// The oldest entry that is still in the log and was written by the leader of `of`.
    pub(crate) fn first_entry_of(&self, of: openraft::LeaderId<NodeId>) -> Option<LogId> {
        let index = self.index();
        let ids = index.places().rev().map(|place| place.log_id);
        ids.skip_while(|id| id.leader_id > of).take_while(|id| id.leader_id == of).last()
    }
}

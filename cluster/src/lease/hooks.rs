//! What the storage tells a lease: votes, entries and snapshots, before or after they are stored.

use openraft::EntryPayload;

use super::{Lease, configuration, leadership};
use crate::planted::{Bug, is_planted};
use crate::types::{Entry, LogId, LogIndex, NodeId, StoredMembership, Vote};

impl Lease {
    /// A vote is stored, and nothing was sent under it yet.
    pub(crate) fn vote_stored(&self, vote: Vote, last: Option<LogId>) {
        self.step(|inner, now| {
            let last = last.map(|last| (leadership(last.leader_id), last.index));
            inner.appended = last.map_or(0, |(_, index)| index);
            inner.node.vote_stored(leadership(vote.leader_id), vote.committed, last, now);
        });
    }

    /// Entries are about to be appended: those of this node as leader are stamped.
    pub(crate) fn appending(&self, entries: &mut [Entry]) {
        self.step(|inner, now| {
            let own = inner.node.leadership();
            for entry in entries {
                let index = entry.log_id.index;
                match &mut entry.payload {
                    EntryPayload::Membership(membership) => {
                        inner.node.configuration_appended(index, configuration(membership));
                    }
                    EntryPayload::Normal(batch) if Some(leadership(entry.log_id.leader_id)) == own => {
                        batch.stamp_ms = match is_planted(Bug::WallClockStamps) {
                            true => self.clock.wall_ms(),
                            false => inner.stamp_ms(self.clock.wall_ms(), now),
                        };
                    }
                    EntryPayload::Normal(_) | EntryPayload::Blank => {}
                }
                inner.appended = index;
            }
        });
    }

    /// The entries from `index` on are gone.
    pub(crate) fn truncated(&self, index: LogIndex) {
        self.step(|inner, _| {
            inner.appended = index.saturating_sub(1);
            inner.node.truncated(index);
        });
    }

    /// Everything up to `index` is applied, and shown to readers as far as it is released.
    pub(crate) fn applied(&self, index: LogIndex) {
        self.step(|inner, now| {
            if inner.node.leadership().is_some() {
                inner.unreleased.insert(index, now);
            }
            inner.node.applied(index, now);
            inner.pairs.applied(index);
        });
    }

    /// A snapshot that ends at `snapshot_last` has brought a membership, which replaces every one at or below that
    /// entry; it is not counted as applied yet.
    pub(crate) fn membership_installed(&self, stored: &StoredMembership, snapshot_last: LogIndex) {
        let index = stored.log_id().map_or(0, |log_id| log_id.index);
        let configuration = configuration(stored.membership());
        self.step(|inner, _| inner.node.configuration_installed(index, configuration, snapshot_last));
    }

    /// A time ceiling is applied.
    pub(crate) fn ceiling_applied(&self, by: openraft::CommittedLeaderId<NodeId>, ceiling_ms: u64) {
        self.step(|inner, _| {
            inner.clock.ceiling_applied(ceiling_ms);
            let leader = leadership(by);
            if inner.node.leadership() == Some(leader) {
                inner.timed = Some(leader);
            }
        });
    }
}

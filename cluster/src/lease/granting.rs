//! What a leader does with its lease: pings, grants, releases, and time ceilings.

use std::collections::BTreeSet;
use std::time::Duration;

use keyraft_lease::{Ceiling, LeaderMessage, Reply, TimePair};

use super::Lease;
use crate::types::{LogIndex, NodeId};

impl Lease {
    /// A ping for all other nodes; `None` when this node does not lead.
    pub(super) fn ping(&self) -> Option<LeaderMessage> {
        self.step(|inner, now| {
            inner.node.leadership()?;
            inner.node.release(now);
            // Under the lock that stamps and appends: every later entry is stamped at or after this.
            let time_ms = inner.stamp_ms(self.clock.wall_ms(), now);
            let pair = inner.node.is_serving().then_some(TimePair { time_ms, log_index: inner.appended });
            if let Some(pair) = pair {
                inner.pairs.told(pair, inner.node.applied_index());
            }
            inner.node.ping(pair, now)
        })
    }

    /// What is released, for all other nodes; `None` when this node does not lead.
    pub(super) fn message(&self) -> Option<LeaderMessage> {
        self.lock().node.message()
    }

    /// What passing time releases, and when it will again.
    pub(super) fn release(&self) -> Option<Duration> {
        self.step(|inner, now| {
            inner.node.release(now);
            inner.node.next_release(now).map(|at| at.saturating_sub(now))
        })
    }

    /// All other nodes.
    pub(super) fn others(&self) -> BTreeSet<NodeId> {
        self.lock().node.others()
    }

    /// An answer has come, with what the wall clock of its node shows (0: not told); a grant may go back.
    pub(super) fn reply(&self, reply: &Reply, wall_ms: u64) -> Option<LeaderMessage> {
        self.step(|inner, now| {
            if wall_ms > 0 {
                inner.walls.told(reply.node, wall_ms, now);
            }
            inner.node.reply(reply, now).0
        })
    }

    /// The index that a read on another node must have seen; `None` without a leader lease.
    pub(crate) fn read_index(&self) -> Option<LogIndex> {
        let inner = self.lock();
        inner.node.read_index(self.clock.elapsed())
    }

    /// The next time ceiling; `None`: the wall clocks of a majority are not known yet.
    pub(super) fn next_ceiling(&self) -> Option<Ceiling> {
        let (mut inner, now) = (self.lock(), self.clock.elapsed());
        let wall_ms = inner.majority_wall_ms(self.clock.wall_ms(), now)?;
        Some(inner.clock.next_ceiling(wall_ms, now))
    }
}

//! As any node: the right to read.

use super::Node;
use crate::omission::Omission;
use crate::words::{Instant, LogIndex};

impl Node {
    /// When the right to read ends, on this node's clock; `None` without such a right.
    #[must_use]
    pub fn lease_end(&self) -> Option<Instant> {
        if !self.numbers.is_granting {
            return None;
        }
        let lease = self.holder.lease;
        let held = lease.filter(|lease| self.applied >= lease.index || !self.keeps(Omission::GrantIndex));
        self.leader_lease_end().max(held.map(|lease| lease.until))
    }

    /// Whether a read may take place now (rules 5, 6 and 13). The state is loaded afterwards.
    #[must_use]
    pub fn may_read(&self, now: Instant) -> bool {
        self.lease_end().is_some_and(|end| now < end)
    }

    /// The index that a read on another node must have seen (rule 15): only from a leader that may read itself.
    #[must_use]
    pub fn read_index(&self, now: Instant) -> Option<LogIndex> {
        let first_index = self.current()?.first_index;
        self.leader_lease_end().is_some_and(|end| now < end).then_some(self.released.max(first_index))
    }

    fn leader_lease_end(&self) -> Option<Instant> {
        #[cfg(test)]
        if !self.keeps(Omission::OwnLeaderLease) && self.current().is_none() {
            let mut unaware = self.clone();
            unaware.vote = self.leading.as_ref().map(|leading| leading.id);
            return unaware.current().and_then(|_| unaware.leader_lease_end());
        }
        let is_serving = self.is_serving();
        let end = self.quorum_time()?.saturating_add(self.numbers.leader_lease);
        is_serving.then_some(end)
    }
}

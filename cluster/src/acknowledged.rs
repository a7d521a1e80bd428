//! What each node has acknowledged to this node as leader.
//!
//! openraft counts on it that no node forgets what it has acknowledged, and has no way on when one does. So every append
//! names the newest entry that its receiver has acknowledged, and a node whose log ends before that leaves the voters
//! (see [`crate::formation`]). What a node has acknowledged to earlier leaders is not known here.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use openraft::LeaderId;

use crate::types::{LogId, NodeId};

/// The newest entry that each node has acknowledged, and the leadership of this node it was acknowledged to.
#[derive(Default)]
pub(crate) struct Acknowledged(Mutex<BTreeMap<NodeId, (LeaderId<NodeId>, LogId)>>);

impl Acknowledged {
    /// Notes that the log of `follower` agrees with that of `leader`, which is this node, up to `log_id`.
    pub(crate) fn note(&self, follower: NodeId, leader: LeaderId<NodeId>, log_id: LogId) {
        let mut all = self.lock();
        let newest = all.entry(follower).or_insert((leader, log_id));
        if (leader, log_id) > *newest {
            *newest = (leader, log_id);
        }
    }

    /// The newest entry that `follower` has acknowledged to this node as `leader`.
    pub(crate) fn to(&self, leader: LeaderId<NodeId>, follower: NodeId) -> Option<LogId> {
        let newest = self.lock().get(&follower).copied();
        newest.filter(|(to, _)| *to == leader).map(|(_, log_id)| log_id)
    }

    /// Forgets about a node that is no member any more.
    pub(crate) fn forget(&self, follower: NodeId) {
        self.lock().remove(&follower);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<NodeId, (LeaderId<NodeId>, LogId)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use openraft::CommittedLeaderId;

    use super::*;

    fn log_id(index: u64) -> LogId {
        LogId::new(CommittedLeaderId::new(1, 1), index)
    }

    #[test]
    fn the_newest_counts_and_only_for_the_leadership_it_was_acknowledged_to() {
        let (first, second) = (LeaderId::new(1, 1), LeaderId::new(3, 1));
        let all = Acknowledged::default();
        assert_eq!(all.to(first, 2), None);
        all.note(2, first, log_id(7));
        all.note(2, first, log_id(5));
        assert_eq!((all.to(first, 2), all.to(first, 3)), (Some(log_id(7)), None));
        all.note(2, second, log_id(4));
        all.note(2, first, log_id(9));
        assert_eq!((all.to(first, 2), all.to(second, 2)), (None, Some(log_id(4))));
        all.forget(2);
        assert_eq!(all.to(second, 2), None);
    }
}

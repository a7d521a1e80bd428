//! What each node has acknowledged to this node as leader.
//!
//! openraft counts on it that no node forgets what it has acknowledged, and has no way on when one does. So every append
//! names the newest entry that its receiver has acknowledged, and a node whose log ends before that leaves the voters
//! (see [`crate::formation`]). What a node has acknowledged to earlier leaders is not known here.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use openraft::LeaderId;

use crate::types::{LogId, NodeId};

/// What a node has acknowledged, and with which folder: one that has lost its disk begins another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Acknowledgement {
    pub(crate) log_id: LogId,
    pub(crate) folder: u64,
}

/// The newest entry that each node has acknowledged, and the leadership of this node it was acknowledged to.
#[derive(Default)]
pub(crate) struct Acknowledged(Mutex<BTreeMap<NodeId, (LeaderId<NodeId>, Acknowledgement)>>);

impl Acknowledged {
    /// Notes that the log of `follower` agrees with that of `leader`, which is this node, up to an entry.
    pub(crate) fn note(&self, follower: NodeId, leader: LeaderId<NodeId>, acknowledged: Acknowledgement) {
        let mut all = self.lock();
        let newest = all.entry(follower).or_insert((leader, acknowledged));
        let is_newer = match newest.1.folder == acknowledged.folder {
            true => (leader, acknowledged.log_id) > (newest.0, newest.1.log_id),
            false => leader >= newest.0,
        };
        if is_newer {
            *newest = (leader, acknowledged);
        }
    }

    /// The newest entry that `follower` has acknowledged to this node as `leader`.
    pub(crate) fn to(&self, leader: LeaderId<NodeId>, follower: NodeId) -> Option<Acknowledgement> {
        let newest = self.lock().get(&follower).copied();
        newest.filter(|(to, _)| *to == leader).map(|(_, acknowledged)| acknowledged)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<NodeId, (LeaderId<NodeId>, Acknowledgement)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use openraft::CommittedLeaderId;

    use super::*;

    fn up_to(index: u64, folder: u64) -> Acknowledgement {
        Acknowledgement { log_id: LogId::new(CommittedLeaderId::new(1, 1), index), folder }
    }

    #[test]
    fn the_newest_counts_and_only_for_the_leadership_it_was_acknowledged_to() {
        let (first, second) = (LeaderId::new(1, 1), LeaderId::new(3, 1));
        let all = Acknowledged::default();
        assert_eq!(all.to(first, 2), None);
        all.note(2, first, up_to(7, 1));
        all.note(2, first, up_to(5, 1));
        assert_eq!((all.to(first, 2), all.to(first, 3)), (Some(up_to(7, 1)), None));
        all.note(2, second, up_to(4, 1));
        all.note(2, first, up_to(9, 1));
        assert_eq!((all.to(first, 2), all.to(second, 2)), (None, Some(up_to(4, 1))));
    }

    #[test]
    fn another_folder_has_acknowledged_nothing_of_what_the_last_one_had() {
        let (leader, all) = (LeaderId::new(1, 1), Acknowledged::default());
        all.note(2, leader, up_to(7, 1));
        all.note(2, leader, up_to(3, 2));
        assert_eq!(all.to(leader, 2), Some(up_to(3, 2)));
    }
}

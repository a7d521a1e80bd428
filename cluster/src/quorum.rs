//! How many voters respond, and how many of them the cluster can do without.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::types::NodeId;

/// The voters of a cluster, as one node sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Quorum {
    /// Nodes with a vote; in a change of the membership, those of both memberships.
    pub voters: usize,
    /// Those of them that respond and run.
    pub responding: usize,
    /// Whether a majority of every voter set responds.
    pub is_there: bool,
    /// How many of those that respond may fail, whichever they are, before a majority is missing. 0 without a quorum.
    pub may_fail: usize,
}

impl Quorum {
    /// What `voter_sets` come to where `responds` holds for the nodes that respond; `None`: there are no voters.
    pub(crate) fn of(voter_sets: &[BTreeSet<NodeId>], responds: impl Fn(NodeId) -> bool) -> Option<Self> {
        let voters: BTreeSet<NodeId> = voter_sets.iter().flatten().copied().collect();
        let spare = |set: &BTreeSet<NodeId>| {
            let responding = set.iter().filter(|node| responds(**node)).count();
            let majority = set.len() / 2 + 1;
            responding.checked_sub(majority)
        };
        let spares: Option<Vec<usize>> = voter_sets.iter().map(spare).collect();
        let may_fail = spares.as_ref().and_then(|spares| spares.iter().min().copied());
        (!voters.is_empty()).then(|| Self {
            voters: voters.len(),
            responding: voters.iter().filter(|node| responds(**node)).count(),
            is_there: spares.is_some(),
            may_fail: may_fail.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quorum(voter_sets: &[&[NodeId]], responding: &[NodeId]) -> Option<(bool, usize, usize, usize)> {
        let sets: Vec<BTreeSet<NodeId>> =
            voter_sets.iter().map(|set| set.iter().copied().collect()).collect();
        let quorum = Quorum::of(&sets, |node| responding.contains(&node))?;
        Some((quorum.is_there, quorum.responding, quorum.voters, quorum.may_fail))
    }

    #[test]
    fn a_majority_is_a_quorum_and_what_is_beyond_it_may_fail() {
        let five: &[NodeId] = &[1, 2, 3, 4, 5];
        assert_eq!(quorum(&[five], five), Some((true, 5, 5, 2)));
        assert_eq!(quorum(&[five], &[1, 2, 3]), Some((true, 3, 5, 0)));
        assert_eq!(quorum(&[five], &[1, 2, 9]), Some((false, 2, 5, 0)));
        assert_eq!(quorum(&[&[1, 2]], &[1, 2]), Some((true, 2, 2, 0)));
        assert_eq!(quorum(&[&[1]], &[1]), Some((true, 1, 1, 0)));
    }

    #[test]
    fn every_voter_set_of_a_changing_membership_counts() {
        let sets: &[&[NodeId]] = &[&[1, 2, 3], &[3, 4, 5]];
        assert_eq!(quorum(sets, &[1, 2, 3, 4]), Some((true, 4, 5, 0)));
        assert_eq!(quorum(sets, &[1, 2, 3]), Some((false, 3, 5, 0)));
    }

    #[test]
    fn nothing_is_known_of_a_cluster_without_voters() {
        assert_eq!(quorum(&[], &[1]), None);
        assert_eq!(quorum(&[&[]], &[1]), None);
    }
}

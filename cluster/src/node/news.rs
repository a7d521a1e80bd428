//! Changes that an operator wants to see in the log of any node: who leads, whether there is a quorum, who the members are.

use std::collections::BTreeSet;

use crate::types::{Membership, NodeId};

/// A node's view of its cluster at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) term: u64,
    pub(crate) leader: Option<NodeId>,
    /// True if a majority responds to this node as leader; `None`: it does not lead.
    pub(crate) has_quorum: Option<bool>,
    pub(crate) voters: BTreeSet<NodeId>,
    pub(crate) learners: BTreeSet<NodeId>,
}

impl View {
    /// Takes the members over.
    pub(crate) fn with_members(self, membership: &Membership) -> Self {
        let voters: BTreeSet<NodeId> = membership.voter_ids().collect();
        let nodes = membership.nodes().map(|(node, _)| *node);
        Self { learners: nodes.filter(|node| !voters.contains(node)).collect(), voters, ..self }
    }
}

/// A change that is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    ElectionWon { term: u64 },
    LeadershipLost { term: u64 },
    Leads { term: u64, leader: NodeId },
    NoLeader { term: u64 },
    QuorumLost,
    QuorumRegained,
    MembersChanged { before: View, after: View },
}

/// The lines for what has changed between two views of node `me`.
pub(crate) fn news(me: NodeId, before: &View, after: &View) -> Vec<Line> {
    let mut lines = Vec::new();
    let term = after.term;
    let (led, leads) = (before.leader == Some(me), after.leader == Some(me));
    if led && (!leads || before.term != term) {
        lines.push(Line::LeadershipLost { term: before.term });
    }
    match after.leader {
        Some(leader) if (before.leader, before.term) == (Some(leader), term) => {}
        Some(_) if leads => lines.push(Line::ElectionWon { term }),
        Some(leader) => lines.push(Line::Leads { term, leader }),
        None if before.leader.is_some() => lines.push(Line::NoLeader { term }),
        None => {}
    }
    // A new leader has heard nobody yet.
    if led && leads && before.term == term {
        match (before.has_quorum, after.has_quorum) {
            (Some(true), Some(false)) => lines.push(Line::QuorumLost),
            (Some(false), Some(true)) => lines.push(Line::QuorumRegained),
            _ => {}
        }
    }
    if (&before.voters, &before.learners) != (&after.voters, &after.learners) {
        lines.push(Line::MembersChanged { before: before.clone(), after: after.clone() });
    }
    lines
}

impl Line {
    pub(crate) fn log(&self) {
        match self {
            Self::ElectionWon { term } => tracing::info!(term, "this node has won an election and leads"),
            Self::LeadershipLost { term } => tracing::warn!(term, "this node does not lead any more"),
            Self::Leads { term, leader } => tracing::info!(term, leader, "another node leads"),
            Self::NoLeader { term } => tracing::warn!(term, "there is no leader"),
            Self::QuorumLost => tracing::warn!("no majority of the voters responds to this leader"),
            Self::QuorumRegained => tracing::info!("a majority of the voters responds to this leader again"),
            Self::MembersChanged { before, after } => tracing::info!(
                voters_before = ?before.voters,
                learners_before = ?before.learners,
                voters = ?after.voters,
                learners = ?after.learners,
                "the members have changed"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(term: u64, leader: Option<NodeId>) -> View {
        View { term, leader, voters: BTreeSet::from([1, 2, 3]), ..View::default() }
    }

    fn leading(term: u64, has_quorum: bool) -> View {
        View { has_quorum: Some(has_quorum), ..view(term, Some(1)) }
    }

    #[test]
    fn what_stays_is_no_news() {
        for same in [view(1, None), view(2, Some(2)), leading(3, true)] {
            assert_eq!(news(1, &same, &same), []);
        }
        assert_eq!(news(1, &view(2, None), &view(3, None)), [], "a term alone is no news");
    }

    #[test]
    fn elections_are_won_and_lost() {
        assert_eq!(news(1, &view(1, None), &leading(2, false)), [Line::ElectionWon { term: 2 }]);
        let lost = [Line::LeadershipLost { term: 2 }, Line::Leads { term: 3, leader: 2 }];
        assert_eq!(news(1, &leading(2, true), &view(3, Some(2))), lost);
        assert_eq!(news(1, &view(2, Some(3)), &view(3, Some(2))), [Line::Leads { term: 3, leader: 2 }]);
        assert_eq!(news(1, &view(2, Some(3)), &view(2, None)), [Line::NoLeader { term: 2 }]);
        let again = [Line::LeadershipLost { term: 2 }, Line::ElectionWon { term: 4 }];
        assert_eq!(news(1, &leading(2, true), &leading(4, false)), again);
    }

    #[test]
    fn a_quorum_is_lost_and_regained_but_not_at_the_start_of_a_leadership() {
        assert_eq!(news(1, &leading(2, true), &leading(2, false)), [Line::QuorumLost]);
        assert_eq!(news(1, &leading(2, false), &leading(2, true)), [Line::QuorumRegained]);
        assert_eq!(news(1, &view(1, None), &leading(2, true)), [Line::ElectionWon { term: 2 }]);
    }

    #[test]
    fn members_that_come_go_or_change_their_part_are_named() {
        let before = view(1, Some(2));
        let after = View { voters: BTreeSet::from([1, 2]), learners: BTreeSet::from([3]), ..before.clone() };
        assert_eq!(news(1, &before, &after), [Line::MembersChanged { before, after }]);
    }
}

//! A node that the membership is about to lose: it gets no lease meanwhile.

use std::sync::Arc;
use std::time::Duration;

use keyraft_lease::Leadership;

use super::Lease;
use crate::types::NodeId;

/// Time between two checks of whether a node that is to be dropped still holds something.
const BAR_CHECK: Duration = Duration::from_millis(20);

/// While this exists, its leadership grants nothing to the node, which held nothing when it was made.
///
/// Whether the node may get grants again depends on what is known of the change that drops it:
/// - It was never proposed: it may, from the moment that this is dropped.
/// - Its outcome is known ([`Barred::settled`]): it may. If the change is in the log, the configurations decide, and a node
///   that not all of them keep gets no grant anyway.
/// - It was proposed, and this is dropped before the outcome is known: it may not, until another leadership. The
///   change may be appended at any time, and would drop a node that holds a lease, of which no later leader knows.
///
/// So whoever proposes a change has to see it through, whether or not somebody still waits for it.
pub(crate) struct Barred {
    lease: Arc<Lease>,
    node: NodeId,
    leader: Leadership,
    is_open: bool,
}

impl Barred {
    /// The leadership that grants nothing to the node.
    pub(crate) fn leader(&self) -> Leadership {
        self.leader
    }

    /// Notes that the change is about to be proposed.
    pub(crate) fn proposed(&mut self) {
        self.is_open = true;
    }

    /// Notes that the outcome is known: the change is committed or was refused, or this leadership is over and appends
    /// nothing more.
    pub(crate) fn settled(mut self) {
        self.is_open = false;
    }
}

impl Drop for Barred {
    fn drop(&mut self) {
        if !self.is_open {
            let (node, leader) = (self.node, self.leader);
            self.lease.step(|inner, _| inner.node.unbar(node, leader));
        }
    }
}

impl Lease {
    /// Stops granting to a node, and waits until what it holds is surrendered or over. `None`: this node does not lead, or
    /// not any more, or is the node itself, which must not be dropped while it leads. Cancel-safe.
    pub(crate) async fn bar(self: &Arc<Self>, node: NodeId) -> Option<Barred> {
        let leader = self.step(|inner, _| {
            let leader = inner.node.leadership().filter(|leader| leader.node != node);
            leader.inspect(|_| inner.node.bar(node))
        })?;
        let barred = Barred { lease: Arc::clone(self), node, leader, is_open: false };
        loop {
            let (leads, is_over) = self.step(|inner, now| {
                (inner.node.leadership() == Some(leader), inner.node.may_be_dropped(node, now))
            });
            if !leads {
                return None;
            }
            if is_over {
                return Some(barred);
            }
            tokio::time::sleep(BAR_CHECK).await;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failure here is a failed test")]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use keyraft_lease::{Node, ProcessId, Reply};
    use openraft::CommittedLeaderId;

    use super::super::{Start, configuration, numbers};
    use super::*;
    use crate::config::NodeConfig;
    use crate::environment::Environment;
    use crate::types::{LogId, Membership, Vote};

    const LEADER: Leadership = Leadership { term: 2, node: 1 };

    /// Node 1, which leads 1 and 2, and node 2.
    struct Pair {
        lease: Arc<Lease>,
        other: Node,
    }

    impl Pair {
        fn new() -> Self {
            let config = NodeConfig { node_id: 1, ..NodeConfig::default() };
            let membership = Membership::new(vec![BTreeSet::from([1, 2])], None);
            let first = LogId::new(CommittedLeaderId::new(1, 1), 0);
            let start = Start {
                vote: None,
                applied: Some(first),
                time_ceiling_ms: 0,
                memberships: vec![(0, membership.clone())],
                process: 1,
                #[cfg(feature = "omissions")]
                omitted: None,
            };
            let lease = Lease::new(&config, &Environment::system().unwrap(), start, |_| {});
            let mut pair = Self { other: other(&config, &membership), lease };
            pair.lead();
            pair
        }

        fn lead(&mut self) {
            let last = LogId::new(CommittedLeaderId::new(1, 1), 0);
            self.lease.vote_stored(Vote::new_committed(LEADER.term, LEADER.node), Some(last));
            self.lease.applied(1);
        }

        fn reply(&mut self) -> Reply {
            let ping = self.lease.ping().unwrap();
            self.other.message_from_leader(&ping, Duration::ZERO).unwrap()
        }

        /// Returns true if node 2 is granted a lease for a new reply.
        fn is_granted(&mut self) -> bool {
            let reply = self.reply();
            self.lease.reply(&reply, 0).is_some_and(|message| message.grant.is_some())
        }

        /// Has node 2 surrender what it holds.
        fn surrender(&mut self) {
            let reply = Reply { is_leaving: true, ..self.reply() };
            self.lease.reply(&reply, 0);
        }
    }

    fn other(config: &NodeConfig, membership: &Membership) -> Node {
        let configurations = BTreeMap::from([(0, Arc::new(configuration(membership)))]);
        Node::new(2, ProcessId(7), numbers(config), Some(LEADER), 1, configurations)
    }

    #[tokio::test]
    async fn a_node_is_granted_leases_again_once_it_is_known_what_has_become_of_the_change() {
        let mut pair = Pair::new();
        pair.surrender();
        let unproposed = pair.lease.bar(2).await.unwrap();
        assert!(!pair.is_granted());
        drop(unproposed);
        assert!(pair.is_granted());

        pair.surrender();
        let mut settled = pair.lease.bar(2).await.unwrap();
        settled.proposed();
        assert!(!pair.is_granted());
        settled.settled();
        assert!(pair.is_granted());
    }

    #[tokio::test]
    async fn a_node_gets_no_lease_while_the_outcome_of_a_change_is_open() {
        let mut pair = Pair::new();
        pair.surrender();
        let mut open = pair.lease.bar(2).await.unwrap();
        open.proposed();
        drop(open);
        assert!(!pair.is_granted());
        // Another change that is settled shows nothing about the one that is open.
        pair.lease.bar(2).await.unwrap().settled();
        assert!(!pair.is_granted());
    }

    #[tokio::test]
    async fn a_node_that_two_changes_drop_is_barred_until_both_are_settled() {
        let mut pair = Pair::new();
        pair.surrender();
        let (one, other) = (pair.lease.bar(2).await.unwrap(), pair.lease.bar(2).await.unwrap());
        drop(one);
        assert!(!pair.is_granted());
        drop(other);
        assert!(pair.is_granted());
    }

    #[tokio::test]
    async fn a_wait_that_is_given_up_bars_nobody() {
        let mut pair = Pair::new();
        assert!(pair.is_granted());
        let waiting = pair.lease.bar(2);
        assert!(tokio::time::timeout(BAR_CHECK / 2, waiting).await.is_err(), "it holds a lease");
        assert!(pair.is_granted());
    }

    #[tokio::test]
    async fn a_leader_does_not_bar_itself() {
        assert!(Pair::new().lease.bar(1).await.is_none());
    }
}

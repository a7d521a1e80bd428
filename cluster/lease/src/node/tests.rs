//! Steps of one node that need no world around it.
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use super::*;
use crate::words::{LeaderMessage, Reply};

const A: NodeId = 1;
const B: NodeId = 2;
const C: NodeId = 3;

pub(super) fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

fn voters(nodes: &[NodeId]) -> Configuration {
    Configuration { voter_sets: vec![nodes.iter().copied().collect()], learners: BTreeSet::new() }
}

fn node(me: NodeId, vote: Leadership) -> Node {
    let configurations = BTreeMap::from([(0, Arc::new(voters(&[A, B, C])))]);
    Node::new(me, ProcessId(me), Numbers::default(), Some(vote), 1, configurations)
}

/// A leads A, B and C, and has applied its first entry.
pub(super) struct Trio {
    pub(super) leader: Node,
    pub(super) followers: [Node; 2],
}

impl Trio {
    pub(super) fn new() -> Self {
        let vote = Leadership { term: 1, node: A };
        let mut leader = node(A, vote);
        leader.vote_stored(vote, true, Some((Leadership { term: 0, node: A }, 0)), at(0));
        Self { leader, followers: [node(B, vote), node(C, vote)] }
    }

    /// The answers of all followers to a new ping.
    pub(super) fn replies(&mut self, now: Instant) -> Vec<Reply> {
        let ping = self.leader.ping(None, now).unwrap();
        self.followers.iter_mut().map(|node| node.message_from_leader(&ping, now).unwrap()).collect()
    }

    /// A round of pings: who was granted a lease.
    pub(super) fn round(&mut self, now: Instant) -> Vec<NodeId> {
        let replies = self.replies(now);
        let granted = replies.iter().filter_map(|reply| self.take(reply, now));
        granted.collect()
    }

    /// The leader takes an answer, and the follower what comes back: the node, if that is a grant.
    pub(super) fn take(&mut self, reply: &Reply, now: Instant) -> Option<NodeId> {
        let message: LeaderMessage = self.leader.reply(reply, now).0?;
        let follower = self.followers.iter_mut().find(|node| node.id() == reply.node)?;
        follower.message_from_leader(&message, now);
        message.grant.map(|_| reply.node)
    }
}

#[test]
fn a_snapshot_replaces_every_configuration_below_its_end() {
    let mut a = node(A, Leadership { term: 1, node: A });
    a.configuration_appended(5, voters(&[A, B]));
    a.configuration_appended(12, voters(&[A, C]));
    a.configuration_installed(0, voters(&[A, B, C]), 9);
    a.applied(9, at(0));
    assert_eq!(a.configurations.keys().copied().collect::<Vec<_>>(), [0, 12]);
    a.truncated(12);
    assert_eq!(a.others(), BTreeSet::from([B, C]), "what was never committed is overtaken");
}

#[test]
fn a_leader_is_never_dropped_while_it_leads() {
    let mut trio = Trio::new();
    trio.round(at(10));
    trio.leader.bar(A);
    assert!(!trio.leader.may_be_dropped(A, at(60_000)));
}

#[test]
fn a_leader_that_is_in_no_configuration_does_not_lead() {
    let mut trio = Trio::new();
    trio.round(at(10));
    assert!(trio.leader.may_read(at(20)));
    trio.leader.configuration_appended(2, voters(&[B, C]));
    assert!(trio.leader.leadership().is_some(), "the entry may never be committed");
    trio.leader.applied(2, at(20));
    assert_eq!((trio.leader.leadership(), trio.leader.may_read(at(20))), (None, false));
    assert_eq!(trio.leader.ping(None, at(30)), None);
}

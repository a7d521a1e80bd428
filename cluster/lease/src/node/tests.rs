//! Steps of one node that need no world around it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

use super::*;
use crate::holdups::Suspension;
use crate::words::{LeaderMessage, Reply};

const A: NodeId = 1;
const B: NodeId = 2;
const C: NodeId = 3;

fn at(ms: u64) -> Instant {
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
struct Trio {
    leader: Node,
    followers: [Node; 2],
}

impl Trio {
    fn new() -> Self {
        let vote = Leadership { term: 1, node: A };
        let mut leader = node(A, vote);
        leader.vote_stored(vote, true, Some((Leadership { term: 0, node: A }, 0)), at(0));
        Self { leader, followers: [node(B, vote), node(C, vote)] }
    }

    /// The replies of all followers to a new ping.
    fn replies(&mut self, now: Instant) -> Vec<Reply> {
        let ping = self.leader.ping(None, now).unwrap();
        self.followers.iter_mut().map(|node| node.message_from_leader(&ping, now).unwrap()).collect()
    }

    /// A round of pings; returns the nodes that were granted a lease.
    fn round(&mut self, now: Instant) -> Vec<NodeId> {
        let replies = self.replies(now);
        let granted = replies.iter().filter_map(|reply| self.take(reply, now));
        granted.collect()
    }

    /// Passes a reply to the leader, and its message to the follower; returns the node if that was a grant.
    fn take(&mut self, reply: &Reply, now: Instant) -> Option<NodeId> {
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

/// Has the leader apply an entry that B applies a second later; returns the time until it was released.
fn delay(trio: &mut Trio, from_ms: u64) -> u64 {
    let index = trio.leader.applied_index() + 1;
    trio.leader.applied(index, at(from_ms));
    trio.followers[1].applied(index, at(from_ms));
    for now_ms in (from_ms..from_ms + 3_000).step_by(100) {
        if now_ms == from_ms + 1_000 {
            trio.followers[0].applied(index, at(now_ms));
        }
        trio.round(at(now_ms));
        if trio.leader.released() == index {
            trio.followers[0].applied(index, at(now_ms));
            return now_ms - from_ms;
        }
    }
    panic!("not released");
}

#[test]
fn a_node_that_keeps_delaying_writes_is_suspended_for_longer_and_longer() {
    let mut trio = Trio::new();
    let mut now_ms = 100;
    let (mut suspensions, mut slow, mut writes) = (Vec::new(), 0, 0);
    while now_ms < 60_000 {
        trio.round(at(now_ms));
        now_ms += 100;
        let took_ms = delay(&mut trio, now_ms);
        now_ms += took_ms;
        writes += 1;
        slow += usize::from(took_ms > 0);
        for Suspension { node, hold_ups, length } in trio.leader.take_suspensions() {
            assert_eq!(node, B);
            suspensions.push((hold_ups, length.as_millis()));
        }
    }
    assert_eq!(suspensions[..4], [(2, 3_600), (3, 7_200), (4, 14_400), (5, 28_800)]);
    // The first, and for each suspension the one that brought it and those under the last grant, a lease long.
    assert!((7..=2 * suspensions.len() + 1).contains(&slow), "{slow} slow ones of {writes} writes");
    assert!(suspensions.len() <= 6 && writes > 100, "{suspensions:?} for {writes} writes");
}

#[test]
fn who_delays_a_write_is_named_and_others_are_not() {
    let mut trio = Trio::new();
    for now_ms in [10, 20] {
        trio.round(at(now_ms));
    }
    trio.leader.applied(2, at(30));
    trio.followers[1].applied(2, at(30));
    trio.round(at(100));
    trio.round(at(200));
    assert_eq!(trio.leader.delayed_by(at(200)), None);
    trio.round(at(300));
    assert_eq!(trio.leader.delayed_by(at(300)), Some((B, at(270))));
    assert_eq!(trio.leader.suspended(at(300)), BTreeSet::new(), "the first time is forgiven");
    trio.followers[0].applied(2, at(300));
    trio.round(at(310));
    assert_eq!(trio.leader.delayed_by(at(310)), None);
}

#[test]
fn a_leader_that_was_away_blames_nobody() {
    let mut trio = Trio::new();
    trio.round(at(10));
    trio.round(at(20));
    let mut now_ms = 100;
    for index in 2..10 {
        trio.leader.applied(index, at(now_ms));
        now_ms += 1_000;
        trio.leader.release(at(now_ms));
        assert_eq!(trio.leader.delayed_by(at(now_ms)), None);
        trio.followers.iter_mut().for_each(|node| {
            node.applied(index, at(now_ms));
        });
        trio.round(at(now_ms));
        trio.round(at(now_ms));
        now_ms += 100;
    }
    assert_eq!(trio.leader.take_suspensions(), []);
    assert_eq!(trio.leader.suspended(at(now_ms)), BTreeSet::new());
}

#[test]
fn a_leader_that_was_deposed_blames_nobody() {
    let mut trio = Trio::new();
    trio.round(at(100));
    let took_ms = delay(&mut trio, 200);
    assert!(took_ms > 0, "B has held up a release once");
    let deposed_ms = 300 + took_ms;
    assert!(trio.round(at(deposed_ms)).contains(&B));
    trio.leader.vote_stored(Leadership { term: 2, node: C }, true, None, at(deposed_ms));
    for round in 1..=10 {
        let index = trio.leader.applied_index() + 1;
        trio.leader.applied(index, at(deposed_ms + 100 * round));
    }
    assert_eq!(trio.leader.take_suspensions(), []);
}

#[test]
fn a_node_that_a_joint_configuration_drops_gets_no_grant() {
    let mut trio = Trio::new();
    trio.round(at(10));
    let joint = |nodes: &[NodeId]| Configuration {
        voter_sets: [voters(&[A, B, C]).voter_sets, voters(nodes).voter_sets].concat(),
        learners: BTreeSet::new(),
    };
    trio.leader.configuration_appended(2, joint(&[A, C]));
    assert_eq!(trio.round(at(20)), [C]);
    trio.leader.truncated(2);
    trio.leader.configuration_appended(2, joint(&[A, B, C]));
    assert_eq!(trio.round(at(30)), [B, C]);
}

#[test]
fn a_bar_of_an_earlier_leadership_ends_none_of_a_later_one() {
    let mut trio = Trio::new();
    let (earlier, later) = (Leadership { term: 1, node: A }, Leadership { term: 2, node: A });
    trio.leader.bar(B);
    trio.leader.vote_stored(later, true, Some((earlier, 1)), at(10));
    assert!(!trio.leader.is_barred(B));
    trio.leader.bar(B);
    trio.leader.unbar(B, earlier);
    assert!(trio.leader.is_barred(B));
    trio.leader.unbar(B, later);
    assert!(!trio.leader.is_barred(B));
}

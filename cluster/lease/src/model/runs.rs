//! What the checker looks at: all rules within bounds, and each rule left out.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model};

use super::world::{Action, Packet, World};
use super::{Bounds, DROPS_A_MEMBER, LINEARIZABLE, READS_WITHOUT_LEADER, RELEASES_AFTER_FAILOVER, tell};
use crate::{NodeId, Omission};

const THREADS: usize = 2;

/// Steps that bring a violation with a rule left out, as `docs/leases.md` shows them.
fn counterexample(bounds: Bounds, depth: usize) -> Option<String> {
    let started = Instant::now();
    let omitted = bounds.omitted;
    let checker = bounds
        .checker()
        .threads(THREADS)
        .target_max_depth(depth + 1)
        .finish_when(HasDiscoveries::AnyFailures)
        .timeout(Duration::from_secs(60))
        .spawn_bfs()
        .join();
    let found = checker.discovery(LINEARIZABLE).map(|path| {
        let violation = path.last_state().violation.unwrap_or_default();
        let mut text = String::new();
        for (step, action) in path.into_actions().iter().enumerate() {
            let _ = writeln!(text, "{:>3}. {}", step + 1, tell(action));
        }
        let _ = writeln!(text, "     {violation}");
        text
    });
    println!(
        "{omitted:?}: {} states, {} of them different, depth {}, {:.1?}\n{}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        started.elapsed(),
        found.clone().unwrap_or_else(|| "no violation".to_owned()),
    );
    found
}

/// One rule left out, where little else happens: the shortest way to miss it.
fn missing(omitted: Omission, allows: fn(&World, &Action) -> bool) -> Bounds {
    Bounds { omitted: Some(omitted), tells_releases: false, allows, ..Bounds::default() }
}

/// Whether a message goes to one of these nodes, from a leader of that term.
fn reaches(packet: &Packet, ways: &[(u64, NodeId)]) -> bool {
    match packet {
        Packet::ToNode(node, message) => ways.contains(&(message.leader.term, *node)),
        Packet::ToLeader(_) => true,
    }
}

fn is_by(voters: &BTreeSet<NodeId>, expected: [NodeId; 2]) -> bool {
    *voters == BTreeSet::from(expected)
}

/// The violation is found without the rule, and nothing is found with it where the same can happen.
fn is_needed(bounds: Bounds, depth: usize) {
    assert!(counterexample(bounds.clone(), depth).is_some(), "{:?} is not missed", bounds.omitted);
    let reads = if bounds.omitted == Some(Omission::CheckFirst) { 0 } else { bounds.reads };
    let kept = Bounds { omitted: None, reads, ..bounds };
    assert_eq!(counterexample(kept, depth), None);
}

#[test]
fn own_leader_lease() {
    let allows = |_: &World, action: &Action| match action {
        Action::Stand(node, voters) => *node == 2 && is_by(voters, [1, 2]),
        Action::Replicate(leader, _) => *leader == 2,
        Action::Deliver(packet) => reaches(packet, &[(2, 0), (2, 1)]),
        _ => true,
    };
    is_needed(Bounds { elections: 1, pings: 1, ..missing(Omission::OwnLeaderLease, allows) }, 14);
}

#[test]
fn grants_in_flight() {
    let allows = |_: &World, action: &Action| match action {
        Action::Stand(node, voters) => *node == 2 && is_by(voters, [1, 2]),
        Action::Replicate(leader, follower) => (*leader, *follower) == (2, 0),
        Action::Deliver(packet) => reaches(packet, &[(1, 1), (2, 0), (2, 1)]),
        _ => true,
    };
    is_needed(Bounds { elections: 1, pings: 2, ..missing(Omission::GrantsInFlight, allows) }, 15);
}

#[test]
fn winners_refusal() {
    let allows = |world: &World, action: &Action| {
        let (pings, elections, ticks) = (world.spent.pings, world.spent.elections, world.spent.ticks);
        match action {
            Action::Stand(node, voters) => match elections {
                0 => *node == 1 && is_by(voters, [1, 2]) && pings == 1,
                _ => *node == 2 && is_by(voters, [0, 2]),
            },
            Action::Ping(node) => (*node == 0 && elections == 0) || *node == 2,
            Action::Tick => elections == 2,
            Action::Write(node) => *node == 2 && ticks == 2,
            Action::Replicate(leader, follower) => [(1, 2), (2, 0)].contains(&(*leader, *follower)),
            Action::Deliver(packet) => reaches(packet, &[(1, 1), (3, 0)]),
            _ => true,
        }
    };
    let bounds = Bounds {
        elections: 2,
        pings: 2,
        ticks: 2,
        rates_ms: vec![vec![3, 2, 3]],
        ..missing(Omission::WinnersRefusal, allows)
    };
    is_needed(bounds, 17);
}

#[test]
fn stored_vote() {
    let allows = |world: &World, action: &Action| {
        let (pings, restarts, ticks) = (world.spent.pings, world.spent.restarts, world.spent.ticks);
        match action {
            Action::Stand(node, voters) => *node == 2 && is_by(voters, [1, 2]),
            Action::Ping(node) => (*node == 2 && pings == 0) || (*node == 0 && restarts == 1),
            Action::Restart(node, steps_back) => *node == 3 && !steps_back && pings == 1,
            Action::Tick => pings == 2,
            Action::Write(node) => *node == 2 && ticks == 2,
            Action::Replicate(leader, follower) => (*leader, *follower) == (2, 1) && ticks == 2,
            Action::Deliver(packet) => reaches(packet, &[(1, 3), (2, 1), (2, 3)]),
            _ => true,
        }
    };
    let bounds = Bounds {
        learners: 1,
        elections: 1,
        pings: 2,
        ticks: 2,
        restarts: 1,
        rates_ms: vec![vec![3, 3, 3, 2]],
        ..missing(Omission::StoredVote, allows)
    };
    is_needed(bounds, 17);
}

#[test]
fn leader_order() {
    let allows = |_: &World, action: &Action| match action {
        Action::Stand(node, voters) => *node == 2 && is_by(voters, [1, 2]),
        Action::Replicate(leader, follower) => (*leader, *follower) == (2, 1),
        Action::Deliver(Packet::ToNode(node, message)) => match message.leader.node {
            0 => *node == 2,
            _ => *node == 1,
        },
        _ => true,
    };
    let bounds = Bounds {
        elections: 1,
        pings: 2,
        ticks: 2,
        stands_in_same_term: true,
        ..missing(Omission::LeaderOrder, allows)
    };
    is_needed(bounds, 14);
}

#[test]
fn own_answer() {
    let allows = |_: &World, action: &Action| match action {
        Action::Stand(node, voters) => *node == 2 && is_by(voters, [0, 2]),
        Action::Replicate(leader, follower) => (*leader, *follower) == (2, 1),
        Action::Deliver(packet) => reaches(packet, &[(1, 1), (2, 1)]),
        _ => true,
    };
    is_needed(Bounds { elections: 1, pings: 2, ticks: 2, ..missing(Omission::OwnAnswer, allows) }, 14);
}

#[test]
fn no_resumption() {
    is_needed(Bounds { restarts: 1, pings: 1, ..missing(Omission::NoResumption, |_, _| true) }, 10);
}

#[test]
fn remembered_replies() {
    let allows = |_: &World, action: &Action| match action {
        Action::Replicate(leader, follower) => (*leader, *follower) == (0, 1),
        Action::Deliver(packet) => reaches(packet, &[(1, 1)]),
        Action::Restart(node, _) => *node == 1,
        _ => true,
    };
    let bounds = Bounds {
        restarts: 1,
        pings: 1,
        reports: 1,
        initial_ticks: 3,
        ..missing(Omission::RememberedReplies, allows)
    };
    is_needed(bounds, 13);
}

#[test]
fn old_leader() {
    let allows = |_: &World, action: &Action| match action {
        Action::Stand(node, voters) => {
            (*node == 1 && is_by(voters, [1, 2])) || (*node == 2 && is_by(voters, [0, 2]))
        }
        Action::Win(node) => *node == 2,
        Action::Replicate(leader, follower) => (*leader, *follower) == (2, 0),
        Action::Deliver(packet) => reaches(packet, &[(3, 0)]),
        _ => true,
    };
    let bounds = Bounds {
        elections: 2,
        pings: 1,
        ticks: 2,
        rates_ms: vec![vec![3, 2, 3]],
        splits_elections: true,
        ..missing(Omission::OldLeader, allows)
    };
    is_needed(bounds, 14);
}

#[test]
fn former_leadership() {
    let allows = |world: &World, action: &Action| {
        let (pings, elections, writes) = (world.spent.pings, world.spent.elections, world.spent.writes);
        match action {
            Action::Stand(node, voters) => {
                *node == 1 && is_by(voters, [1, 2]) && pings == u8::from(elections > 0)
            }
            Action::Ping(node) => *node == 1 && u64::from(pings) + 2 == world.nodes[1].vote.term,
            Action::Tick => pings == 2,
            Action::Write(node) => *node == 1 && elections == 2,
            Action::Replicate(leader, follower) => match elections {
                1 => (*leader, *follower) == (1, 0),
                _ => (*leader, *follower) == (1, 2) && writes == 1,
            },
            Action::Deliver(packet) => reaches(packet, &[(2, 0), (3, 2)]),
            _ => true,
        }
    };
    let bounds = Bounds {
        elections: 2,
        pings: 2,
        ticks: 2,
        rates_ms: vec![vec![2, 3, 3]],
        ..missing(Omission::FormerLeadership, allows)
    };
    is_needed(bounds, 17);
}

#[test]
fn a_leader_that_never_served_is_elected_again() {
    let allows = |world: &World, action: &Action| match action {
        Action::Stand(node, voters) => *node == 1 && is_by(voters, [1, 2]),
        Action::Write(node) => *node == 1 && world.spent.elections == 2,
        Action::Replicate(leader, follower) => (*leader, *follower) == (1, 2) && world.spent.elections == 2,
        Action::Deliver(packet) => reaches(packet, &[(1, 0), (1, 2), (3, 2)]),
        _ => true,
    };
    let rates_ms = drifts();
    let bounds = Bounds { elections: 2, pings: 1, ticks: 2, rates_ms, allows, ..Bounds::default() };
    holds("elected again", bounds, 11, &[RELEASES_AFTER_FAILOVER]);
}

#[test]
fn unreleased() {
    is_needed(Bounds { reads: 2, ..missing(Omission::Unreleased, |_, _| true) }, 9);
}

#[test]
fn ledger_margin() {
    let rates_ms = vec![vec![3, 2, 3]];
    is_needed(Bounds { ticks: 3, rates_ms, ..missing(Omission::LedgerMargin, |_, _| true) }, 10);
}

#[test]
fn wait_margin() {
    let rates_ms = vec![vec![3, 2, 3]];
    is_needed(Bounds { ticks: 2, elections: 1, rates_ms, ..missing(Omission::WaitMargin, |_, _| true) }, 9);
}

#[test]
fn grant_cap() {
    let allows = |_: &World, action: &Action| match action {
        Action::Stand(node, voters) => *node == 2 && is_by(voters, [1, 2]),
        Action::Replicate(leader, follower) => (*leader, *follower) == (2, 1),
        Action::Deliver(packet) => reaches(packet, &[(1, 3)]),
        _ => true,
    };
    let bounds =
        Bounds { learners: 1, elections: 1, pings: 1, ticks: 3, ..missing(Omission::GrantCap, allows) };
    is_needed(bounds, 13);
}

#[test]
fn wait() {
    is_needed(Bounds { elections: 1, ..missing(Omission::Wait, |_, _| true) }, 8);
}

#[test]
fn vote() {
    let allows = |_: &World, action: &Action| match action {
        Action::Stand(node, voters) => *node == 2 && is_by(voters, [1, 2]),
        Action::Replicate(leader, follower) => (*leader, *follower) == (2, 1),
        Action::Deliver(packet) => reaches(packet, &[(1, 1), (2, 1)]),
        _ => true,
    };
    is_needed(Bounds { elections: 1, pings: 2, ticks: 2, ..missing(Omission::Vote, allows) }, 14);
}

#[test]
fn check_first() {
    let allows = |_: &World, action: &Action| match action {
        Action::Deliver(packet) => reaches(packet, &[(1, 1)]),
        _ => true,
    };
    let bounds = Bounds { reads: 1, pings: 1, initial_ticks: 3, ..missing(Omission::CheckFirst, allows) };
    is_needed(bounds, 11);
}

#[test]
fn grant_index() {
    let bounds = Bounds { pings: 1, initial_ticks: 3, ..missing(Omission::GrantIndex, |_, _| true) };
    is_needed(bounds, 9);
}

#[test]
fn ledger() {
    is_needed(missing(Omission::Ledger, |_, _| true), 8);
}

#[test]
fn time_of_sending() {
    let allows = |_: &World, action: &Action| match action {
        Action::Stand(node, voters) => *node == 2 && is_by(voters, [1, 2]),
        Action::Replicate(leader, follower) => (*leader, *follower) == (2, 1),
        Action::Deliver(packet) => reaches(packet, &[(1, 1), (2, 1)]),
        _ => true,
    };
    is_needed(Bounds { elections: 1, pings: 2, ticks: 2, ..missing(Omission::TimeOfSending, allows) }, 14);
}

/// All rules, within bounds: no violation, and what must be possible is.
fn holds(name: &str, bounds: Bounds, depth: usize, reached: &[&'static str]) {
    let started = Instant::now();
    let checker = bounds.checker().threads(THREADS).target_max_depth(depth).spawn_bfs().join();
    println!(
        "{name}: {} states, {} of them different, to depth {}, {:.1?}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        started.elapsed(),
    );
    assert!(checker.discovery(LINEARIZABLE).is_none(), "{name}");
    for property in reached {
        assert!(checker.discovery(property).is_some(), "{name}: never {property}");
    }
}

const DRIFTS: [[u64; 3]; 3] = [[3, 3, 3], [3, 2, 3], [2, 3, 3]];

fn drifts() -> Vec<Vec<u64>> {
    DRIFTS.iter().map(|rates_ms| rates_ms.to_vec()).collect()
}

#[test]
fn one_failover_is_linearizable() {
    let bounds =
        Bounds { elections: 1, pings: 1, ticks: 2, writes: 1, rates_ms: drifts(), ..Bounds::default() };
    holds("a failover", bounds, 9, &[]);
}

#[test]
fn writes_go_on_after_a_failover() {
    let allows = |_: &World, action: &Action| match action {
        Action::Stand(node, voters) => *node == 2 && is_by(voters, [1, 2]),
        Action::Write(node) => *node == 2,
        Action::Replicate(leader, follower) => (*leader, *follower) == (2, 1),
        _ => true,
    };
    let bounds = Bounds { elections: 1, pings: 1, ticks: 3, allows, ..Bounds::default() };
    holds("writes after a failover", bounds, 9, &[RELEASES_AFTER_FAILOVER]);
}

#[test]
fn two_writes_in_flight_are_linearizable() {
    let bounds =
        Bounds { pings: 2, ticks: 3, writes: 2, reports: 2, rates_ms: drifts(), ..Bounds::default() };
    holds("two writes", bounds, 9, &[]);
}

#[test]
fn restarts_are_linearizable() {
    let bounds = Bounds { elections: 1, pings: 1, ticks: 1, restarts: 2, reports: 1, ..Bounds::default() };
    holds("restarts", bounds, 8, &[READS_WITHOUT_LEADER]);
}

#[test]
fn a_learner_with_leases_is_linearizable() {
    let rates_ms = vec![vec![3, 3, 3, 2]];
    let bounds = Bounds { learners: 1, elections: 1, pings: 1, ticks: 2, rates_ms, ..Bounds::default() };
    holds("a learner", bounds, 8, &[]);
}

#[test]
fn a_removal_is_linearizable() {
    let bounds = Bounds {
        learners: 1,
        elections: 1,
        pings: 1,
        ticks: 3,
        removals: 1,
        rates_ms: vec![vec![3, 3, 3, 2]],
        ..Bounds::default()
    };
    holds("a removal", bounds, 8, &[DROPS_A_MEMBER]);
}

#[test]
fn lost_elections_are_linearizable() {
    let bounds = Bounds {
        elections: 2,
        pings: 1,
        ticks: 2,
        splits_elections: true,
        stands_in_same_term: true,
        rates_ms: drifts(),
        ..Bounds::default()
    };
    holds("lost elections", bounds, 8, &[]);
}

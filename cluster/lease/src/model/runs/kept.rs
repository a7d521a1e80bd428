//! All rules, within bounds.

use std::time::Instant;

use stateright::{Checker, Model};

use super::super::world::{Action, World};
use super::super::{
    Bounds, DROPS_A_MEMBER, INSTALLS, LINEARIZABLE, PROMOTES, READMITS, READS_WITHOUT_LEADER,
    RELEASES_AFTER_FAILOVER,
};
use super::{THREADS, is_by, reaches};

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
fn snapshots_are_linearizable() {
    let bounds = Bounds {
        elections: 1,
        pings: 1,
        ticks: 1,
        removals: 1,
        snapshots: 1,
        rates_ms: vec![vec![3, 2, 3]],
        initial_ticks: 2,
        ..Bounds::default()
    };
    holds("snapshots", bounds, 8, &[INSTALLS]);
}

#[test]
fn a_promotion_is_linearizable() {
    let bounds = Bounds {
        learners: 1,
        elections: 1,
        pings: 1,
        ticks: 2,
        promotions: 1,
        rates_ms: vec![vec![3, 3, 3, 2]],
        ..Bounds::default()
    };
    holds("a promotion", bounds, 7, &[PROMOTES]);
}

#[test]
fn a_node_that_lost_its_folder_comes_back() {
    let allows = |_: &World, action: &Action| match action {
        Action::Lose(node) => *node == 1,
        Action::Bar(_, node) | Action::Drop(_, node) => *node == 1,
        Action::Stand(node, _) => *node == 2,
        _ => true,
    };
    let bounds = Bounds {
        elections: 1,
        pings: 1,
        ticks: 1,
        initial_ticks: 2,
        removals: 1,
        snapshots: 1,
        losses: 1,
        allows,
        ..Bounds::default()
    };
    holds("a lost folder", bounds, 9, &[READMITS]);
}

//! Rules about who leads, and what a new leader waits for: each left out.

use super::super::Bounds;
use super::super::world::{Action, Packet, World};
use super::{is_by, is_needed, missing, reaches};
use crate::Omission;

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
fn wait_margin() {
    let rates_ms = vec![vec![3, 2, 3]];
    is_needed(Bounds { ticks: 2, elections: 1, rates_ms, ..missing(Omission::WaitMargin, |_, _| true) }, 9);
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

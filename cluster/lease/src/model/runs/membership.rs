//! Rules about who belongs to the cluster: each left out.

use super::super::Bounds;
use super::super::world::{Action, World};
use super::{is_by, is_needed, missing, reaches};
use crate::Omission;

#[test]
fn overtaking() {
    // 0 drops 1, and nobody learns of it. 2 leads, lends to 1, and brings 0 up with a snapshot. Then 0 leads again.
    let allows = |world: &World, action: &Action| {
        let (elections, pings, snapshots) = (world.spent.elections, world.spent.pings, world.spent.snapshots);
        match action {
            Action::Bar(leader, node) | Action::Drop(leader, node) => {
                (*leader, *node) == (0, 1) && elections == 0
            }
            Action::Stand(node, voters) => match elections {
                0 | 1 => *node == 2 && is_by(voters, [1, 2]) && world.spent.removals == 1,
                _ => *node == 0 && is_by(voters, [0, 2]) && snapshots == 1,
            },
            Action::Ping(node) => match pings {
                0 => *node == 2 && elections == 2,
                _ => *node == 0 && elections == 3,
            },
            Action::Install(leader, follower) => (*leader, *follower) == (2, 0) && pings == 1,
            Action::Write(node) => *node == 0 && elections == 3,
            Action::Replicate(leader, follower) => match elections {
                2 => (*leader, *follower) == (2, 1),
                _ => (*leader, *follower) == (0, 2) && world.spent.writes == 1,
            },
            Action::Deliver(packet) => reaches(packet, &[(3, 1), (4, 2)]),
            _ => true,
        }
    };
    let bounds = Bounds {
        elections: 3,
        pings: 2,
        removals: 1,
        snapshots: 1,
        initial_ticks: 3,
        ..missing(Omission::Overtaking, allows)
    };
    is_needed(bounds, 18);
}

#[test]
fn barring() {
    let allows = |_: &World, action: &Action| match action {
        Action::Bar(leader, node) | Action::Drop(leader, node) => (*leader, *node) == (0, 1),
        Action::Stand(node, voters) => *node == 2 && is_by(voters, [0, 2]),
        Action::Write(node) => *node == 2,
        Action::Replicate(leader, follower) => [(0, 2), (2, 0)].contains(&(*leader, *follower)),
        Action::Deliver(packet) => reaches(packet, &[(2, 0)]),
        _ => true,
    };
    is_needed(Bounds { elections: 1, pings: 1, removals: 1, ..missing(Omission::Barring, allows) }, 12);
}

//! Rules about grants, releases and reads: each left out.

use super::super::Bounds;
use super::super::world::{Action, World};
use super::{is_by, is_needed, missing, reaches};
use crate::Omission;

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
fn unreleased() {
    is_needed(Bounds { reads: 2, ..missing(Omission::Unreleased, |_, _| true) }, 9);
}

#[test]
fn ledger_margin() {
    let rates_ms = vec![vec![3, 2, 3]];
    is_needed(Bounds { ticks: 3, rates_ms, ..missing(Omission::LedgerMargin, |_, _| true) }, 10);
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

//! The model: all that can happen to a few nodes within bounds, with linearizability as its property.
//!
//! What reads find are prefixes of one log, so they are totally ordered, and the nodes behave as one copy just
//! if every read shows at least the last write that was acknowledged or shown to anybody before it began.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    reason = "a model is a test, and tells how long it took"
)]

mod account;
mod runs;
mod steps;
mod world;

use std::collections::BTreeSet;

use stateright::{Model, Property};

use self::account::tell;
use self::world::{Action, Machine, Majority, World};
use crate::{NodeId, Omission};

/// How much of everything a run has.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    pub(crate) voters: u64,
    pub(crate) learners: u64,
    /// Clocks: how far each node's runs in one tick, 2 or 3. One initial state for each.
    pub(crate) rates_ms: Vec<Vec<u64>>,
    /// Whether everybody begins with a grant ...
    pub(crate) has_leases: bool,
    /// ... that is this old.
    pub(crate) initial_ticks: u8,
    pub(crate) ticks: u8,
    pub(crate) pings: u8,
    pub(crate) elections: u8,
    pub(crate) writes: u8,
    pub(crate) restarts: u8,
    pub(crate) reports: u8,
    pub(crate) reads: u8,
    pub(crate) removals: u8,
    pub(crate) promotions: u8,
    /// Snapshots that a follower installs.
    pub(crate) snapshots: u8,
    /// Folders that are lost.
    pub(crate) losses: u8,
    /// Whether an election is two steps, of which the second may never come.
    pub(crate) splits_elections: bool,
    /// Whether a candidate may take a vote of the term that it is in, as the order of leaders allows.
    pub(crate) stands_in_same_term: bool,
    /// Whether what is released is told at once, and not with the next ping only.
    pub(crate) tells_releases: bool,
    /// What may happen at all, to look further where little does.
    pub(crate) allows: fn(&World, &Action) -> bool,
    /// What is left out.
    pub(crate) omitted: Option<Omission>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            voters: 3,
            learners: 0,
            rates_ms: vec![vec![3, 3, 3, 3, 3]],
            has_leases: true,
            initial_ticks: 0,
            ticks: 0,
            pings: 0,
            elections: 0,
            writes: 1,
            restarts: 0,
            reports: 0,
            reads: 0,
            removals: 0,
            promotions: 0,
            snapshots: 0,
            losses: 0,
            splits_elections: false,
            stands_in_same_term: false,
            tells_releases: true,
            allows: |_, _| true,
            omitted: None,
        }
    }
}

impl Bounds {
    /// All ways in which a candidate can be voted for: by just enough, or, where that is a step of its own, by
    /// nobody else.
    fn electorates(&self, world: &World, candidate: NodeId) -> Vec<BTreeSet<NodeId>> {
        let (_, willing) = world.candidacy(candidate, self.stands_in_same_term);
        let configuration = world.nodes[candidate as usize].configuration();
        let mut all = Vec::new();
        for mask in 0..1_u32 << willing.len() {
            let chosen = willing.iter().enumerate().filter(|(place, _)| mask & (1 << place) != 0);
            let mut voters: BTreeSet<NodeId> = chosen.map(|(_, node)| *node).collect();
            voters.insert(candidate);
            let wins = configuration.is_majority(|node| voters.contains(&node));
            let needed = configuration.voter_sets.iter().map(|voters| voters.len() / 2 + 1).max();
            let is_least = Some(voters.len()) == needed;
            if (wins && is_least) || (self.splits_elections && voters.len() == 1) {
                all.push(voters);
            }
        }
        all
    }
}

impl Model for Bounds {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        self.rates_ms.iter().map(|rates_ms| World::new(self, rates_ms)).collect()
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.violation.is_some() {
            return;
        }
        let mut possible = Vec::new();
        self.possible(world, &mut possible);
        actions.extend(possible.into_iter().filter(|action| (self.allows)(world, action)));
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        self.act(&mut next, action);
        next.observe(self);
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(LINEARIZABLE, |_, world: &World| world.violation.is_none()),
            Property::sometimes(READS_WITHOUT_LEADER, |_, world: &World| {
                let leads = world.nodes.iter().any(|machine| machine.lease.leadership().is_some());
                !leads && world.nodes.iter().any(|machine| machine.lease.may_read(machine.now()))
            }),
            Property::sometimes(DROPS_A_MEMBER, |_, world: &World| world.spent.removals > 0),
            Property::sometimes(PROMOTES, |_, world: &World| world.spent.promotions > 0),
            Property::sometimes(INSTALLS, |_, world: &World| world.spent.snapshots > 0),
            Property::sometimes(READMITS, |_, world: &World| {
                let has_lost = |machine: &Machine| machine.has_lost_folder && !machine.is_lost;
                world.nodes.iter().any(|machine| has_lost(machine) && machine.applied > 0)
            }),
            Property::sometimes(RELEASES_AFTER_FAILOVER, |_, world: &World| {
                world.nodes.iter().any(|machine| {
                    let written = machine.last_write(machine.applied);
                    let is_later = machine.lease.leadership().is_some_and(|leader| leader.term > 1);
                    is_later
                        && written > 0
                        && world.released >= written
                        && world.shown == written
                        && machine.log[written as usize].leader.term > 1
                })
            }),
        ]
    }
}

/// Every read shows what was shown before it began.
pub(crate) const LINEARIZABLE: &str = "linearizable";
/// A follower answers reads while no node leads.
pub(crate) const READS_WITHOUT_LEADER: &str = "a follower reads without a leader";
/// A leader drops a node that held a grant.
pub(crate) const DROPS_A_MEMBER: &str = "a member is dropped";
/// A leader makes a learner a voter.
pub(crate) const PROMOTES: &str = "a learner is promoted";
/// A follower takes a snapshot in place of entries.
pub(crate) const INSTALLS: &str = "a snapshot is installed";
/// A node that has lost its folder is taken back, and has applied something since.
pub(crate) const READMITS: &str = "a node that has forgotten is taken back";
/// A later leader releases a write.
pub(crate) const RELEASES_AFTER_FAILOVER: &str = "a write is released after a failover";

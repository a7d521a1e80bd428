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

mod runs;
mod world;

use std::collections::BTreeSet;

use stateright::{Model, Property};

use self::world::{Action, Majority, Packet, World};
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
            let is_least = voters.len() as u64 == self.voters / 2 + 1;
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

impl Bounds {
    fn possible(&self, world: &World, actions: &mut Vec<Action>) {
        let spent = &world.spent;
        if spent.ticks < self.ticks {
            actions.push(Action::Tick);
        }
        actions.extend(world.packets.iter().cloned().map(Action::Deliver));
        let nodes = 0..world.nodes.len() as NodeId;
        for node in nodes.clone() {
            let machine = &world.nodes[node as usize];
            let leads = machine.leads(node);
            if machine.lease.leadership().is_some() && spent.pings < self.pings {
                actions.push(Action::Ping(node));
            }
            if spent.reports < self.reports {
                actions.push(Action::Report(node));
            }
            if spent.restarts < self.restarts {
                actions.push(Action::Restart(node, false));
                actions.push(Action::Restart(node, true));
            }
            if spent.elections < self.elections && machine.configuration().is_voter(node) {
                let electorates = self.electorates(world, node);
                actions.extend(electorates.into_iter().map(|voters| Action::Stand(node, voters)));
            }
            if self.splits_elections && world.may_win(node) {
                actions.push(Action::Win(node));
            }
            let checks_first = self.omitted != Some(Omission::CheckFirst);
            let may_read = machine.lease.may_read(machine.now());
            if machine.reading.is_none() && spent.reads < self.reads && (may_read || !checks_first) {
                actions.push(Action::BeginRead(node));
            }
            if machine.reading.is_some() && (may_read || checks_first) {
                actions.push(Action::EndRead(node));
            }
            if !leads {
                continue;
            }
            if spent.writes < self.writes {
                actions.push(Action::Write(node));
            }
            for other in nodes.clone().filter(|other| *other != node) {
                let follower = &world.nodes[other as usize];
                let is_known = machine.configuration().contains(other);
                if is_known && follower.vote <= machine.vote {
                    actions.push(Action::Replicate(node, other));
                }
                if spent.removals < self.removals && is_known {
                    let is_due = machine.lease.may_be_dropped(other, machine.now());
                    let is_settled = machine.committed >= machine.last().map_or(0, |(_, index)| index);
                    match is_due && is_settled {
                        true => actions.push(Action::Drop(node, other)),
                        false => actions.push(Action::Bar(node, other)),
                    }
                }
            }
        }
    }

    fn act(&self, next: &mut World, action: Action) {
        match action {
            Action::Tick => {
                next.spent.ticks += 1;
                next.tick();
            }
            Action::Ping(node) => {
                next.spent.pings += 1;
                next.ping(node);
            }
            Action::Deliver(packet) => next.deliver(packet),
            Action::Report(node) => {
                next.spent.reports += 1;
                next.report(node);
            }
            Action::Stand(node, voters) => {
                next.spent.elections += 1;
                next.stand(node, &voters, self.stands_in_same_term);
                if !self.splits_elections {
                    next.win(node);
                }
            }
            Action::Win(node) => next.win(node),
            Action::Write(node) => {
                next.spent.writes += 1;
                next.write(node);
            }
            Action::Replicate(leader, follower) => next.replicate(leader, follower),
            Action::Restart(node, steps_back) => {
                next.spent.restarts += 1;
                next.restart(node, steps_back, self.omitted);
            }
            Action::BeginRead(node) => {
                next.spent.reads += 1;
                next.begin_read(node, self.omitted);
            }
            Action::EndRead(node) => next.end_read(node, self.omitted),
            Action::Bar(leader, node) => next.nodes[leader as usize].lease.bar(node),
            Action::Drop(leader, node) => {
                next.spent.removals += 1;
                next.drop_node(leader, node);
            }
        }
    }
}

/// Every read shows what was shown before it began.
pub(crate) const LINEARIZABLE: &str = "linearizable";
/// A follower answers reads while no node leads.
pub(crate) const READS_WITHOUT_LEADER: &str = "a follower reads without a leader";
/// A leader drops a node that held a grant.
pub(crate) const DROPS_A_MEMBER: &str = "a member is dropped";
/// A later leader releases a write.
pub(crate) const RELEASES_AFTER_FAILOVER: &str = "a write is released after a failover";

/// How a counterexample reads.
pub(crate) fn tell(action: &Action) -> String {
    match action {
        Action::Tick => "time passes".to_owned(),
        Action::Ping(node) => format!("{node} sends pings"),
        Action::Deliver(Packet::ToNode(node, message)) => {
            let from = message.leader;
            let what = match (message.ping, message.grant) {
                (Some(ping), _) => format!("ping {ping}"),
                (None, Some(grant)) => format!("the grant for reply {}", grant.reply),
                (None, None) => format!("released is {}", message.released),
            };
            format!("{node} receives from {}/{}: {what}", from.term, from.node)
        }
        Action::Deliver(Packet::ToLeader(reply)) => {
            let (to, from) = (reply.leader, reply.node);
            let (number, applied) = (reply.reply, reply.applied);
            format!("{}/{} receives reply {number} of {from}: applied {applied}", to.term, to.node)
        }
        Action::Report(node) => format!("{node} answers the last ping again"),
        Action::Stand(node, voters) => {
            format!("{node} stands, with the votes of {voters:?}")
        }
        Action::Win(node) => format!("{node} learns that it is elected"),
        Action::Write(node) => format!("{node} appends a write"),
        Action::Replicate(leader, follower) => format!("{follower} takes the log of {leader}"),
        Action::Restart(node, false) => format!("{node} restarts"),
        Action::Restart(node, true) => format!("{node} restarts with an older applied state"),
        Action::BeginRead(node) => format!("a read begins on {node}"),
        Action::EndRead(node) => format!("the read on {node} ends"),
        Action::Bar(leader, node) => format!("{leader} stops granting to {node}"),
        Action::Drop(leader, node) => format!("{leader} drops {node} from the members"),
    }
}

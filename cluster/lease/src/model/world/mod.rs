//! The world of the model: nodes with a log, a vote and a clock, and the messages between them.
//!
//! Consensus is modelled as far as leases depend on it: votes are stored, logs are compared, entries are
//! committed by a majority of every configuration. The leases are the production code.

mod consensus;
mod leases;
mod machine;
mod membership;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use self::machine::{Entry, Payload};
pub(crate) use self::machine::{Machine, Majority};
use super::Bounds;
use crate::{
    Configuration, LeaderMessage, Leadership, LogIndex, Node, NodeId, Numbers, Omission, ProcessId, Reply,
};

/// A message on its way. It may come late or never, and if it is no ping, again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Packet {
    ToNode(NodeId, LeaderMessage),
    ToLeader(Reply),
}

/// One step of anybody.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Tick,
    Ping(NodeId),
    Deliver(Packet),
    Report(NodeId),
    /// A candidate and those who vote for it store their votes.
    Stand(NodeId, BTreeSet<NodeId>),
    /// A candidate learns that it is elected, and appends its first entry.
    Win(NodeId),
    Write(NodeId),
    Replicate(NodeId, NodeId),
    /// With the applied state as it was, or stepped back.
    Restart(NodeId, bool),
    BeginRead(NodeId),
    EndRead(NodeId),
    Bar(NodeId, NodeId),
    Drop(NodeId, NodeId),
    Promote(NodeId, NodeId),
    Install(NodeId, NodeId),
    Lose(NodeId),
    Readmit(NodeId, NodeId),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Spent {
    pub(crate) ticks: u8,
    pub(crate) pings: u8,
    pub(crate) elections: u8,
    pub(crate) writes: u8,
    pub(crate) restarts: u8,
    pub(crate) reports: u8,
    pub(crate) reads: u8,
    pub(crate) removals: u8,
    pub(crate) promotions: u8,
    pub(crate) snapshots: u8,
    pub(crate) losses: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) nodes: Vec<Machine>,
    pub(crate) packets: BTreeSet<Packet>,
    /// Votes given to a candidate that has not learnt of it.
    pub(crate) votes: BTreeMap<Leadership, BTreeSet<NodeId>>,
    pub(crate) spent: Spent,
    /// The highest index that was ever released.
    pub(crate) released: LogIndex,
    /// The last write that somebody was shown, or told to be done.
    pub(crate) shown: LogIndex,
    /// How a read has shown less than was shown before it began.
    pub(crate) violation: Option<&'static str>,
    tells_releases: bool,
}

/// Time of the model: with a fifth of drift each way, one node's clock runs 2 while another's runs 3.
pub(crate) fn numbers() -> Numbers {
    Numbers {
        leader_lease: Duration::from_millis(3),
        follower_lease: Duration::from_millis(6),
        laggard_after: Duration::from_secs(1),
        drift_ppm: 200_000,
        is_granting: true,
    }
}

impl World {
    /// Node 0 leads in term 1, and everybody has applied its first entry. With `has_leases` all followers
    /// have just got a grant.
    pub(crate) fn new(bounds: &Bounds, rates_ms: &[u64]) -> Self {
        let first = Leadership { term: 1, node: 0 };
        let voters: BTreeSet<NodeId> = (0..bounds.voters).collect();
        let learners: BTreeSet<NodeId> = (bounds.voters..bounds.voters + bounds.learners).collect();
        let configuration = Arc::new(Configuration { voter_sets: vec![voters], learners });
        let founding = Leadership { term: 0, node: 0 };
        let log = vec![
            Entry { leader: founding, payload: Payload::Membership(Arc::clone(&configuration)) },
            Entry { leader: first, payload: Payload::Blank },
        ];
        let nodes = configuration.members().collect::<BTreeSet<_>>().into_iter().zip(rates_ms);
        let nodes = nodes.map(|(node, rate_ms)| {
            let configurations = BTreeMap::from([(0, Arc::clone(&configuration))]);
            let mut lease =
                Node::new(node, ProcessId(0), numbers(), Some(first), 1, configurations).wanting_grants(true);
            lease.omitted = bounds.omitted;
            Machine {
                lease,
                vote: first,
                is_elected: true,
                log: log.clone(),
                committed: 1,
                applied: 1,
                matched: BTreeMap::new(),
                process: 0,
                clock_ms: 0,
                rate_ms: *rate_ms,
                reading: None,
                is_lost: false,
                has_lost_folder: false,
            }
        });
        let mut world = Self {
            nodes: nodes.collect(),
            packets: BTreeSet::new(),
            votes: BTreeMap::new(),
            spent: Spent::default(),
            released: 1,
            shown: 0,
            violation: None,
            tells_releases: bounds.tells_releases,
        };
        let leader = &mut world.nodes[0];
        leader.lease.vote_stored(first, true, Some((founding, 0)), Duration::ZERO);
        if bounds.has_leases {
            // Twice: the first replies surrender, and make T_q, the second are granted in full.
            for _ in 0..2 {
                world.ping(0);
                while let Some(packet) = world.packets.pop_first() {
                    world.deliver(packet);
                }
            }
            for _ in 0..bounds.initial_ticks {
                world.tick();
            }
        }
        world
    }

    pub(crate) fn observe(&mut self, bounds: &Bounds) {
        for node in &self.nodes {
            let released = node.lease.released();
            if released > self.released {
                self.released = released;
            }
            if node.applied >= self.released {
                self.shown = self.shown.max(node.last_write(self.released));
            }
        }
        // There a read is two steps of its own, or changes what others were shown.
        if matches!(bounds.omitted, Some(Omission::CheckFirst | Omission::Unreleased)) {
            return;
        }
        for node in &self.nodes {
            let found = node.last_write(node.applied);
            let may_show = found <= node.lease.released();
            if node.lease.may_read(node.now()) && may_show && found < self.shown {
                self.violation.get_or_insert("a read shows less than was shown before");
            }
            if node.lease.read_index(node.now()).is_some_and(|index| index < self.shown) {
                self.violation.get_or_insert("a read index lies below what was shown before");
            }
        }
    }
}

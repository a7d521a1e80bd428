//! The world of the model: nodes with a log, a vote and a clock, and the messages between them.
//!
//! Consensus is modelled as far as leases depend on it: votes are stored, logs are compared, entries are
//! committed by a majority of every configuration. The leases are the production code.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::Bounds;
use crate::{
    Configuration, Instant, LeaderMessage, Leadership, LogIndex, Node, NodeId, Numbers, Omission, ProcessId,
    Reply,
};

/// What an entry does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Payload {
    Blank,
    Write,
    Membership(Arc<Configuration>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub(crate) leader: Leadership,
    pub(crate) payload: Payload,
}

/// A read between its two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reading {
    /// The last write that somebody had been shown when it began.
    pub(crate) required: LogIndex,
    /// Set where the state is loaded first.
    pub(crate) loaded: Option<LogIndex>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Machine {
    pub(crate) lease: Node,
    pub(crate) vote: Leadership,
    pub(crate) is_elected: bool,
    /// Entry 0 names the members.
    pub(crate) log: Vec<Entry>,
    pub(crate) committed: LogIndex,
    pub(crate) applied: LogIndex,
    /// As leader: how far the log of each follower agrees.
    pub(crate) matched: BTreeMap<NodeId, LogIndex>,
    pub(crate) process: u64,
    pub(crate) clock_ms: u64,
    pub(crate) rate_ms: u64,
    pub(crate) reading: Option<Reading>,
}

impl Machine {
    pub(crate) fn now(&self) -> Instant {
        Duration::from_millis(self.clock_ms)
    }

    pub(crate) fn last(&self) -> Option<(Leadership, LogIndex)> {
        let last = self.log.last()?;
        Some((last.leader, self.log.len() as LogIndex - 1))
    }

    /// The last write at or before an index; 0: none.
    pub(crate) fn last_write(&self, index: LogIndex) -> LogIndex {
        let mut upto = self.log.iter().enumerate().take(index as usize + 1);
        upto.rfind(|(_, entry)| entry.payload == Payload::Write).map_or(0, |(at, _)| at as LogIndex)
    }

    /// The newest configuration of the log, which is the one that counts for consensus.
    pub(crate) fn configuration(&self) -> Arc<Configuration> {
        let configurations = self.log.iter().rev().filter_map(|entry| match &entry.payload {
            Payload::Membership(configuration) => Some(Arc::clone(configuration)),
            _ => None,
        });
        configurations.into_iter().next().unwrap()
    }

    pub(crate) fn leads(&self, me: NodeId) -> bool {
        self.is_elected && self.vote.node == me
    }

    fn store_vote(&mut self, vote: Leadership, is_elected: bool) {
        (self.vote, self.is_elected) = (vote, is_elected);
        let (last, now) = (self.last(), self.now());
        self.lease.vote_stored(vote, is_elected, last, now);
    }

    fn append(&mut self, entry: Entry) {
        if let Payload::Membership(configuration) = &entry.payload {
            self.lease
                .configuration_appended(self.log.len() as LogIndex, Configuration::clone(configuration));
        }
        self.log.push(entry);
    }

    fn apply(&mut self, index: LogIndex) {
        if index > self.applied {
            self.applied = index;
            let now = self.now();
            self.lease.applied(index, now);
        }
    }
}

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

    pub(crate) fn ping(&mut self, leader: NodeId) {
        let machine = &mut self.nodes[leader as usize];
        let now = machine.now();
        let Some(message) = machine.lease.ping(None, now) else { return };
        for node in machine.lease.others() {
            self.packets.insert(Packet::ToNode(node, message.clone()));
        }
    }

    pub(crate) fn deliver(&mut self, packet: Packet) {
        // A ping that came again would only be answered again, which is a step of its own.
        if matches!(&packet, Packet::ToNode(_, message) if message.ping.is_some()) {
            self.packets.remove(&packet);
        }
        match packet {
            Packet::ToNode(node, message) => {
                let machine = &mut self.nodes[node as usize];
                let now = machine.now();
                let reply = machine.lease.message_from_leader(&message, now);
                self.packets.extend(reply.map(Packet::ToLeader));
            }
            Packet::ToLeader(reply) => {
                let machine = &mut self.nodes[reply.leader.node as usize];
                let now = machine.now();
                let (grant, was_released) = machine.lease.reply(&reply, now);
                self.packets.extend(grant.map(|message| Packet::ToNode(reply.node, message)));
                if was_released {
                    self.tell_released(reply.leader.node);
                }
            }
        }
    }

    fn tell_released(&mut self, leader: NodeId) {
        let machine = &self.nodes[leader as usize];
        let Some(message) = machine.lease.message().filter(|_| self.tells_releases) else { return };
        for node in machine.lease.others() {
            self.packets.insert(Packet::ToNode(node, message.clone()));
        }
    }

    pub(crate) fn report(&mut self, node: NodeId) {
        let machine = &mut self.nodes[node as usize];
        let now = machine.now();
        let reply = machine.lease.report(now);
        self.packets.extend(reply.map(Packet::ToLeader));
    }

    pub(crate) fn tick(&mut self) {
        for node in 0..self.nodes.len() {
            let machine = &mut self.nodes[node];
            machine.clock_ms += machine.rate_ms;
            let now = machine.now();
            if machine.lease.release(now) {
                self.tell_released(node as NodeId);
            }
        }
    }

    /// The vote that a candidate would ask for, and who would give theirs.
    pub(crate) fn candidacy(&self, candidate: NodeId, in_same_term: bool) -> (Leadership, Vec<NodeId>) {
        let machine = &self.nodes[candidate as usize];
        let rises = !(in_same_term && candidate > machine.vote.node);
        let vote = Leadership { term: machine.vote.term + u64::from(rises), node: candidate };
        let gives = |node: &NodeId| {
            let other = &self.nodes[*node as usize];
            *node != candidate && other.vote < vote && other.last() <= machine.last()
        };
        let members = machine.configuration().voter_sets.concat_all();
        (vote, members.into_iter().filter(gives).collect())
    }

    pub(crate) fn stand(&mut self, candidate: NodeId, voters: &BTreeSet<NodeId>, in_same_term: bool) {
        let (vote, _) = self.candidacy(candidate, in_same_term);
        self.nodes[candidate as usize].matched.clear();
        for node in voters {
            self.nodes[*node as usize].store_vote(vote, false);
        }
        self.votes.insert(vote, voters.clone());
    }

    pub(crate) fn may_win(&self, candidate: NodeId) -> bool {
        let machine = &self.nodes[candidate as usize];
        let Some(voters) = self.votes.get(&machine.vote) else { return false };
        machine.vote.node == candidate
            && !machine.is_elected
            && machine.configuration().is_majority(|node| voters.contains(&node))
    }

    pub(crate) fn win(&mut self, candidate: NodeId) {
        let machine = &mut self.nodes[candidate as usize];
        let vote = machine.vote;
        self.votes.remove(&vote);
        machine.store_vote(vote, true);
        machine.append(Entry { leader: vote, payload: Payload::Blank });
    }

    pub(crate) fn write(&mut self, leader: NodeId) {
        let machine = &mut self.nodes[leader as usize];
        let entry = Entry { leader: machine.vote, payload: Payload::Write };
        machine.append(entry);
    }

    /// The follower takes the leader's log and what the leader knows to be committed; the leader learns of it.
    pub(crate) fn replicate(&mut self, leader: NodeId, follower: NodeId) {
        let from = self.nodes[leader as usize].clone();
        let to = &mut self.nodes[follower as usize];
        if (to.vote, to.is_elected) != (from.vote, true) {
            to.store_vote(from.vote, true);
        }
        let common = to.log.iter().zip(&from.log).take_while(|(own, other)| own == other).count();
        if common < to.log.len() {
            to.lease.truncated(common as LogIndex);
            to.log.truncate(common);
        }
        for entry in from.log.iter().skip(common) {
            to.append(entry.clone());
        }
        to.committed = to.committed.max(from.committed);
        let committed = to.committed;
        to.apply(committed);

        let machine = &mut self.nodes[leader as usize];
        machine.matched.insert(follower, from.log.len() as LogIndex - 1);
        machine.commit();
        if machine.lease.released() > from.lease.released() {
            self.tell_released(leader);
        }
    }

    pub(crate) fn restart(&mut self, node: NodeId, steps_back: bool, omitted: Option<Omission>) {
        let machine = &mut self.nodes[node as usize];
        let resumes = machine.leads(node) && omitted == Some(Omission::NoResumption);
        machine.process += 1;
        machine.is_elected &= machine.vote.node != node || resumes;
        machine.matched.clear();
        machine.reading = None;
        if steps_back {
            (machine.applied, machine.committed) = (1, 1);
        }
        let configurations =
            machine.log.iter().enumerate().filter_map(|(index, entry)| match &entry.payload {
                Payload::Membership(configuration) => Some((index as LogIndex, Arc::clone(configuration))),
                _ => None,
            });
        let mut lease = Node::new(
            node,
            ProcessId(machine.process),
            numbers(),
            Some(machine.vote),
            machine.applied,
            configurations.collect(),
        )
        .wanting_grants(true);
        lease.omitted = omitted;
        let (now, applied) = (machine.now(), machine.applied);
        if resumes {
            lease.vote_stored(machine.vote, true, None, now);
        }
        lease.applied(applied, now);
        machine.lease = lease;
    }

    pub(crate) fn begin_read(&mut self, node: NodeId, omitted: Option<Omission>) {
        let shown = self.shown;
        let machine = &mut self.nodes[node as usize];
        let loaded = (omitted == Some(Omission::CheckFirst)).then(|| machine.last_write(machine.applied));
        machine.reading = Some(Reading { required: shown, loaded });
    }

    pub(crate) fn end_read(&mut self, node: NodeId, omitted: Option<Omission>) {
        let machine = &mut self.nodes[node as usize];
        let Some(reading) = machine.reading.take() else { return };
        let found = reading.loaded.unwrap_or(machine.last_write(machine.applied));
        if found > machine.lease.released() && omitted != Some(Omission::Unreleased) {
            return;
        }
        if found < reading.required {
            self.violation.get_or_insert("a read shows less than was shown before it began");
        }
        self.shown = self.shown.max(found);
    }

    pub(crate) fn drop_node(&mut self, leader: NodeId, node: NodeId) {
        let machine = &mut self.nodes[leader as usize];
        let mut configuration = Configuration::clone(&machine.configuration());
        for voters in &mut configuration.voter_sets {
            voters.remove(&node);
        }
        configuration.learners.remove(&node);
        let payload = Payload::Membership(Arc::new(configuration));
        let entry = Entry { leader: machine.vote, payload };
        machine.append(entry);
        machine.commit();
    }
}

impl Machine {
    /// Commits and applies what a majority has, once an entry of this leadership is among it.
    fn commit(&mut self) {
        let me = self.vote.node;
        let configuration = self.configuration();
        let ends = (self.committed + 1..self.log.len() as LogIndex).rev();
        let mut commits = ends.filter(|index| {
            let has = |node: NodeId| node == me || self.matched.get(&node).is_some_and(|end| end >= index);
            self.log[*index as usize].leader == self.vote && configuration.is_majority(has)
        });
        if let Some(index) = commits.next() {
            drop(commits);
            self.committed = index;
            self.apply(index);
        }
    }
}

/// What the model asks of voter sets.
pub(crate) trait Sets {
    fn concat_all(&self) -> BTreeSet<NodeId>;
}

impl Sets for Vec<BTreeSet<NodeId>> {
    fn concat_all(&self) -> BTreeSet<NodeId> {
        self.iter().flatten().copied().collect()
    }
}

pub(crate) trait Majority {
    fn is_majority(&self, agrees: impl Fn(NodeId) -> bool) -> bool;
}

impl Majority for Configuration {
    fn is_majority(&self, agrees: impl Fn(NodeId) -> bool) -> bool {
        self.voter_sets
            .iter()
            .all(|voters| voters.iter().filter(|node| agrees(**node)).count() * 2 > voters.len())
    }
}

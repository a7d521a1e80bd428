//! A node of the model: its log, its vote, its clock, and the production code of its lease.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::numbers;
use crate::{Configuration, Instant, Leadership, LogIndex, Node, NodeId, Omission, ProcessId};

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
    /// Its folder is gone, and no leader has taken it back.
    pub(crate) is_lost: bool,
    /// Its folder was gone once.
    pub(crate) has_lost_folder: bool,
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

    /// The configurations of the log by their indexes.
    pub(super) fn configurations(&self) -> BTreeMap<LogIndex, Arc<Configuration>> {
        let entries = (0..).zip(&self.log);
        let found = entries.filter_map(|(index, entry)| match &entry.payload {
            Payload::Membership(configuration) => Some((index, Arc::clone(configuration))),
            _ => None,
        });
        found.collect()
    }

    /// The newest configuration of the log, which is the one that counts for consensus.
    pub(crate) fn configuration(&self) -> Arc<Configuration> {
        self.configurations().pop_last().map(|(_, newest)| newest).unwrap_or_default()
    }

    /// Returns true if all of the log is committed.
    pub(crate) fn is_settled(&self) -> bool {
        self.committed + 1 >= self.log.len() as LogIndex
    }

    /// A new process of this node, whose stored vote is `vote`.
    pub(super) fn begin_life(&mut self, me: NodeId, vote: Option<Leadership>, omitted: Option<Omission>) {
        self.process += 1;
        self.matched.clear();
        self.reading = None;
        let process = ProcessId(self.process);
        let configurations = self.configurations();
        self.lease = Node::new(me, process, numbers(), vote, self.applied, configurations);
        self.lease = self.lease.clone().wanting_grants(true);
        self.lease.omitted = omitted;
    }

    pub(crate) fn leads(&self, me: NodeId) -> bool {
        self.is_elected && self.vote.node == me
    }

    pub(super) fn store_vote(&mut self, vote: Leadership, is_elected: bool) {
        (self.vote, self.is_elected) = (vote, is_elected);
        let (last, now) = (self.last(), self.now());
        self.lease.vote_stored(vote, is_elected, last, now);
    }

    /// Obeys a leader.
    pub(super) fn follow(&mut self, leader: Leadership) {
        if (self.vote, self.is_elected) != (leader, true) {
            self.store_vote(leader, true);
        }
    }

    pub(super) fn append(&mut self, entry: Entry) {
        if let Payload::Membership(configuration) = &entry.payload {
            self.lease
                .configuration_appended(self.log.len() as LogIndex, Configuration::clone(configuration));
        }
        self.log.push(entry);
    }

    pub(super) fn apply(&mut self, index: LogIndex) {
        if index > self.applied {
            self.applied = index;
            let now = self.now();
            self.lease.applied(index, now);
        }
    }

    /// Commits and applies what a majority has, once an entry of this leadership is among it.
    pub(super) fn commit(&mut self) {
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

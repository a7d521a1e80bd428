//! A leader's knowledge of the other nodes: their replies, and the ledger of its grants.

use std::collections::{BTreeMap, VecDeque};

use crate::holdups::{HoldUps, Suspension};
use crate::words::{Instant, Leadership, LogIndex, NodeId, ProcessId};

/// Pings whose time of sending is remembered.
const REMEMBERED: usize = 64;

/// One process of a node, as its leader knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Life {
    /// What it says it has applied.
    pub(crate) applied: LogIndex,
    /// When its last grant is over, on the leader's clock, with the margin for drift.
    pub(crate) granted_until: Option<Instant>,
    /// The newest ping of which an answer brought a grant.
    pub(crate) granted_ping: Option<u64>,
}

impl Peer {
    /// The least that a process of it has applied which may read without the entry at `index`; `None`: there is none.
    pub(crate) fn behind(&self, index: LogIndex, now: Instant) -> Option<LogIndex> {
        let holders = self.lives.values().filter(|life| life.may_read(now) && life.applied < index);
        holders.map(|life| life.applied).min()
    }
}

impl Life {
    /// Whether it may be answering reads.
    pub(crate) fn may_read(&self, now: Instant) -> bool {
        self.granted_until.is_some_and(|until| now < until)
    }
}

/// Another node, as its leader knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Peer {
    /// When the newest ping that it has answered was sent.
    pub(crate) answered: Option<Instant>,
    /// Whether it has given up what earlier leaders had granted (rule 11).
    pub(crate) has_surrendered: bool,
    /// The process that answers now, and those whose grants are not over.
    pub(crate) lives: BTreeMap<ProcessId, Life>,
    pub(crate) hold_ups: HoldUps,
}

/// A leadership of this node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Leading {
    pub(crate) id: Leadership,
    /// When this node learnt of its election.
    pub(crate) since: Instant,
    /// Where its first entry lies: it serves once that is applied.
    pub(crate) first_index: LogIndex,
    /// Who may still read under a leader lease, and under nothing else.
    pub(crate) old_leader: Option<NodeId>,
    pub(crate) peers: BTreeMap<NodeId, Peer>,
    /// Nodes that are to be dropped, and get no grant any more (rule 9), with the number of changes that are to drop them.
    pub(crate) barred: BTreeMap<NodeId, u32>,
    /// The oldest entry that is applied and not released, as far as is noted, and since when.
    pub(crate) waiting: Option<(LogIndex, Instant)>,
    /// Time of the last look at who delays a release.
    pub(crate) looked_at: Instant,
    /// Suspensions that are not reported yet.
    pub(crate) suspensions: Vec<Suspension>,
    next_ping: u64,
    pings: VecDeque<(u64, Instant)>,
}

impl Leading {
    pub(crate) fn new(
        id: Leadership,
        since: Instant,
        first_index: LogIndex,
        old_leader: Option<NodeId>,
    ) -> Self {
        Self {
            id,
            since,
            first_index,
            old_leader,
            peers: BTreeMap::new(),
            barred: BTreeMap::new(),
            waiting: None,
            looked_at: since,
            suspensions: Vec::new(),
            next_ping: 0,
            pings: VecDeque::new(),
        }
    }

    /// A round of pings that is about to be sent.
    pub(crate) fn new_ping(&mut self, now: Instant) -> u64 {
        let number = self.next_ping;
        self.next_ping += 1;
        if self.pings.len() >= REMEMBERED {
            self.pings.pop_front();
        }
        self.pings.push_back((number, now));
        number
    }

    /// When a ping was sent.
    pub(crate) fn sent_at(&self, ping: u64) -> Option<Instant> {
        self.pings.iter().find(|(number, _)| *number == ping).map(|(_, at)| *at)
    }
}

//! The words of the protocol, and what nodes say to one another.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::time::TimePair;

/// Number of a node within its cluster.
pub type NodeId = u64;
/// Position in the log.
pub type LogIndex = u64;
/// A point on the clock of one node, which counts suspension and never jumps.
pub type Instant = Duration;

/// One leader's time of office. Leaders are ordered by it, and never by the term, which can have several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Leadership {
    /// The term.
    pub term: u64,
    /// Who leads.
    pub node: NodeId,
}

/// Random, and new at each start of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub u64);

/// Who votes and who only listens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Configuration {
    /// A majority of each is needed. Of several, the last is the newest.
    pub voter_sets: Vec<BTreeSet<NodeId>>,
    /// The nodes that only listen.
    pub learners: BTreeSet<NodeId>,
}

impl Configuration {
    /// Voters and learners.
    pub fn members(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.voter_sets.iter().flatten().chain(&self.learners).copied()
    }

    /// Whether the node votes or listens.
    #[must_use]
    pub fn contains(&self, node: NodeId) -> bool {
        self.members().any(|member| member == node)
    }

    /// Returns true if the node is still a member once the change is done that this may be a step of: the last of several
    /// voter sets is the one that stays.
    #[must_use]
    pub fn keeps(&self, node: NodeId) -> bool {
        self.learners.contains(&node) || self.voter_sets.last().is_some_and(|voters| voters.contains(&node))
    }

    /// Whether the node votes.
    #[must_use]
    pub fn is_voter(&self, node: NodeId) -> bool {
        self.voter_sets.iter().any(|voters| voters.contains(&node))
    }
}

/// What a leader tells one node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaderMessage {
    /// Who speaks.
    pub leader: Leadership,
    /// The process that speaks.
    pub leader_process: ProcessId,
    /// Set in a ping, which wants an answer.
    pub ping: Option<u64>,
    /// The right to read, as the answer to one reply.
    pub grant: Option<Grant>,
    /// What all may show.
    pub released: LogIndex,
    /// Cluster time.
    pub time: Option<TimePair>,
}

/// The right to answer reads for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grant {
    /// The process that it is meant for.
    pub node_process: ProcessId,
    /// The reply that it answers.
    pub reply: u64,
    /// How long it lasts, from when that reply was sent, on the clock of the node.
    pub length: Duration,
    /// What the node must have applied before it uses the grant.
    pub index: LogIndex,
}

/// A node's answer to a ping. While something is applied, the same ping is answered again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reply {
    /// Who was answered.
    pub leader: Leadership,
    /// The process that was answered.
    pub leader_process: ProcessId,
    /// Who answers.
    pub node: NodeId,
    /// The process that answers.
    pub node_process: ProcessId,
    /// The ping.
    pub ping: u64,
    /// Number of this reply within its process.
    pub reply: u64,
    /// What the node has applied and shows, as far as it is released.
    pub applied: LogIndex,
    /// Whether a learner wants the right to read.
    pub wants_grants: bool,
    /// Whether this process has given up what it had been granted, for good.
    pub is_leaving: bool,
}

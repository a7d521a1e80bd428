//! The types that openraft is instantiated with, and how they travel.

use std::collections::{BTreeMap, BTreeSet};

use keyraft_proto::cluster as proto;
use openraft::{BasicNode, EntryPayload};

/// Number of a node within its cluster. It is never given to another node.
pub type NodeId = u64;
/// Position in the log, from 0.
pub type LogIndex = u64;

openraft::declare_raft_types!(
    /// Openraft, as Keyraft uses it.
    pub TypeConfig:
        D = proto::Batch,
        R = BatchAnswer,
        NodeId = NodeId,
        Node = openraft::BasicNode,
        Entry = openraft::Entry<TypeConfig>,
        SnapshotData = crate::storage::snapshot::SnapshotFile,
        AsyncRuntime = crate::runtime::ConsensusRuntime,
);

/// Where an entry lies in the log, and under which leader it was written.
pub type LogId = openraft::LogId<NodeId>;
/// What a node has promised: the highest leader it obeys, and whether a quorum has elected that one.
pub type Vote = openraft::Vote<NodeId>;
/// One entry of the log.
pub type Entry = openraft::Entry<TypeConfig>;
/// Who votes and who only listens.
pub type Membership = openraft::Membership<NodeId, BasicNode>;
/// A membership and the entry that brought it.
pub type StoredMembership = openraft::StoredMembership<NodeId, BasicNode>;
/// What a snapshot covers.
pub type SnapshotMeta = openraft::SnapshotMeta<NodeId, BasicNode>;
pub(crate) type Raft = openraft::Raft<TypeConfig>;
pub(crate) type RaftStorageError = openraft::StorageError<NodeId>;
pub(crate) type RaftIoError = openraft::StorageIOError<NodeId>;

/// The outcomes of the requests of one entry, in their order; none for an entry without requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchAnswer {
    /// One for each request of the batch.
    pub outcomes: Vec<proto::Outcome>,
}

/// A message that lacks what it must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {message} came without its {field}")]
pub struct Incomplete {
    /// The message.
    pub message: &'static str,
    /// The field that is absent.
    pub field: &'static str,
}

/// A type of openraft's and the message it travels as.
pub trait Wire: Sized {
    /// The protobuf message.
    type Message;
    /// The message for `self`.
    fn to_message(self) -> Self::Message;
    /// What a message holds.
    ///
    /// # Errors
    /// A part that has no default is absent.
    fn from_message(message: Self::Message) -> Result<Self, Incomplete>;
}

impl Wire for LogId {
    type Message = proto::LogId;

    fn to_message(self) -> proto::LogId {
        proto::LogId { term: self.leader_id.term, node_id: self.leader_id.node_id, index: self.index }
    }

    fn from_message(message: proto::LogId) -> Result<Self, Incomplete> {
        Ok(Self::new(openraft::CommittedLeaderId::new(message.term, message.node_id), message.index))
    }
}

impl Wire for Vote {
    type Message = proto::Vote;

    fn to_message(self) -> proto::Vote {
        proto::Vote { term: self.leader_id.term, node_id: self.leader_id.node_id, committed: self.committed }
    }

    fn from_message(message: proto::Vote) -> Result<Self, Incomplete> {
        Ok(match message.committed {
            true => Self::new_committed(message.term, message.node_id),
            false => Self::new(message.term, message.node_id),
        })
    }
}

impl Wire for Membership {
    type Message = proto::Membership;

    fn to_message(self) -> proto::Membership {
        proto::Membership {
            voter_sets: self
                .get_joint_config()
                .iter()
                .map(|set| proto::VoterSet { node_ids: set.iter().copied().collect() })
                .collect(),
            members: self
                .nodes()
                .map(|(node_id, node)| proto::Member { node_id: *node_id, address: node.addr.clone() })
                .collect(),
        }
    }

    fn from_message(message: proto::Membership) -> Result<Self, Incomplete> {
        let voter_sets: Vec<BTreeSet<NodeId>> =
            message.voter_sets.into_iter().map(|set| set.node_ids.into_iter().collect()).collect();
        let nodes: BTreeMap<NodeId, BasicNode> =
            message.members.into_iter().map(|m| (m.node_id, BasicNode { addr: m.address })).collect();
        Ok(Self::new(voter_sets, nodes))
    }
}

impl Wire for StoredMembership {
    type Message = proto::StoredMembership;

    fn to_message(self) -> proto::StoredMembership {
        proto::StoredMembership {
            log_id: self.log_id().map(Wire::to_message),
            membership: Some(self.membership().clone().to_message()),
        }
    }

    fn from_message(message: proto::StoredMembership) -> Result<Self, Incomplete> {
        let log_id = message.log_id.map(LogId::from_message).transpose()?;
        let membership = Membership::from_message(message.membership.unwrap_or_default())?;
        Ok(Self::new(log_id, membership))
    }
}

impl Wire for Entry {
    type Message = proto::Entry;

    fn to_message(self) -> proto::Entry {
        use proto::entry::Payload;
        proto::Entry {
            log_id: Some(self.log_id.to_message()),
            payload: Some(match self.payload {
                EntryPayload::Blank => Payload::Blank(proto::Blank {}),
                EntryPayload::Normal(batch) => Payload::Batch(batch),
                EntryPayload::Membership(membership) => Payload::Membership(membership.to_message()),
            }),
        }
    }

    fn from_message(message: proto::Entry) -> Result<Self, Incomplete> {
        use proto::entry::Payload;
        let absent = |field| Incomplete { message: "log entry", field };
        let log_id = LogId::from_message(message.log_id.ok_or(absent("log id"))?)?;
        let payload = match message.payload.ok_or(absent("payload"))? {
            Payload::Blank(_) => EntryPayload::Blank,
            Payload::Batch(batch) => EntryPayload::Normal(batch),
            Payload::Membership(membership) => {
                EntryPayload::Membership(Membership::from_message(membership)?)
            }
        };
        Ok(Self { log_id, payload })
    }
}

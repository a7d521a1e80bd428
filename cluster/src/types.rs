//! The types that openraft is instantiated with.

use keyraft_proto::cluster as proto;

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

pub(crate) type LogId = openraft::LogId<NodeId>;
pub(crate) type Vote = openraft::Vote<NodeId>;
pub(crate) type Entry = openraft::Entry<TypeConfig>;
pub(crate) type StoredMembership = openraft::StoredMembership<NodeId, openraft::BasicNode>;
pub(crate) type Raft = openraft::Raft<TypeConfig>;

/// The outcomes of the requests of one entry, in their order; none for an entry without requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchAnswer {
    /// One for each request of the batch.
    pub outcomes: Vec<proto::Outcome>,
}

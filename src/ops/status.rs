//! The cluster as one node sees it: the answer of `GET /keyraft/status`.

use serde::{Deserialize, Serialize};

/// The path of the status, below the URL of a node.
pub const STATUS_PATH: &str = "/keyraft/status";

/// The cluster as one node sees it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct ClusterStatus {
    /// Number of the leader; `None` when the node knows of none.
    pub leader: Option<u64>,
    /// The term of the node that answers.
    pub term: u64,
    /// All members, by number.
    pub nodes: Vec<NodeStatus>,
}

/// One member. What is `None` the answering node does not know, because it cannot reach the member.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct NodeStatus {
    /// Its `node.id`.
    pub number: u64,
    /// Host and port of its cluster gRPC service.
    pub address: String,
    /// `leader`, `follower`, `candidate`, `learner` or `unreachable`.
    pub role: String,
    /// Index of the last entry of its log.
    pub last_log_index: Option<u64>,
    /// Index of the last entry it has applied.
    pub applied_index: Option<u64>,
    /// How many entries its state lies behind the leader's log.
    pub lag: Option<u64>,
    /// The URL by which clients reach it.
    pub public_url: Option<String>,
}

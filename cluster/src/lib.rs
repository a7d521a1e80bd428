//! Consensus: the log, the state below it, snapshots, elections and linearizable reads.
//!
//! This crate knows bytes, indexes and nodes; it knows nothing of users. An [`Application`] tells it
//! how a command changes a state; a [`Node`] replicates the commands and publishes the state.

mod acknowledged;
mod announcement;
pub mod application;
pub mod config;
mod contact;
pub mod disk;
mod election;
pub mod environment;
mod formation;
mod forward;
#[cfg(any(test, feature = "fuzzing"))]
#[allow(clippy::panic, clippy::indexing_slicing, reason = "a broken promise ends the run")]
pub mod fuzzing;
mod host;
mod lease;
mod network;
mod node;
pub mod planted;
mod proposer;
pub mod published;
mod quorum;
mod reach;
mod read_index;
mod relay;
mod rounds;
pub mod runtime;
mod status;
pub mod storage;
pub mod types;

pub use announcement::Announcement;
pub use application::{Application, LogMoment, Row, RowChange, RowError};
pub use config::{ConfigError, NodeConfig, Peer};
pub use environment::{Clock, Environment, Random, SeededRandom, SystemClock, SystemRandom};
pub use forward::ProposeError;
pub use host::Host;
#[cfg(feature = "omissions")]
pub use keyraft_lease::Omission;
pub use lease::ReadError;
pub use network::connector::Dialer;
pub use network::handshake::HandshakeError;
pub use network::introductions::Outvoted;
pub use network::secret::{ClusterSecret, KeyId};
pub use network::sockets::{Incoming, Network, NoNetwork, Socket, SystemNetwork};
pub use node::fault::Fault;
pub use node::{Node, Proposed, StartError};
pub use planted::{Bug, is_planted};
pub use published::{Publication, Published, View};
pub use quorum::Quorum;
pub use status::{ClusterStatus, NodeDetails, NodeStatus};
pub use types::{LogIndex, NodeId};

//! Consensus: the log, the state below it, snapshots, elections and linearizable reads.
//!
//! This crate knows bytes, indexes and nodes; it knows nothing of users. An [`Application`] tells it
//! how a command changes a state; a node replicates the commands and publishes the state.

pub mod application;
pub mod disk;
pub mod environment;
pub mod published;
pub mod runtime;
pub mod storage;
pub mod types;

pub use application::{Application, LogMoment, Row, RowChange, RowError};
pub use environment::{Clock, Environment, Random, SeededRandom, SystemClock};
pub use published::{Publication, Published};
pub use types::{LogIndex, NodeId};

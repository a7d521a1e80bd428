//! Read leases, without I/O: what a message, a vote, an applied entry or the passing of time does to the
//! right of a node to answer reads by itself, and to what is released.
//!
//! `docs/leases.md` is the protocol; the numbers of its rules stand in the comments here. A [`Node`] is told
//! everything by its caller, the time included, and is the same code in a running node and in the model.
//!
//! ```text
//!   log     ------- released -------|---- applied ----|---- committed ----|---- appended
//!   reads   show this               | wait for it, if it touches them
//! ```

mod holder;
mod holdups;
mod leading;
#[cfg(test)]
mod model;
mod node;
mod numbers;
mod omission;
mod time;
mod words;

pub use holdups::Suspension;
pub use node::Node;
pub use numbers::Numbers;
#[cfg(feature = "omissions")]
pub use omission::Omission;
#[cfg(all(test, not(feature = "omissions")))]
pub(crate) use omission::Omission;
pub use time::{Ceiling, ClusterClock, TimePair, TimePairs, WallClocks};
pub use words::{
    Configuration, Grant, Instant, LeaderMessage, Leadership, LogIndex, NodeId, ProcessId, Reply,
};

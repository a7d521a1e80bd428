//! Real nodes in one process, with real sockets, threads and files: what the simulation puts something else in the
//! place of.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failure here is a failed test"
)]

mod cluster;
mod files;
mod linearizability;
mod nodes;
mod proxy;
mod relaying;
mod strangers;

use keyraft_cluster_testing::{kv, observed, tally};

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
#[path = "../support/kv.rs"]
mod kv;
mod linearizability;
mod nodes;
#[path = "../support/observed.rs"]
mod observed;
mod proxy;
#[path = "../support/tally.rs"]
mod tally;

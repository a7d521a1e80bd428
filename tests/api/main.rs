//! The API in one process: every route and method, for every kind of caller.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, prints how much it asked, and measures by the clock of the machine"
)]

mod behaviour;
#[path = "../support/callers.rs"]
mod callers;
#[path = "../support/log_in.rs"]
mod log_in;
mod permissions;
mod responses;
mod world;

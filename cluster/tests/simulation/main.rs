//! The real code of the nodes in a simulated world (turmoil): links are cut, also one way only, and messages held
//! up; nodes are stopped, killed, and lose power, what they had not synced, or their disk; disks fail and fill up;
//! clocks are minutes apart and run a little wrong. Every history of what clients saw is judged. All of it is drawn from
//! one seed, and a seed repeats exactly.
//!
//! `seeded` draws what goes wrong; each of its simulations has a process of its own, so that it begins with the same
//! state of every library. `scenarios` go through the steps of a test (see `scenario.rs`).
//!
//! | variable | what it does |
//! |---|---|
//! | `KEYRAFT_SIMULATION_SEEDS=1000` | so many seeds |
//! | `KEYRAFT_SIMULATION_SEED=37` | this seed, or with `30..40` these |
//! | `KEYRAFT_SIMULATION_SHOW=1` | everything that happens is written out |
//! | `KEYRAFT_SIMULATION_OMIT=Wait` | a rule of the leases is left out (`Syncs`: disks lie) |
//! | `KEYRAFT_SCENARIO_SEED=3` | scenarios run with this seed, or with `0..20` these |
//! | `RUST_LOG=keyraft_cluster=debug` | what the nodes log is written out |
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a failure here is a failed test"
)]

mod clients;
mod clock;
mod cluster;
mod counters;
mod disturbance;
mod history;
mod interposed;
mod judgement;
mod links;
mod machine;
mod processes;
mod run;
mod scenario;
mod scenarios;
mod seeded;
mod trace;
mod trouble;
mod wire;
mod world;

use keyraft_cluster_testing::{kv, observed, tally};

/// What each process runs.
#[test]
#[ignore = "run by the other tests, in a process of its own"]
fn one_seed() {
    processes::simulate();
}

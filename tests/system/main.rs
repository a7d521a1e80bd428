//! The whole system as its users meet it: real processes, real clients, real faults.
//!
//! The clusters are made by the binary under test and killed with `kill -9`. The programs in
//! `tests/clients` run what OpenStack runs: the `openstack` command, keystonemiddleware, Keystone.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, tells what it measured, and measures by the clock of the machine"
)]

mod cluster_status;
mod deaths;
mod described_requests;
mod dev;
mod durability;
mod hash_upgrade;
mod key_rotation;
mod keystone_peer;
mod leader_killed;
mod leases;
mod lost_data;
mod malformed;
mod members;
mod multi_factor;
mod openstack_command;
mod password_change;
mod passwords;
mod policy_files;
mod power_failure;
mod protected_service;
mod revocation_race;
mod scale;
mod security_compliance;
#[path = "../support/mod.rs"]
mod support;
mod write_load;

//! Tests that go through the steps of a story, each in a world of its own.

mod clocks;
mod digests;
mod elections;
mod formation;
mod leases;
mod leases_held_up;
mod membership;
mod recovery;
mod replication;
mod requests;
mod staleness;

//! The files of a node, through closing, crashing, rot and the help of others.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may fail loudly, and clippy does not know the functions beside them"
)]

mod conformance;
mod diverging;
mod forgetting;
mod healing;
mod life;
mod rebuilding;
mod retries;
mod snapshots;
mod torture;
mod versions;

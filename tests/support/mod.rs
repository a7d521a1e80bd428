//! The base of the tests of the whole system: clusters of real processes, a client, Python, a Keystone.

#![allow(dead_code, reason = "each test target has the whole of it and uses a part")]
#![allow(unused_imports, reason = "as above")]

pub mod callers;
mod client;
mod cluster;
mod dev_process;
mod keystone;
pub mod log_in;
mod newcomer;
mod ports;
mod process;
mod python;
mod turn;

pub use client::{Client, Reply};
pub use cluster::{ADMIN_PASSWORD, DevCluster};
pub use dev_process::{DevProcess, RunningCommand, ServeProcess, keyraft};
pub use keystone::{KEYSTONE_PASSWORD, Keystone};
pub use log_in::{password_login, scoped, token_login};
pub use newcomer::Newcomer;
pub use ports::Ports;
pub use process::{is_running, signal};
pub use python::{Script, schemathesis};

use std::time::{Duration, Instant};

/// The pause before a condition is checked again.
const POLL_PAUSE: Duration = Duration::from_millis(25);

/// One step of a test whose steps share a cluster. The last name that was printed is that of the step that failed.
pub async fn step<T>(name: &str, run: impl Future<Output = T>) -> T {
    eprintln!("step {name}");
    let started = Instant::now();
    let outcome = run.await;
    eprintln!("step {name}: {:.1?}", started.elapsed());
    outcome
}

/// [`step`] for what does not wait for anything.
pub fn step_of<T>(name: &str, run: impl FnOnce() -> T) -> T {
    eprintln!("step {name}");
    let started = Instant::now();
    let outcome = run();
    eprintln!("step {name}: {:.1?}", started.elapsed());
    outcome
}

/// Asks until `found` gives something.
///
/// # Panics
/// `limit` passes first.
pub async fn eventually<T>(what: &str, limit: Duration, mut found: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = found().await {
            return value;
        }
        assert!(start.elapsed() < limit, "it did not happen within {limit:?}: {what}");
        tokio::time::sleep(POLL_PAUSE).await;
    }
}

/// [`eventually`] for what is found out without waiting.
pub fn wait_until(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < limit, "it did not happen within {limit:?}: {what}");
        std::thread::sleep(POLL_PAUSE);
    }
}

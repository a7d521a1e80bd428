//! What the tests of the whole system stand on: clusters of real processes, a client, Python, a Keystone.

#![allow(dead_code, reason = "each test target has the whole of it and uses a part")]

mod client;
mod cluster;
mod keystone;
mod ports;
mod process;
mod python;

#[allow(unused_imports, reason = "as above")]
pub use client::{Client, Reply, password_login, scoped, token_login};
pub use cluster::{ADMIN_PASSWORD, DevCluster};
pub use keystone::{KEYSTONE_PASSWORD, Keystone};
#[allow(unused_imports, reason = "as above")]
pub use python::{Script, schemathesis};

use std::time::{Duration, Instant};

/// How long to wait before asking again what nobody tells.
const POLL_PAUSE: Duration = Duration::from_millis(25);

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

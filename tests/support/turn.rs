//! Turns of tests that measure time, which nothing else may disturb.

use std::fs::File;

use super::process::lock_file;

/// nextest sets it, and gives such tests all of its threads (`.config/nextest.toml`).
const NEXTEST_VARIABLE: &str = "NEXTEST";

/// The right to run a cluster, until this value is dropped.
#[derive(Debug)]
pub struct Turn {
    /// `None` where nextest takes care of it.
    _lock: Option<File>,
}

impl Turn {
    /// The right to run a cluster beside others.
    pub fn shared() -> Self {
        Self::take(File::lock_shared)
    }

    /// The right to run the only cluster of this machine.
    pub fn alone() -> Self {
        Self::take(File::lock)
    }

    fn take(lock: fn(&File) -> std::io::Result<()>) -> Self {
        if std::env::var_os(NEXTEST_VARIABLE).is_some() {
            return Self { _lock: None };
        }
        let file = lock_file("turn");
        lock(&file).unwrap();
        Self { _lock: Some(file) }
    }
}

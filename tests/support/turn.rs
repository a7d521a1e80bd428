//! Turns of tests that measure time, which nothing else may disturb.

use std::fs::File;

use super::process::lock_file;

/// nextest sets it, and gives such tests all of its threads (`.config/nextest.toml`).
const NEXTEST_VARIABLE: &str = "NEXTEST";
/// The variable that names the group of the test, and the group of those that run alone.
const GROUP_VARIABLE: &str = "NEXTEST_TEST_GROUP";
const ALONE: &str = "alone";

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
    ///
    /// # Panics
    /// The configuration of nextest lets other tests run at the same time.
    pub fn alone() -> Self {
        if let Ok(group) = std::env::var(GROUP_VARIABLE) {
            assert_eq!(group, ALONE, "the group of this test in .config/nextest.toml");
        }
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

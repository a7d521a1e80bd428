//! The runs that suites are made of.

use std::time::Duration;

use super::under_test::UnderTest;
use crate::runner::Plan;

/// A run, but for what is chosen on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// What clients do.
    pub workload: &'static str,
    /// What breaks meanwhile.
    pub nemeses: &'static [&'static str],
    /// How long clients act.
    pub seconds: u64,
}

const fn row(workload: &'static str, nemeses: &'static [&'static str], seconds: u64) -> Row {
    Row { workload, nemeses, seconds }
}

/// Runs of the short suite. Each bug that can be planted is found by one of them.
pub const SHORT: &[Row] = &[
    row("register", &["partition-halves"], 45),
    row("register", &["power-all", "disk-full", "power-minority"], 45),
    row("unique", &["pause", "partition-one-way"], 35),
    row("grants", &["corrupt-snapshot", "corrupt-sled", "partition-ring"], 45),
    row("revocation", &["partition-leader", "clock", "pause"], 40),
    row("revocation", &["wipe", "power-one", "slow"], 45),
    row("rotation", &["kill", "rotate-keys", "login-storm", "restart"], 35),
    row("set", &["kill-pair", "forget"], 40),
    row("monotonic", &["partition-link", "kill"], 30),
    row("unique", &["second-process"], 40),
    row("set", &["foreign-folder"], 40),
    row("rotation", &["foreign-key"], 35),
    row("grants", &["spoil-leader"], 45),
];

/// The run of the smoke suite. The first nemesis to strike kills the leader whatever the seed is, and none of them can be skipped
/// for long: a run with a drawn seed must not fail because it has done too little.
pub const SMOKE: &[Row] = &[row("register", &["kill-pair", "partition-halves", "power-all"], 55)];

/// Runs of the long suite. Disks and proxies make everything slower, so that there are runs without.
pub const LONG: &[Row] = &[
    row("register", &["kill", "partition-leader", "partition-link", "pause"], 250),
    row("register", &["power-minority", "power-all", "disk-full", "slow", "corrupt-snapshot"], 250),
    row("unique", &["kill-pair", "pause", "partition-halves", "partition-one-way"], 250),
    row("unique", &["wipe", "power-one", "disk-full", "restart", "slow"], 250),
    row("grants", &["partition-ring", "partition-leader", "clock", "pause"], 250),
    row("grants", &["kill", "corrupt-sled", "power-minority", "login-storm", "slow"], 250),
    row("revocation", &["partition-leader", "partition-one-way", "pause", "clock"], 250),
    row("revocation", &["power-all", "corrupt-sled", "corrupt-snapshot", "rotate-keys", "slow"], 250),
    row("rotation", &["kill", "partition-halves", "restart", "login-storm"], 250),
    row("rotation", &["power-minority", "disk-full", "clock", "pause", "slow"], 250),
    row("set", &["kill-pair", "partition-leader", "forget"], 200),
    row("set", &["absence", "kill", "clock-jump"], 200),
    row("monotonic", &["kill", "partition-link", "partition-halves", "pause"], 250),
    row("register", &["second-process", "foreign-folder", "foreign-key", "kill"], 200),
    row("grants", &["spoil-leader", "kill"], 150),
];

/// Clients of each run.
const CLIENTS: usize = 20;
/// Steps of all clients in a second.
const RATE: u32 = 200;

impl Row {
    /// The run as it is carried out.
    #[must_use]
    pub fn plan(&self, nodes: u8, seed: u64, under_test: &UnderTest) -> Plan {
        Plan {
            workload: self.workload.to_owned(),
            nemeses: self.nemeses.iter().map(|name| (*name).to_owned()).collect(),
            nodes: usize::from(nodes),
            duration: Duration::from_secs(self.seconds),
            seed,
            clients: CLIENTS,
            rate: RATE,
            binary: under_test.binary(),
            planted_bug: None,
            isolation: under_test.isolation(),
            output: under_test.output.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::schedule::strikes;
    use crate::{nemesis, workload};

    fn names<T>(table: &[(&'static str, T)]) -> BTreeSet<&'static str> {
        table.iter().map(|(name, _)| *name).collect()
    }

    #[test]
    fn the_long_suite_has_every_workload_and_nemesis() {
        let workloads: BTreeSet<_> = LONG.iter().map(|row| row.workload).collect();
        let nemeses: BTreeSet<_> = LONG.iter().flat_map(|row| row.nemeses.iter().copied()).collect();
        assert_eq!(workloads, names(workload::ALL));
        assert_eq!(nemeses, names(nemesis::ALL));
    }

    #[test]
    fn the_smoke_run_strikes_in_each_way_and_ends_in_time_with_any_seed() {
        let known = names(nemesis::ALL);
        for row in SMOKE {
            assert!(workload::by_name(row.workload).is_some());
            assert!(row.nemeses.iter().all(|name| known.contains(name)));
            let duration = Duration::from_secs(row.seconds);
            for seed in 0..10_000 {
                let lanes = strikes(seed, row.nemeses.len(), duration);
                assert!(lanes.iter().all(|lane| !lane.is_empty()), "{seed}: {lanes:?}");
            }
        }
        // Starting, mending and the last looks take most of the rest on a busy machine.
        let seconds: u64 = SMOKE.iter().map(|row| row.seconds + 30).sum();
        assert!(seconds <= 90, "{seconds}");
    }

    #[test]
    fn the_short_suite_has_every_workload_and_only_known_nemeses_in_time() {
        let workloads: BTreeSet<_> = SHORT.iter().map(|row| row.workload).collect();
        assert_eq!(workloads, names(workload::ALL));
        let known = names(nemesis::ALL);
        assert!(SHORT.iter().all(|row| row.nemeses.iter().all(|name| known.contains(name))));
        // Each run takes some seconds before and after.
        let seconds: u64 = SHORT.iter().map(|row| row.seconds + 15).sum();
        assert!(seconds < 900, "{seconds}");
    }
}

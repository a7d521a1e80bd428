//! `suite`: runs that together show every workload every kind of trouble.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use clap::Args;

use super::judged::Judged;
use super::under_test::UnderTest;
use crate::cli::CliError;
use crate::environment::sweep;
use crate::runner::{Plan, RunError};
use crate::workload;

/// Run all workloads under all nemeses; the last line says passed or failed
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("length").required(true))]
pub struct Suite {
    /// Under ten minutes
    #[arg(long, group = "length")]
    short: bool,
    /// About an hour; of each workload at least 10,000 operations have to be done
    #[arg(long, group = "length")]
    long: bool,
    /// How many nodes
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(3..=9))]
    nodes: u8,
    /// What fixes the schedules: the first run has this seed, the next one the next
    #[arg(long, value_name = "X", default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    under_test: UnderTest,
}

/// Workload, nemeses, seconds.
type Row = (&'static str, &'static [&'static str], u64);

/// Runs of the short suite.
const SHORT: &[Row] = &[
    ("register", &["kill", "partition-leader"], 40),
    ("unique", &["pause", "partition-halves"], 40),
    ("grants", &["partition-ring", "restart", "partition-one-way"], 45),
    ("revocation", &["partition-leader", "pause", "clock"], 50),
    ("rotation", &["kill", "partition-link", "login-storm"], 40),
    ("register", &["power-minority", "power-all", "disk-full"], 50),
    ("revocation", &["corrupt-sled", "rotate-keys", "power-one", "slow"], 50),
    ("set", &["kill", "partition-link"], 30),
    ("monotonic", &["kill", "partition-link"], 25),
];

/// Runs of the long suite. Disks and proxies make everything slower, so that there are runs without.
const LONG: &[Row] = &[
    ("register", &["kill", "partition-leader", "partition-link", "pause"], 330),
    ("register", &["power-minority", "power-all", "disk-full", "slow", "corrupt-snapshot"], 330),
    ("unique", &["kill", "pause", "partition-halves", "partition-one-way"], 330),
    ("unique", &["wipe", "power-one", "disk-full", "restart", "slow"], 330),
    ("grants", &["partition-ring", "partition-leader", "clock", "pause"], 330),
    ("grants", &["kill", "corrupt-sled", "power-minority", "login-storm", "slow"], 330),
    ("revocation", &["partition-leader", "partition-one-way", "pause", "clock"], 330),
    ("revocation", &["power-all", "corrupt-sled", "corrupt-snapshot", "rotate-keys", "slow"], 330),
    ("rotation", &["kill", "partition-halves", "restart", "login-storm"], 330),
    ("rotation", &["power-minority", "disk-full", "clock", "pause", "slow"], 330),
    ("set", &["kill", "partition-leader", "wipe", "absence"], 330),
    ("monotonic", &["kill", "partition-link", "pause", "clock-jump"], 200),
];

/// Clients of each run.
const CLIENTS: usize = 10;
/// Steps of all clients in a second.
const RATE: u32 = 100;
/// Operations of each workload that have to be done in the long suite.
const LEAST_DONE: usize = 10_000;

impl Suite {
    /// Carries out all runs, and tells what came of each. Says whether all passed.
    ///
    /// # Errors
    /// Somebody has ended it, or a recording could not be kept.
    pub fn run(&self, out: &mut dyn Write) -> Result<bool, CliError> {
        sweep();
        let rows = if self.long { LONG } else { SHORT };
        let (mut passed, mut failed, mut done) = (0, 0, BTreeMap::<&str, usize>::new());
        for (place, row) in rows.iter().enumerate() {
            let plan = self.plan(row, self.seed.wrapping_add(place as u64));
            let judged = match Judged::of(&plan) {
                Err(CliError::Run(error)) if !matches!(error, RunError::Interrupted(_)) => {
                    // What cannot be carried out proves nothing.
                    writeln!(out, "failed  {}  {error}", plan.title())?;
                    failed += 1;
                    continue;
                }
                outcome => outcome?,
            };
            let word = if judged.is_passed() { "passed" } else { "failed" };
            writeln!(out, "{word}  {}  {}; {}", plan.title(), judged.amount(), judged.run.folder.display())?;
            judged.tell_faults(out)?;
            *(if judged.is_passed() { &mut passed } else { &mut failed }) += 1;
            *done.entry(row.0).or_default() += judged.judgement.total().done;
        }
        let least = if self.long { LEAST_DONE } else { 0 };
        for (workload, count) in &done {
            let enough = if *count < least { format!(", and {least} have to be") } else { String::new() };
            writeln!(out, "{workload}: {count} operations done{enough}")?;
        }
        let is_enough = done.len() == workload::ALL.len() && done.values().all(|count| *count >= least);
        let is_passed = failed == 0 && is_enough;
        let word = if is_passed { "passed" } else { "failed" };
        let total: usize = done.values().sum();
        writeln!(out, "{passed} passed, {failed} failed")?;
        writeln!(out, "suite {word}: {passed} runs passed, {failed} failed, {total} operations done")?;
        Ok(is_passed)
    }

    fn plan(&self, (workload, nemeses, seconds): &Row, seed: u64) -> Plan {
        Plan {
            workload: (*workload).to_owned(),
            nemeses: nemeses.iter().map(|name| (*name).to_owned()).collect(),
            nodes: usize::from(self.nodes),
            duration: Duration::from_secs(*seconds),
            seed,
            clients: CLIENTS,
            rate: RATE,
            binary: self.under_test.binary(),
            isolation: self.under_test.isolation(),
            output: self.under_test.output.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::nemesis;

    fn names<T>(table: &[(&'static str, T)]) -> BTreeSet<&'static str> {
        table.iter().map(|(name, _)| *name).collect()
    }

    #[test]
    fn the_long_suite_has_every_workload_and_nemesis() {
        let workloads: BTreeSet<_> = LONG.iter().map(|(name, ..)| *name).collect();
        let nemeses: BTreeSet<_> = LONG.iter().flat_map(|(_, names, _)| names.iter().copied()).collect();
        assert_eq!(workloads, names(workload::ALL));
        assert_eq!(nemeses, names(nemesis::ALL));
    }

    #[test]
    fn the_short_suite_has_every_workload_and_only_known_nemeses_in_time() {
        let workloads: BTreeSet<_> = SHORT.iter().map(|(name, ..)| *name).collect();
        assert_eq!(workloads, names(workload::ALL));
        let known = names(nemesis::ALL);
        assert!(SHORT.iter().all(|(_, names, _)| names.iter().all(|name| known.contains(name))));
        // Each run takes some seconds before and after.
        let seconds: u64 = SHORT.iter().map(|(.., seconds)| seconds + 25).sum();
        assert!(seconds < 600, "{seconds}");
    }
}

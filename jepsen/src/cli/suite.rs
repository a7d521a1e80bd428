//! `suite`: runs that together show every workload every kind of trouble.

use std::collections::BTreeMap;
use std::io::Write;

use clap::Args;

use super::judged::Judged;
use super::rows::{LONG, SHORT};
use super::under_test::UnderTest;
use crate::cli::CliError;
use crate::environment::sweep;
use crate::runner::RunError;
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
        let (mut passed, mut failed, mut left_out) = (0, 0, 0);
        let mut done = BTreeMap::<&str, usize>::new();
        for (place, row) in rows.iter().enumerate() {
            let plan = row.plan(self.nodes, self.seed.wrapping_add(place as u64), &self.under_test);
            if let Some(lacking) = plan.lacking().map_err(RunError::from)? {
                writeln!(out, "left out  {}  {lacking}", plan.title())?;
                left_out += 1;
                continue;
            }
            let judged = match Judged::attempt(&plan)? {
                Ok(judged) => judged,
                // What cannot be carried out proves nothing.
                Err(error) => {
                    writeln!(out, "failed  {}  {error}", plan.title())?;
                    failed += 1;
                    continue;
                }
            };
            let word = if judged.is_passed() { "passed" } else { "failed" };
            writeln!(out, "{word}  {}  {}; {}", plan.title(), judged.amount(), judged.run.folder.display())?;
            judged.tell_faults(out)?;
            *(if judged.is_passed() { &mut passed } else { &mut failed }) += 1;
            *done.entry(row.workload).or_default() += judged.judgement.total().done;
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
        let left_out = if left_out > 0 { format!(", {left_out} left out") } else { String::new() };
        writeln!(
            out,
            "suite {word}: {passed} runs passed, {failed} failed{left_out}, {total} operations done"
        )?;
        Ok(is_passed)
    }
}

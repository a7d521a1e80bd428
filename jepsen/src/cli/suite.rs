//! `suite`: runs that together show every workload every kind of trouble.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use clap::Args;
use rand::{Rng, SeedableRng};

use super::judged::Judged;
use super::rows::{LONG, Row, SHORT, SMOKE};
use super::under_test::UnderTest;
use crate::cli::CliError;
use crate::environment::sweep;
use crate::runner::{Plan, PlanError, RunError};
use crate::schedule::Chance;

/// Run all workloads under all nemeses; the last line says passed or failed
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("length").required(true))]
pub struct Suite {
    /// One run of at most 90 seconds, on three nodes
    #[arg(long, group = "length")]
    smoke: bool,
    /// Under 15 minutes
    #[arg(long, group = "length")]
    short: bool,
    /// A little more than an hour; of each workload at least 10,000 operations have to be done
    #[arg(long, group = "length")]
    long: bool,
    /// Number of nodes [default: 5, or 3 with --smoke]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(3..=9))]
    nodes: Option<u8>,
    /// What fixes the schedules: the first run has this seed, the next one the next [default: 1, or drawn by chance with
    /// --smoke]
    #[arg(long, value_name = "X")]
    seed: Option<u64>,
    #[command(flatten)]
    under_test: UnderTest,
}

/// Operations of each workload that have to be done in the long suite.
const LEAST_DONE: usize = 10_000;

impl Suite {
    fn rows(&self) -> &'static [Row] {
        match (self.smoke, self.long) {
            (true, _) => SMOKE,
            (false, true) => LONG,
            (false, false) => SHORT,
        }
    }

    fn nodes(&self) -> u8 {
        self.nodes.unwrap_or(if self.smoke { 3 } else { 5 })
    }

    /// The seed that was named; otherwise 1, or for the smoke suite a drawn one that is short enough to be typed again.
    fn seed(&self) -> u64 {
        let default = || if self.smoke { u64::from(Chance::from_os_rng().random::<u32>()) } else { 1 };
        self.seed.unwrap_or_else(default)
    }

    /// Carries out all runs, and tells what came of each. Says whether all passed.
    ///
    /// # Errors
    /// Somebody has ended it, or a recording could not be kept.
    pub fn run(&self, out: &mut dyn Write) -> Result<bool, CliError> {
        sweep();
        let (rows, nodes, seed) = (self.rows(), self.nodes(), self.seed());
        if self.smoke {
            // First of all, so that it is known however the run ends.
            writeln!(out, "seed {seed}; `suite --smoke --seed {seed}` repeats its schedule")?;
        }
        let (mut passed, mut failed, mut left_out, mut nemeses_left_out) = (0, 0, 0, 0);
        let mut done = BTreeMap::<&str, usize>::new();
        for (place, row) in rows.iter().enumerate() {
            let mut plan = row.plan(nodes, seed.wrapping_add(place as u64), &self.under_test);
            if self.smoke {
                // Its only run is worth more without some nemeses than left out.
                for (nemesis, lacking) in leave_out_lacking(&mut plan).map_err(RunError::from)? {
                    writeln!(out, "left out  {nemesis}  {lacking}")?;
                    nemeses_left_out += 1;
                }
                if plan.nemeses.is_empty() {
                    writeln!(out, "failed  {}  no nemesis can strike here", plan.title())?;
                    failed += 1;
                    continue;
                }
            }
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
        let wanted: BTreeSet<&str> = rows.iter().map(|row| row.workload).collect();
        let is_enough = done.len() == wanted.len() && done.values().all(|count| *count >= least);
        let is_passed = failed == 0 && is_enough;
        let word = if is_passed { "passed" } else { "failed" };
        let total: usize = done.values().sum();
        writeln!(
            out,
            "suite {word}: {passed} runs passed, {failed} failed{}{}, {total} operations done",
            counted(left_out, "left out"),
            counted(nemeses_left_out, "nemeses left out")
        )?;
        Ok(is_passed)
    }
}

/// A further part of the last line, unless it is zero.
fn counted(count: usize, of: &str) -> String {
    if count > 0 { format!(", {count} {of}") } else { String::new() }
}

/// Takes out of a plan the nemeses that need something which this machine lacks. Returns each with what is lacking.
fn leave_out_lacking(plan: &mut Plan) -> Result<Vec<(String, &'static str)>, PlanError> {
    let mut left_out = Vec::new();
    for nemesis in std::mem::take(&mut plan.nemeses) {
        let alone = Plan { nemeses: vec![nemesis.clone()], ..plan.clone() };
        match alone.lacking()? {
            Some(lacking) => left_out.push((nemesis, lacking)),
            None => plan.nemeses.push(nemesis),
        }
    }
    Ok(left_out)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        suite: Suite,
    }

    fn suite(arguments: &[&str]) -> Suite {
        Line::parse_from([&["suite"], arguments].concat()).suite
    }

    #[test]
    fn the_smoke_suite_draws_its_seed_unless_one_is_named() {
        let drawn: BTreeSet<u64> = (0..4).map(|_| suite(&["--smoke"]).seed()).collect();
        assert!(drawn.len() > 1, "{drawn:?}");
        assert_eq!(suite(&["--smoke", "--seed", "7"]).seed(), 7);
        assert_eq!([suite(&["--short"]).seed(), suite(&["--long"]).seed()], [1, 1]);
    }

    #[test]
    fn the_smoke_suite_has_one_run_on_three_nodes() {
        let smoke = suite(&["--smoke"]);
        assert_eq!((smoke.rows(), smoke.nodes()), (SMOKE, 3));
        assert_eq!(SMOKE.len(), 1);
        assert_eq!((suite(&["--short"]).rows(), suite(&["--short"]).nodes()), (SHORT, 5));
        assert_eq!((suite(&["--long"]).rows(), suite(&["--long", "--nodes", "7"]).nodes()), (LONG, 7));
    }
}

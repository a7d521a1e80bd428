//! `planted`: bugs that are planted in the server, each with a run that has to find it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::time::Duration;

use clap::Args;

use super::judged::Judged;
use super::rows::{Row, SHORT};
use super::under_test::UnderTest;
use crate::cli::CliError;
use crate::environment::sweep;
use crate::runner::{RunError, planted_bugs};

/// Plant every bug, and demand that it is found; the last line says passed or failed
#[derive(Args, Clone, Debug)]
pub struct Planted {
    /// Only these, by names with commas between them
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    only: Vec<String>,
    /// How many nodes
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(3..=9))]
    nodes: u8,
    /// What fixes the schedules
    #[arg(long, value_name = "X", default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    under_test: UnderTest,
}

/// Each bug with the run of the short suite that finds it, by its place there.
const FOUND_BY: &[(&str, usize)] = &[
    ("acknowledge-before-sync", 1),
    ("any-cluster-key", 11),
    ("dropped-live-key", 6),
    ("foreign-folder", 10),
    ("forgetful-voter", 7),
    ("forgotten-request-id", 7),
    ("late-revocation", 4),
    ("leaders-digest", 12),
    ("name-checked-before-log", 2),
    ("new-leader-does-not-wait", 0),
    ("read-without-lease", 8),
    ("show-unreleased", 8),
    ("snapshot-without-assignments", 3),
    ("stray-rejoin", 9),
    ("wall-clock-stamps", 4),
];

/// Where the table goes, in the folder of recordings.
const TABLE: &str = "planted-bugs.md";

/// What came of the run that seeks a bug.
struct Sought {
    bug: String,
    row: Row,
    seed: u64,
    /// The first thing that was wrong and when, if the bug was found.
    found: Option<(Duration, String)>,
}

impl Planted {
    /// Carries out all runs, tells what came of each, and writes a table. Says whether all bugs were found.
    ///
    /// # Errors
    /// The binary can have no bugs, somebody has ended it, or a recording could not be kept.
    pub fn run(&self, out: &mut dyn Write) -> Result<bool, CliError> {
        sweep();
        let rows: BTreeMap<&str, Row> =
            FOUND_BY.iter().filter_map(|(bug, place)| Some((*bug, *SHORT.get(*place)?))).collect();
        let known = planted_bugs(&self.under_test.binary()).map_err(RunError::from)?;
        let mut all = Vec::new();
        for bug in &known {
            if !self.only.is_empty() && !self.only.contains(bug) {
                continue;
            }
            match rows.get(bug.as_str()) {
                Some(row) => all.push(self.seek(bug, row, out)?),
                None => writeln!(out, "not found  {bug}  no run seeks it")?,
            }
        }
        let path = self.under_test.output.join(TABLE);
        fs::write(&path, table(&all)).map_err(|source| CliError::Write { path: path.clone(), source })?;
        let wanted = if self.only.is_empty() { known.len() } else { self.only.len() };
        let found = all.iter().filter(|sought| sought.found.is_some()).count();
        let word = if found == wanted { "passed" } else { "failed" };
        writeln!(out, "planted bugs {word}: {found} of {wanted} found; {}", path.display())?;
        Ok(found == wanted)
    }

    fn seek(&self, bug: &str, row: &Row, out: &mut dyn Write) -> Result<Sought, CliError> {
        let mut plan = row.plan(self.nodes, self.seed, &self.under_test);
        plan.planted_bug = Some(bug.to_owned());
        let judged = match Judged::attempt(&plan)? {
            Ok(judged) => judged,
            Err(error) => {
                writeln!(out, "not found  {}  {error}", plan.title())?;
                return Ok(Sought { bug: bug.to_owned(), row: *row, seed: self.seed, found: None });
            }
        };
        let found = judged.first_fault();
        match &found {
            Some((at, what)) => {
                writeln!(out, "found  {}  after {:.1} s: {what}", plan.title(), at.as_secs_f64())?
            }
            None => {
                writeln!(
                    out,
                    "not found  {}  {}; {}",
                    plan.title(),
                    judged.amount(),
                    judged.run.folder.display()
                )?;
                judged.tell_faults(out)?;
            }
        }
        Ok(Sought { bug: bug.to_owned(), row: *row, seed: self.seed, found })
    }
}

/// In Markdown.
fn table(all: &[Sought]) -> String {
    let mut text =
        "| bug | workload | nemeses | seed | seconds | what was seen |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for Sought { bug, row, seed, found } in all {
        let nemeses: Vec<String> = row.nemeses.iter().map(|name| format!("`{name}`")).collect();
        let (seconds, what) = match found {
            Some((at, what)) => (format!("{:.1}", at.as_secs_f64()), what.replace('|', "/")),
            None => ("".to_owned(), "**not found**".to_owned()),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| `{bug}` | `{}` | {} | {seed} | {seconds} | {what} |",
            row.workload,
            nemeses.join(", ")
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_the_short_suite_seeks_each_bug() {
        assert!(FOUND_BY.iter().all(|(_, place)| SHORT.get(*place).is_some()));
        assert!(FOUND_BY.is_sorted_by(|one, next| one.0 < next.0));
    }

    #[test]
    fn what_keeps_a_bug_away_is_attacked_by_the_run_that_seeks_it() {
        let attacks = [
            ("any-cluster-key", "foreign-key"),
            ("foreign-folder", "foreign-folder"),
            ("leaders-digest", "spoil-leader"),
            ("stray-rejoin", "second-process"),
        ];
        for (bug, nemesis) in attacks {
            let place = FOUND_BY.iter().find(|(known, _)| *known == bug).unwrap().1;
            assert_eq!(SHORT[place].nemeses, [nemesis], "{bug}");
        }
    }

    const ROW: Row = Row { workload: "unique", nemeses: &["kill-pair", "partition-one-way"], seconds: 40 };

    #[test]
    fn the_table_says_what_was_found_and_what_was_not() {
        let sought = |found| Sought { bug: "b".to_owned(), row: ROW, seed: 7, found };
        let text = table(&[sought(Some((Duration::from_millis(1_540), "x | y".to_owned()))), sought(None)]);
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(lines[0], "| `b` | `unique` | `kill-pair`, `partition-one-way` | 7 | 1.5 | x / y |");
        assert!(lines[1].ends_with("| 7 |  | **not found** |"), "{}", lines[1]);
    }
}

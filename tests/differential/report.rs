//! Counts of comparisons, and their outcome.

use std::collections::{BTreeMap, BTreeSet};

use super::allowed::{ALLOWED, Allowed};
use super::callers::callers;
use super::compare::Difference;
use super::request::Request;
use super::rows::{Row, component_of, row_of, rows};

/// Differences that are printed in full; the rest is only counted.
const MAX_PRINTED: usize = 200;

/// The counts of a component.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    comparisons: usize,
    /// Responses that differ, each way of it in the table of allowed differences.
    allowed: usize,
    /// Responses that differ otherwise.
    differing: usize,
}

/// The callers of a row, and the outcomes.
#[derive(Debug, Default)]
struct Coverage {
    callers: BTreeSet<String>,
    has_succeeded: bool,
    has_failed: bool,
}

/// All that a run has found.
#[derive(Debug, Default)]
pub struct Report {
    by_component: BTreeMap<&'static str, Counts>,
    by_row: BTreeMap<Row, Coverage>,
    seen: BTreeSet<&'static Allowed>,
    printed: usize,
    /// Faults besides differences.
    faults: Vec<String>,
}

/// One comparison.
pub struct Compared<'a> {
    pub sequence: &'static str,
    pub caller: &'a str,
    pub request: &'a Request,
    pub their_status: u16,
    pub differences: &'a [Difference],
    /// Prints both exchanges in full.
    pub shown: &'a dyn Fn() -> String,
}

/// The begin of a text.
pub fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

impl Report {
    /// Counts a comparison, and prints it if it differs where it may not.
    pub fn add(&mut self, compared: &Compared<'_>) {
        let Compared { request, .. } = compared;
        let row = row_of(&request.method, &request.path);
        let mut unexplained = Vec::new();
        for difference in compared.differences {
            let explained = ALLOWED.iter().filter(|allowed| allowed.covers(row, request, difference));
            let before = unexplained.len();
            unexplained.push(difference);
            for allowed in explained {
                self.seen.insert(allowed);
                unexplained.truncate(before);
            }
        }
        let counts = self.by_component.entry(component_of(&request.method, &request.path)).or_default();
        counts.comparisons += 1;
        counts.allowed += usize::from(!compared.differences.is_empty() && unexplained.is_empty());
        counts.differing += usize::from(!unexplained.is_empty());
        if let Some(row) = row {
            let coverage = self.by_row.entry(row).or_default();
            coverage.callers.insert(compared.caller.to_owned());
            let is_success = (200..400).contains(&compared.their_status);
            coverage.has_succeeded |= is_success;
            coverage.has_failed |= !is_success;
        }
        if !unexplained.is_empty() && self.printed < MAX_PRINTED {
            self.printed += 1;
            eprintln!("\n=== {} differs: {request}\n  by {}", compared.sequence, compared.caller);
            eprintln!("{}", (compared.shown)());
            for Difference { field, theirs, ours } in unexplained {
                eprintln!("  * {field}\n      theirs: {theirs}\n      ours:   {ours}");
            }
        }
    }

    /// Something is wrong that is no difference between the two.
    pub fn fault(&mut self, fault: String) {
        eprintln!("\n=== {fault}");
        self.faults.push(fault);
    }

    /// A component whose rows must all be there: each with every caller, with a success and a failure.
    pub fn demand_rows_of(&mut self, component: &str) {
        for row in rows().iter().copied().filter(|row| row.component == component) {
            let coverage = self.by_row.entry(row).or_default();
            let missing: Vec<_> = callers().filter(|caller| !coverage.callers.contains(*caller)).collect();
            let mut lacks = Vec::new();
            if !missing.is_empty() {
                lacks.push(format!("the callers {missing:?}"));
            }
            if !coverage.has_succeeded && !row.is_never_a_success() {
                lacks.push("a success".to_owned());
            }
            if !coverage.has_failed && !row.is_never_a_failure() {
                lacks.push("a failure".to_owned());
            }
            if !lacks.is_empty() {
                self.fault(format!("{} {} lacks {}", row.method, row.path, lacks.join(" and ")));
            }
        }
    }

    /// Each allowed difference must still be there.
    pub fn demand_allowed(&mut self) {
        for allowed in ALLOWED.iter().filter(|allowed| !self.seen.contains(allowed)).collect::<Vec<_>>() {
            self.fault(format!("the allowed difference no longer occurs: {allowed:?}"));
        }
    }

    pub fn demand_comparisons(&mut self, least: usize) {
        let made: usize = self.by_component.values().map(|counts| counts.comparisons).sum();
        if made < least {
            self.fault(format!("{made} comparisons are fewer than {least}"));
        }
    }

    /// Returns true without faults and without differences that are not allowed.
    pub fn is_good(&self) -> bool {
        self.faults.is_empty() && self.by_component.values().all(|counts| counts.differing == 0)
    }

    /// The table of counts.
    pub fn print(&self) {
        let mut total = Counts::default();
        eprintln!("\n{:12} {:>11} {:>9} {:>9}", "component", "comparisons", "differing", "allowed");
        let line = |name: &str, counts: Counts| {
            let Counts { comparisons, allowed, differing } = counts;
            eprintln!("{name:12} {comparisons:>11} {differing:>9} {allowed:>9}");
        };
        for (component, counts) in &self.by_component {
            line(component, *counts);
            total.comparisons += counts.comparisons;
            total.allowed += counts.allowed;
            total.differing += counts.differing;
        }
        line("all", total);
        self.faults.iter().for_each(|fault| eprintln!("fault: {fault}"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::get;
    use super::*;

    fn report(path: &str, differences: &[Difference]) -> Report {
        let mut report = Report::default();
        report.add(&Compared {
            sequence: "users",
            caller: "admin",
            request: &get(path),
            their_status: 200,
            differences,
            shown: &String::new,
        });
        report
    }

    #[test]
    fn only_a_difference_that_is_not_allowed_fails_the_run() {
        let status = |theirs: &str, ours: &str| Difference {
            field: "status".to_owned(),
            theirs: theirs.to_owned(),
            ours: ours.to_owned(),
        };
        assert!(report("/v3/roles", &[]).is_good());
        assert!(report("/v3/roles?marker=none", &[status("200", "404")]).is_good());
        assert!(!report("/v3/roles?marker=none", &[status("200", "403")]).is_good());
        assert!(!report("/v3/regions", &[status("200", "404")]).is_good());
        assert!(!report("/v3/roles", &[status("200", "404"), status("200", "403")]).is_good());
    }

    #[test]
    fn what_is_demanded_and_missing_fails_the_run() {
        let mut few = report("/v3/roles", &[]);
        few.demand_comparisons(1);
        assert!(few.is_good());
        few.demand_comparisons(2);
        assert!(!few.is_good());
        let mut without_callers = report("/v3/roles", &[]);
        without_callers.demand_rows_of("role");
        assert!(!without_callers.is_good());
        let mut without_differences = report("/v3/roles", &[]);
        without_differences.demand_allowed();
        assert!(!without_differences.is_good());
    }
}

//! Elements that are added once each: what was acknowledged is there, and nothing is there twice.

use std::collections::BTreeMap;

use crate::function::Function;
use crate::history::{History, Outcome};

/// What is wrong with a history of `add`s, given what a node shows in the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Acknowledged, and not there.
    pub lost: Vec<String>,
    /// There more than once.
    pub doubled: Vec<String>,
    /// Refused, and there all the same.
    pub refused_but_there: Vec<String>,
    /// There, and never asked for.
    pub unasked: Vec<String>,
    /// How many were acknowledged.
    pub acknowledged: usize,
    /// How many nobody knows of.
    pub unknown: usize,
}

impl Findings {
    /// Whether the history is one that a correct set can have, and proves something: a run in which
    /// nothing was acknowledged is no proof.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let faults = [&self.lost, &self.doubled, &self.refused_but_there, &self.unasked];
        self.acknowledged > 0 && faults.iter().all(|fault| fault.is_empty())
    }
}

/// Judges the `add`s of a history, each of an element that is its argument, by what was found afterwards; an element is found as often as it is
/// there.
#[must_use]
pub fn check<'a>(history: &History, found: impl IntoIterator<Item = &'a str>) -> Findings {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for element in found {
        *times.entry(element).or_default() += 1;
    }
    let mut findings = Findings::default();
    for (element, count) in &times {
        if *count > 1 {
            findings.doubled.push((*element).to_owned());
        }
    }
    for operation in history.operations().iter().filter(|operation| operation.function == Function::Add) {
        let element = operation.argument.to_string();
        let is_there = times.remove(element.as_str()).is_some();
        match (&operation.outcome, is_there) {
            (Outcome::Done, true) => findings.acknowledged += 1,
            (Outcome::Done, false) => {
                findings.acknowledged += 1;
                findings.lost.push(element);
            }
            (Outcome::Refused, true) => findings.refused_but_there.push(element),
            (Outcome::Refused, false) => {}
            (Outcome::Unknown, _) => findings.unknown += 1,
        }
    }
    findings.unasked = times.into_keys().map(str::to_owned).collect();
    findings
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::history::Operation;
    use crate::value::Value;

    fn history(outcomes: &[(&str, Outcome)]) -> History {
        let operation = |(client, (element, outcome)): (usize, &(&str, Outcome))| Operation {
            client,
            node: 0,
            function: Function::Add,
            key: String::new(),
            argument: (*element).into(),
            answer: Value::Nil,
            sent_at: Duration::ZERO,
            ended_at: Duration::ZERO,
            outcome: *outcome,
        };
        outcomes.iter().enumerate().map(operation).collect()
    }

    #[test]
    fn an_unknown_outcome_may_be_there_or_not() {
        let history = history(&[("a", Outcome::Done), ("b", Outcome::Unknown), ("c", Outcome::Refused)]);
        assert!(check(&history, ["a", "b"]).is_valid());
        assert!(check(&history, ["a"]).is_valid());
    }

    #[test]
    fn every_kind_of_fault_is_found() {
        let history = history(&[("a", Outcome::Done), ("b", Outcome::Unknown), ("c", Outcome::Refused)]);
        assert_eq!(check(&history, ["b"]).lost, ["a"]);
        assert_eq!(check(&history, ["a", "b", "b"]).doubled, ["b"]);
        assert_eq!(check(&history, ["a", "c"]).refused_but_there, ["c"]);
        assert_eq!(check(&history, ["a", "d"]).unasked, ["d"]);
        for found in [vec!["b"], vec!["a", "b", "b"], vec!["a", "c"], vec!["a", "d"]] {
            assert!(!check(&history, found).is_valid());
        }
    }

    #[test]
    fn a_run_without_an_acknowledged_write_proves_nothing() {
        assert!(!check(&history(&[("a", Outcome::Unknown)]), ["a"]).is_valid());
    }
}

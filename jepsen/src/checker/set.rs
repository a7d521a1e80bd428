//! Elements that are added once each: what was acknowledged is there, and nothing is there twice.

use std::collections::BTreeMap;

use crate::checker::Checker;
use crate::checker::verdict::{self, Fault, Verdict};
use crate::function::Function;
use crate::history::{History, Operation, Outcome};

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

/// Judges `add`s by the last `read` of each node that was sent after all of them had ended; it answers what is
/// there.
#[derive(Debug)]
pub struct Set;

impl Checker for Set {
    fn name(&self) -> &'static str {
        "what was acknowledged is there once"
    }

    fn check(&self, history: &History) -> Verdict {
        let mut findings = verdict::Findings::default();
        let adds = || history.operations().iter().filter(|operation| operation.function == Function::Add);
        let end = adds().map(|add| add.ended_at).max().unwrap_or_default();
        let mut last: BTreeMap<usize, &Operation> = BTreeMap::new();
        for read in history.operations() {
            if read.function == Function::Read && read.is_done() && read.sent_at >= end {
                let newest = last.entry(read.node).or_insert(read);
                if read.ended_at > newest.ended_at {
                    *newest = read;
                }
            }
        }
        if last.is_empty() && adds().next().is_some() {
            return Verdict::TooLittle { missing: vec!["a read after the last add".to_owned()] };
        }
        for read in last.into_values() {
            let found: Vec<String> = read.answer.items().iter().map(ToString::to_string).collect();
            let found = check(history, found.iter().map(String::as_str));
            let node = read.node + 1;
            let mut add = |elements: &[String], what: &str| {
                for element in elements {
                    let of_element = adds().filter(|add| add.argument.to_string() == *element);
                    findings.add(Fault::of(format!("{element} {what} on n{node}"), of_element.chain([read])));
                }
            };
            add(&found.lost, "was acknowledged and is lost");
            add(&found.doubled, "is there more than once");
            add(&found.refused_but_there, "was refused and is there");
            add(&found.unasked, "is there and was never asked for");
        }
        findings.verdict()
    }

    fn needs(&self, operation: &Operation, other: &Operation) -> bool {
        operation.function == Function::Read
            && other.function == Function::Add
            && operation.answer.items().contains(&other.argument)
    }
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

    #[test]
    fn each_node_is_judged_by_its_last_read_after_all_adds() {
        use crate::checker::testing::{operation, read};
        let add = |element: &str, from, to| operation(Function::Add, element, from, to).of("");
        let read = |elements: &[&str], at| read(Value::texts(elements.iter().copied()), at, at + 1).of("");
        let adds = [add("a", 0, 5), add("b", 1, 6)];
        let with = |reads: Vec<Operation>| Set.check(&adds.iter().cloned().chain(reads).collect());
        assert!(matches!(with(vec![read(&["a"], 3)]), Verdict::TooLittle { .. }));
        assert!(with(vec![read(&["a"], 3), read(&["b", "a"], 8)]).is_passed());
        assert!(with(vec![read(&["a", "b"], 8), read(&["b"], 8).on(1)]).is_failed());
        assert!(with(vec![read(&["a", "b", "b"], 8)]).is_failed());
    }
}

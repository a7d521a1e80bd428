//! Versions that only grow: whoever looks never sees less than what was shown before, by whichever node, and nothing that
//! nobody wrote.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::checker::Checker;
use crate::checker::verdict::{Fault, Findings, Verdict};
use crate::function::Function;
use crate::history::{History, Operation};
use crate::value::Value;

/// Judges `read`s that answer a number, and `write`s of higher and higher ones, by key: each `write` is sent after the one before
/// it has ended, and none after one with an unknown outcome, which could take effect when higher ones are there.
#[derive(Debug)]
pub struct Monotonic;

impl Checker for Monotonic {
    fn name(&self) -> &'static str {
        "versions never go back"
    }

    fn check(&self, history: &History) -> Verdict {
        let mut findings = Findings::default();
        for (key, operations) in history.by_key() {
            check_key(key, &operations, &mut findings);
        }
        findings.verdict()
    }

    /// What a `read` shows would be unasked for without its `write`.
    fn needs(&self, operation: &Operation, other: &Operation) -> bool {
        operation.function == Function::Read
            && other.function == Function::Write
            && operation.key == other.key
            && operation.answer == other.argument
    }
}

fn check_key(key: &str, operations: &[&Operation], findings: &mut Findings) {
    let shows = |operation: &Operation| match (operation.function, operation.is_done()) {
        (Function::Read, true) => version(&operation.answer),
        (Function::Write, true) => version(&operation.argument),
        _ => None,
    };
    let mut ends: Vec<(&Operation, i64)> =
        operations.iter().filter_map(|operation| Some((*operation, shows(operation)?))).collect();
    ends.sort_by_key(|(operation, _)| operation.ended_at);
    let mut ends = ends.into_iter().peekable();
    let written = sent(operations);
    // The highest version that was shown or acknowledged before the read was sent.
    let mut highest: Option<(&Operation, i64)> = None;
    for read in operations.iter().filter(|operation| operation.function == Function::Read) {
        let Some(seen) = shows(read) else { continue };
        if seen != NOTHING && written.get(&seen).is_none_or(|sent_at| read.ended_at < *sent_at) {
            let what = format!("{key}: n{} shows {seen}, which nobody had written", read.node + 1);
            findings.add(Fault::of(what, [*read]));
        }
        while let Some((before, version)) = ends.next_if(|(before, _)| before.is_before(read)) {
            if highest.is_none_or(|(_, highest)| highest < version) {
                highest = Some((before, version));
            }
        }
        if let Some((before, version)) = highest.filter(|(_, version)| *version > seen) {
            let (first, second) = (before.node + 1, read.node + 1);
            let seen = &read.answer;
            let what = format!("{key}: n{second} shows {seen} after n{first} had shown {version}");
            findings.add(Fault::of(what, [before, read]));
        }
    }
}

/// The versions that somebody asked for and was not refused, and since when.
fn sent(operations: &[&Operation]) -> BTreeMap<i64, Duration> {
    let mut since: BTreeMap<i64, Duration> = BTreeMap::new();
    for write in operations.iter().filter(|operation| operation.may_have_effect()) {
        if let Some(version) = version(&write.argument) {
            let first = since.entry(version).or_insert(write.sent_at);
            *first = write.sent_at.min(*first);
        }
    }
    since
}

/// Less than any version.
const NOTHING: i64 = i64::MIN;

/// The number of a version.
fn version(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Nil => Some(NOTHING),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::testing::{history, read, write};

    /// Whether what was done after three versions had been asked for at the beginning is wrong.
    fn is_failed(mut operations: Vec<Operation>) -> bool {
        operations.extend((1..=3).map(|version| write(version, 0, 40).unknown()));
        Monotonic.check(&history(operations)).is_failed()
    }

    #[test]
    fn what_was_shown_is_not_taken_back_by_any_node() {
        assert!(!is_failed(vec![read(1, 0, 5), read(2, 6, 9).on(1), read(2, 10, 11)]));
        assert!(is_failed(vec![read(2, 0, 5), read(1, 6, 9).on(1)]));
        assert!(is_failed(vec![read(2, 0, 5), read(3, 1, 30), read(Value::Nil, 6, 9)]));
        assert!(is_failed(vec![write(2, 0, 5), read(1, 6, 9)]), "an acknowledged version is shown");
    }

    #[test]
    fn concurrent_reads_may_differ() {
        assert!(!is_failed(vec![read(2, 0, 5), read(1, 5, 9)]));
        assert!(!is_failed(vec![read(2, 0, 5).unknown(), read(1, 6, 9)]));
        assert!(!is_failed(vec![read(2, 0, 5), write(1, 0, 3).of("another"), read(1, 6, 9).of("another")]));
        assert!(!is_failed(vec![write(2, 0, 5).unknown(), read(1, 6, 9)]));
    }

    #[test]
    fn only_what_somebody_wrote_is_shown() {
        assert!(is_failed(vec![read(7, 10, 11)]), "nobody wrote it");
        assert!(is_failed(vec![read(2, 10, 11).of("another")]), "it was written elsewhere");
        assert!(is_failed(vec![write(7, 0, 5).refused(), read(7, 10, 11)]), "it was refused");
        assert!(is_failed(vec![read(7, 10, 11), write(7, 12, 15)]), "it was written later");
        assert!(!is_failed(vec![read(7, 10, 13), write(7, 12, 15)]));
        assert!(!is_failed(vec![write(7, 0, 5).unknown(), read(7, 10, 11)]));
        assert!(!is_failed(vec![read(Value::Nil, 10, 11)]));
    }
}

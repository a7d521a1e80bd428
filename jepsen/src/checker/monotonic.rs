//! Versions that only grow: whoever looks never sees less than what was shown before, by whichever node, and nothing that
//! nobody wrote.

use std::collections::BTreeMap;

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
    let written = written(operations);
    // The highest version that was shown or acknowledged before the read was sent.
    let mut highest: Option<(&Operation, i64)> = None;
    for read in operations.iter().filter(|operation| operation.function == Function::Read) {
        let Some(seen) = shows(read) else { continue };
        let writes_of = |version| written.get(&version).into_iter().flatten().copied();
        if seen != NOTHING && writes_of(seen).all(|write| read.ended_at < write.sent_at) {
            let what = format!("{key}: n{} shows {seen}, which nobody had written", read.node + 1);
            findings.add(Fault::of(what, writes_of(seen).chain([*read])));
        }
        while let Some((before, version)) = ends.next_if(|(before, _)| before.is_before(read)) {
            if highest.is_none_or(|(_, highest)| highest < version) {
                highest = Some((before, version));
            }
        }
        if let Some((before, version)) = highest.filter(|(_, version)| *version > seen) {
            let (first, second, shown) = (before.node + 1, read.node + 1, &read.answer);
            let what = format!("{key}: n{second} shows {shown} after n{first} had shown {version}");
            // With the writes: without them it would be a wonder that the versions are there at all.
            let writes = writes_of(version).chain(writes_of(seen));
            findings.add(Fault::of(what, writes.chain([before, *read])));
        }
    }
}

/// The writes of each version that were not refused.
fn written<'a>(operations: &[&'a Operation]) -> BTreeMap<i64, Vec<&'a Operation>> {
    let mut by_version: BTreeMap<i64, Vec<&Operation>> = BTreeMap::new();
    for write in operations.iter().filter(|operation| operation.may_have_effect()) {
        if let Some(version) = version(&write.argument) {
            by_version.entry(version).or_default().push(write);
        }
    }
    by_version
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
    use crate::checker::shrink::smallest_fault;
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
    #[test]
    fn the_smallest_part_shows_the_same_fault() {
        let operations = [write(1, 0, 1), write(2, 2, 3), read(2, 4, 5), read(1, 6, 7)];
        let Verdict::Failed { faults, .. } = Monotonic.check(&history(operations)) else {
            panic!("it failed")
        };
        let smallest = smallest_fault(&Monotonic, faults[0].part.clone()).unwrap();
        assert!(smallest.what.contains("shows 1 after"), "{}", smallest.what);
    }
}

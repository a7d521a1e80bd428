//! Versions that only grow: whoever looks never sees less than what was shown before, by whichever node.

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

    fn needs(&self, _: &Operation, _: &Operation) -> bool {
        false
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
    // The highest version that was shown or acknowledged before the read was sent.
    let mut highest: Option<(&Operation, i64)> = None;
    for read in operations.iter().filter(|operation| operation.function == Function::Read) {
        let Some(seen) = shows(read) else { continue };
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

/// Nothing is less than any number.
fn version(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Nil => Some(i64::MIN),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::testing::{history, read, write};

    fn is_failed(operations: Vec<Operation>) -> bool {
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
        assert!(!is_failed(vec![read(2, 0, 5), read(1, 6, 9).of("another")]));
        assert!(!is_failed(vec![write(2, 0, 5).unknown(), read(1, 6, 9)]));
    }
}

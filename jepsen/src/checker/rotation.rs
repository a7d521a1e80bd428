//! Rotation of keys: every token is valid on every node for its whole life, and in the end all nodes have the
//! same keys.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::checker::Checker;
use crate::checker::verdict::{Fault, Findings, Verdict};
use crate::function::Function;
use crate::history::{History, Operation};
use crate::recording::Recording;
use crate::value::Value;

/// The option of a recording that tells how long a token lives, in milliseconds; without it, longer than
/// the run.
pub const TOKEN_LIFETIME: &str = "token_lifetime_ms";

/// Judges `validate`s of tokens (the key) that were `issue`d, and the last `keys` of each node.
#[derive(Debug)]
pub struct Rotation {
    lifetime: Option<Duration>,
}

impl Rotation {
    /// Takes the lifetime of tokens from the options of the run.
    #[must_use]
    pub fn of(recording: &Recording) -> Self {
        let milliseconds = recording.options.get(TOKEN_LIFETIME).and_then(|text| text.parse().ok());
        Self { lifetime: milliseconds.map(Duration::from_millis) }
    }
}

impl Checker for Rotation {
    fn name(&self) -> &'static str {
        "tokens outlive rotations"
    }

    fn check(&self, history: &History) -> Verdict {
        let mut findings = Findings::default();
        for (token, operations) in history.by_key() {
            self.check_token(token, &operations, &mut findings);
        }
        check_keys(history, &mut findings);
        findings.verdict()
    }

    fn needs(&self, operation: &Operation, other: &Operation) -> bool {
        operation.function == Function::Validate
            && other.function == Function::Issue
            && operation.key == other.key
    }
}

impl Rotation {
    fn check_token(&self, token: &str, operations: &[&Operation], findings: &mut Findings) {
        let mut issues = operations.iter().filter(|operation| operation.function == Function::Issue);
        let Some(issue) = issues.find(|issue| issue.is_done()) else { return };
        for validate in operations.iter().filter(|operation| operation.function == Function::Validate) {
            let is_over = self
                .lifetime
                .is_some_and(|lifetime| validate.ended_at >= issue.sent_at.saturating_add(lifetime));
            if validate.is_done() && validate.answer == Value::Bool(false) && !is_over {
                let (first, second) = (issue.node + 1, validate.node + 1);
                let age = validate.ended_at.saturating_sub(issue.ended_at).as_secs_f64();
                let what =
                    format!("{token}: issued by n{first}, not valid on n{second} at an age of {age:.3} s");
                findings.add(Fault::of(what, [*issue, *validate]));
            }
        }
    }
}

/// The last list of keys of each node is the same.
fn check_keys(history: &History, findings: &mut Findings) {
    let mut last: BTreeMap<usize, &Operation> = BTreeMap::new();
    for operation in history.operations() {
        if operation.function == Function::Keys && operation.is_done() {
            let newest = last.entry(operation.node).or_insert(operation);
            if operation.ended_at > newest.ended_at {
                *newest = operation;
            }
        }
    }
    let mut lists = last.values();
    let Some(first) = lists.next() else { return };
    for other in lists.filter(|other| other.answer != first.answer) {
        let (one, another) = (first.node + 1, other.node + 1);
        let what = format!(
            "the keys diverge: n{one} has {} and n{another} has {} in the end",
            first.answer, other.answer
        );
        findings.add(Fault::of(what, [*first, *other]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::testing::{history, operation};

    fn issue(from: u64, to: u64) -> Operation {
        operation(Function::Issue, Value::Nil, from, to)
    }

    fn validate(is_valid: bool, from: u64, to: u64) -> Operation {
        operation(Function::Validate, Value::Nil, from, to).answering(is_valid).on(1)
    }

    fn keys(node: usize, at: u64, keys: &[&str]) -> Operation {
        let keys = Value::texts(keys.iter().copied());
        operation(Function::Keys, Value::Nil, at, at + 1).answering(keys).of("").on(node)
    }

    fn is_failed(operations: Vec<Operation>, lifetime_ms: Option<u64>) -> bool {
        let rotation = Rotation { lifetime: lifetime_ms.map(Duration::from_millis) };
        rotation.check(&history(operations)).is_failed()
    }

    #[test]
    fn a_token_is_valid_until_its_life_is_over() {
        assert!(!is_failed(vec![issue(0, 5), validate(true, 6, 7)], None));
        assert!(is_failed(vec![issue(0, 5), validate(false, 6, 7)], None));
        assert!(is_failed(vec![issue(0, 5), validate(false, 98, 99)], Some(100)));
        assert!(!is_failed(vec![issue(0, 5), validate(false, 98, 100)], Some(100)));
        assert!(!is_failed(vec![issue(0, 5), validate(false, 6, 7).unknown()], None));
        assert!(
            !is_failed(vec![issue(0, 5).unknown(), validate(false, 6, 7)], None),
            "who has such a token?"
        );
    }

    #[test]
    fn only_the_last_keys_of_the_nodes_have_to_agree() {
        let during = [keys(0, 1, &["a"]), keys(1, 1, &["a", "b"])];
        let after = [keys(0, 5, &["a", "b"]), keys(1, 5, &["a", "b"])];
        assert!(!is_failed(during.iter().chain(&after).cloned().collect(), None));
        assert!(is_failed(after.iter().chain(&[keys(2, 9, &["b", "a"])]).cloned().collect(), None));
    }

    #[test]
    fn the_lifetime_is_an_option_of_the_run() {
        let options = [(TOKEN_LIFETIME.to_owned(), "1500".to_owned())].into();
        let rotation = Rotation::of(&Recording { options, ..Recording::default() });
        assert_eq!(rotation.lifetime, Some(Duration::from_millis(1500)));
    }
}

//! Rotation of keys: every token is valid on every node for its whole life, and in the end all nodes have the
//! same keys.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::checker::Checker;
use crate::checker::verdict::{Fault, Findings, Verdict};
use crate::function::Function;
use crate::history::{History, Operation, Outcome};
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

    /// A validation needs the issue of its token; keys, all that may have changed them.
    fn needs(&self, operation: &Operation, other: &Operation) -> bool {
        match operation.function {
            Function::Validate => other.function == Function::Issue && operation.key == other.key,
            Function::Keys => other.function == Function::Rotate && other.may_have_effect(),
            _ => false,
        }
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

/// What every node has changes with each rotation and never back; and the last list of each node is the same, of
/// those asked for after the last rotation. One with an unknown outcome may yet come, between any two looks.
fn check_keys(history: &History, findings: &mut Findings) {
    let of = |function| history.operations().iter().filter(move |operation| operation.function == function);
    let mut looks: Vec<&Operation> = of(Function::Keys).filter(|look| look.is_done()).collect();
    looks.sort_by_key(|look| look.ended_at);
    check_order(&looks, findings);
    let late: Vec<&Operation> =
        of(Function::Rotate).filter(|rotation| rotation.outcome == Outcome::Unknown).collect();
    let done = of(Function::Rotate).filter(|rotation| rotation.is_done());
    let settled = done.map(|rotation| rotation.ended_at).max().unwrap_or_default();
    let last: BTreeMap<usize, &Operation> =
        looks.iter().filter(|look| look.sent_at > settled).map(|look| (look.node, *look)).collect();
    let mut keys: BTreeMap<&Value, &Operation> = BTreeMap::new();
    for look in last.values() {
        keys.entry(&look.answer).or_insert(look);
    }
    if keys.len() > late.len() + 1 {
        let of = |look: &&Operation| format!("n{} has {}", look.node + 1, look.answer);
        let each: Vec<String> = keys.values().map(of).collect();
        let what = format!("the keys diverge in the end: {}", each.join(", "));
        findings.add(Fault::of(what, keys.into_values().chain(late)));
    }
}

/// No keys are shown again once others were; `looks` are by their ends.
fn check_order(looks: &[&Operation], findings: &mut Findings) {
    let mut first: BTreeMap<&Value, &Operation> = BTreeMap::new();
    for (number, look) in looks.iter().enumerate() {
        let earliest = *first.entry(&look.answer).or_insert(look);
        let is_between = |other: &&&Operation| {
            other.answer != look.answer && earliest.is_before(other) && other.is_before(look)
        };
        if let Some(other) = looks.iter().take(number).find(is_between) {
            let (node, another) = (look.node + 1, other.node + 1);
            let what = format!("n{node} shows keys again that n{another} no longer had: {}", look.answer);
            findings.add(Fault::of(what, [earliest, other, look]));
        }
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
        let diverged = keys(2, 9, &["b", "c"]);
        assert!(is_failed(after.iter().chain([&diverged]).cloned().collect(), None));
        let rotate = |from, to| operation(Function::Rotate, Value::Nil, from, to).of("");
        let and = |rotation: Operation| after.iter().chain([&diverged]).cloned().chain([rotation]).collect();
        assert!(is_failed(and(rotate(0, 4)), None), "they were settled");
        assert!(!is_failed(and(rotate(7, 9)), None), "only one of them is after the rotation");
        assert!(!is_failed(and(rotate(0, 4).unknown()), None), "it may have come between");
        assert!(is_failed(and(rotate(7, 9).refused()), None), "it has changed nothing");
    }

    #[test]
    fn a_rotation_that_may_yet_come_changes_the_keys_once() {
        let late = || operation(Function::Rotate, Value::Nil, 0, 4).of("").unknown();
        let looks = || [keys(0, 5, &["a"]), keys(1, 7, &["b"]), keys(2, 9, &["c"])];
        assert!(is_failed(looks().into_iter().chain([late()]).collect(), None));
        assert!(!is_failed(looks().into_iter().chain([late(), late().by(1)]).collect(), None));
        let fault = match (Rotation { lifetime: None }).check(&history(looks().into_iter().chain([late()]))) {
            Verdict::Failed { faults, .. } => faults[0].clone(),
            verdict => panic!("{verdict:?}"),
        };
        assert_eq!(fault.what, "the keys diverge in the end: n1 has [a], n2 has [b], n3 has [c]");
        assert!(is_failed(fault.part, None), "the part fails by itself");
    }

    #[test]
    fn keys_that_were_replaced_are_not_shown_again() {
        let looks = |last| vec![keys(0, 1, &["a"]), keys(1, 5, &["b"]), keys(2, last, &["a"])];
        let late = operation(Function::Rotate, Value::Nil, 0, 4).of("").unknown();
        assert!(is_failed(looks(9).into_iter().chain([late.clone()]).collect(), None));
        assert!(!is_failed(looks(4).into_iter().chain([late]).collect(), None));
    }

    #[test]
    fn the_lifetime_is_an_option_of_the_run() {
        let options = [(TOKEN_LIFETIME.to_owned(), "1500".to_owned())].into();
        let rotation = Rotation::of(&Recording { options, ..Recording::default() });
        assert_eq!(rotation.lifetime, Some(Duration::from_millis(1500)));
    }
}

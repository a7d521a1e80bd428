//! Revoked tokens: never valid after the acknowledgement, never valid again once shown as revoked, and valid
//! as long as nobody revoked them.

use crate::checker::Checker;
use crate::checker::verdict::{Fault, Findings, Verdict};
use crate::function::Function;
use crate::history::{History, Operation};
use crate::value::Value;

/// Judges `revoke`s against the `validate`s of the same token (the key), which answer whether it is valid.
#[derive(Debug)]
pub struct Revocation;

impl Checker for Revocation {
    fn name(&self) -> &'static str {
        "revoked tokens stay revoked"
    }

    fn check(&self, history: &History) -> Verdict {
        let mut findings = Findings::default();
        for (token, operations) in history.by_key() {
            check_token(token, &operations, &mut findings);
        }
        findings.verdict()
    }

    /// A token that is not valid needs what could have revoked it.
    fn needs(&self, operation: &Operation, other: &Operation) -> bool {
        operation.key == other.key
            && operation.function == Function::Validate
            && operation.answer == Value::Bool(false)
            && other.function == Function::Revoke
    }
}

fn check_token(token: &str, operations: &[&Operation], findings: &mut Findings) {
    let of = |function| operations.iter().copied().filter(move |operation| operation.function == function);
    let validations = |is_valid| {
        of(Function::Validate)
            .filter(move |validate| validate.is_done() && validate.answer == Value::Bool(is_valid))
    };
    let revoked = of(Function::Revoke).filter(|revoke| revoke.is_done()).min_by_key(|revoke| revoke.ended_at);
    let shown = validations(false).min_by_key(|validate| validate.ended_at);
    for valid in validations(true) {
        if let Some(revoked) = revoked.filter(|revoked| revoked.is_before(valid)) {
            let way = &revoked.argument;
            let node = valid.node + 1;
            let what = format!("{token}: valid on n{node} after its revocation ({way}) was acknowledged");
            findings.add(Fault::of(what, [revoked, valid]));
        } else if let Some(shown) = shown.filter(|shown| shown.is_before(valid)) {
            let (first, second) = (shown.node + 1, valid.node + 1);
            let what = format!("{token}: valid on n{second} after n{first} had shown it as revoked");
            let revokes = of(Function::Revoke).filter(|revoke| revoke.may_have_effect());
            findings.add(Fault::of(what, revokes.chain([shown, valid])));
        }
    }
    for invalid in validations(false) {
        let could_revoke =
            |revoke: &Operation| revoke.may_have_effect() && revoke.sent_at <= invalid.ended_at;
        if !of(Function::Revoke).any(could_revoke) {
            let node = invalid.node + 1;
            let what = format!("{token}: not valid on n{node} although nobody had revoked it");
            let issues = of(Function::Issue).filter(|issue| issue.is_done());
            findings.add(Fault::of(what, issues.chain([invalid])));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::checker::linearizable::{self, Call, Model, Search};
    use crate::checker::testing::{history, operation};

    fn revoke(from: u64, to: u64) -> Operation {
        operation(Function::Revoke, "user", from, to).by(9)
    }

    fn validate(is_valid: bool, from: u64, to: u64) -> Operation {
        operation(Function::Validate, Value::Nil, from, to).answering(is_valid)
    }

    fn faults(operations: Vec<Operation>) -> usize {
        match Revocation.check(&history(operations)) {
            Verdict::Failed { count, .. } => count,
            _ => 0,
        }
    }

    #[test]
    fn a_token_may_be_valid_until_its_revocation_is_acknowledged() {
        let before =
            vec![validate(true, 0, 5), revoke(10, 20), validate(true, 15, 25), validate(false, 26, 30)];
        assert_eq!(faults(before), 0);
        assert_eq!(faults(vec![revoke(10, 20), validate(false, 11, 12), validate(false, 13, 14)]), 0);
        assert_eq!(faults(vec![revoke(10, 20), validate(true, 20, 25)]), 0, "what touches is concurrent");
    }

    #[test]
    fn a_token_is_not_valid_after_the_acknowledgement() {
        assert_eq!(faults(vec![revoke(10, 20), validate(true, 21, 25)]), 1);
        assert_eq!(faults(vec![revoke(10, 20), validate(true, 21, 25).of("another")]), 0);
    }

    #[test]
    fn what_one_node_has_shown_no_node_takes_back() {
        let shown = |revoke: Operation| vec![revoke, validate(false, 12, 13), validate(true, 14, 15).on(2)];
        assert_eq!(faults(shown(revoke(10, 20))), 1);
        assert_eq!(faults(shown(revoke(10, 11).unknown())), 1);
        let concurrent = vec![revoke(10, 20), validate(false, 12, 15), validate(true, 14, 16)];
        assert_eq!(faults(concurrent), 0);
    }

    #[test]
    fn an_unknown_revocation_may_be_applied_at_any_time_or_never() {
        assert_eq!(faults(vec![revoke(10, 20).unknown(), validate(true, 900, 901)]), 0);
        assert_eq!(faults(vec![revoke(10, 20).unknown(), validate(false, 900, 901)]), 0);
    }

    #[test]
    fn a_token_that_nobody_revoked_is_valid() {
        assert_eq!(faults(vec![validate(false, 1, 2)]), 1);
        assert_eq!(faults(vec![validate(false, 1, 2), revoke(3, 4)]), 1, "it was revoked only later");
        assert_eq!(faults(vec![revoke(0, 1).refused(), validate(false, 2, 3)]), 1);
        assert_eq!(faults(vec![validate(false, 1, 2).unknown()]), 0, "no answer says nothing");
    }

    /// Valid until the first revocation takes effect.
    struct Validity;

    impl Model for Validity {
        type State = bool;

        fn initial(&self) -> bool {
            true
        }

        fn step(&self, state: &bool, operation: &Operation) -> Option<bool> {
            match operation.function {
                Function::Revoke => Some(false),
                _ => (operation.answer == Value::Bool(*state)).then_some(*state),
            }
        }
    }

    prop_compose! {
        fn operations()(kind in 0..4, outcome in 0..5, from in 0..12_u64, length in 1..8_u64) -> Operation {
            let (from, to) = (2 * from, 2 * from + length);
            let operation = match kind {
                0 => revoke(from, to),
                1 => validate(false, from, to),
                _ => validate(true, from, to),
            };
            if outcome == 0 { operation.unknown() } else { operation }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn the_rules_find_what_no_order_explains(operations in prop::collection::vec(operations(), 0..9)) {
            let is_call = |operation: &&Operation| operation.is_done() || operation.function == Function::Revoke;
            let calls: Vec<Call<'_>> = operations.iter().filter(is_call).map(Call::of).collect();
            let search = linearizable::search(&Validity, &calls, 100_000);
            prop_assert_eq!(faults(operations) == 0, search == Search::Linearizable);
        }
    }
}

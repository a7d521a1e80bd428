use proptest::prelude::*;

use super::*;
use crate::checker::testing::{history, operation};

fn grant(role: &str, from: u64, to: u64) -> Operation {
    operation(Function::Grant, role, from, to)
}

fn remove(role: &str, from: u64, to: u64) -> Operation {
    operation(Function::RevokeGrant, role, from, to)
}

/// A removal that finds nothing.
fn absent(role: &str, from: u64, to: u64) -> Operation {
    remove(role, from, to).answering(false)
}

fn issue(roles: &[&str], from: u64, to: u64) -> Operation {
    operation(Function::Issue, Value::Nil, from, to).answering(Value::texts(roles.iter().copied()))
}

fn validate(roles: &[&str], from: u64, to: u64) -> Operation {
    operation(Function::Validate, Value::Nil, from, to).answering(Value::texts(roles.iter().copied())).on(1)
}

fn invalid(from: u64, to: u64) -> Operation {
    operation(Function::Validate, Value::Nil, from, to).on(2)
}

/// What is wrong, without the user.
fn fault(operations: Vec<Operation>) -> Option<String> {
    match Grants::default().check(&history(operations)) {
        Verdict::Failed { faults, .. } => Some(faults[0].what.trim_start_matches("k: ").to_owned()),
        _ => None,
    }
}

#[test]
fn a_removed_role_is_in_no_later_token() {
    let removed = || vec![grant("a", 0, 5), remove("a", 6, 9)];
    let and = |operation: Operation| removed().into_iter().chain([operation]).collect::<Vec<_>>();
    let new = "a new token of n1 has a after its removal was acknowledged";
    assert_eq!(fault(and(issue(&["a"], 10, 12))), Some(new.to_owned()));
    let validation = "a validation of n2 has a after its removal was acknowledged";
    assert_eq!(fault(and(validate(&["b", "a"], 10, 12))), Some(validation.to_owned()));
    assert_eq!(fault(and(issue(&["a"], 9, 12))), None, "what touches is concurrent");
    assert_eq!(fault(and(issue(&["b"], 10, 12))), None);
    assert_eq!(fault(and(issue(&["a"], 10, 12).unknown())), None);
}

#[test]
fn a_role_that_is_given_again_may_be_there() {
    let again = |grant: Operation| {
        fault(vec![self::grant("a", 0, 5), remove("a", 6, 9), grant, issue(&["a"], 13, 14)])
    };
    assert_eq!(again(grant("a", 10, 12)), None);
    assert_eq!(again(grant("a", 13, 20)), None, "concurrently");
    assert_eq!(again(grant("a", 7, 8).unknown()), None, "it may be applied late");
    assert!(again(grant("a", 10, 12).refused()).is_some());
    assert!(again(grant("a", 15, 20)).is_some());
    assert!(again(grant("a", 10, 12).of("another")).is_some());
    assert!(again(grant("b", 10, 12)).is_some());
}

#[test]
fn a_granted_role_is_there() {
    let lacks = "a new token of n1 lacks a after its grant was acknowledged";
    assert_eq!(fault(vec![grant("a", 0, 5), issue(&[], 6, 7)]), Some(lacks.to_owned()));
    assert_eq!(fault(vec![grant("a", 0, 5), issue(&[], 5, 7)]), None);
    assert_eq!(fault(vec![grant("a", 0, 5).unknown(), issue(&[], 6, 7)]), None);
    assert_eq!(fault(vec![grant("a", 0, 5), remove("a", 6, 7).unknown(), issue(&[], 8, 9)]), None);
    let nobody = "a new token of n1 has a, which nobody granted";
    assert_eq!(fault(vec![issue(&["a"], 0, 1), grant("a", 2, 5)]), Some(nobody.to_owned()));
    assert_eq!(fault(vec![issue(&["z"], 0, 1)]), None, "z is not of this history");
}

#[test]
fn what_one_node_has_shown_no_node_takes_back() {
    let shown = |removal: Operation| {
        fault(vec![grant("a", 0, 5), removal, issue(&[], 12, 13), validate(&["a"], 14, 15)])
    };
    let again = "a validation of n2 has a again, which n1 no longer showed";
    assert_eq!(shown(remove("a", 10, 30)), Some(again.to_owned()));
    assert_eq!(shown(remove("a", 10, 11).unknown()), Some(again.to_owned()));
    let shown = vec![grant("a", 0, 30), issue(&["a"], 2, 3), validate(&[], 4, 5)];
    assert_eq!(fault(shown), Some("a validation of n2 lacks a, which n1 showed".to_owned()));
}

#[test]
fn a_token_of_a_user_with_a_role_is_valid() {
    let what = "a token is not valid on n3 although its user has a role";
    assert_eq!(fault(vec![grant("a", 0, 5), invalid(6, 7)]), Some(what.to_owned()));
    let removed = vec![grant("a", 0, 5), remove("a", 6, 9), invalid(8, 9)];
    assert_eq!(fault(removed), Some(what.to_owned()), "it has another role still");
    assert_eq!(fault(vec![invalid(6, 7).unknown()]), None);
    let named = |operation: Operation| Operation { argument: "token 1".into(), ..operation };
    let Verdict::Failed { faults, .. } = Grants::default().check(&history([
        named(issue(&[], 0, 1)),
        issue(&[], 2, 3),
        named(invalid(12, 13)),
    ])) else {
        panic!("it passed")
    };
    assert_eq!(faults[0].part, [named(issue(&[], 0, 1)), named(invalid(12, 13))]);
}

#[test]
fn a_removal_that_finds_nothing_shows_that_nothing_was_there() {
    let acknowledged = "a removal on n1 finds no a after its grant was acknowledged";
    assert_eq!(fault(vec![grant("a", 0, 5), absent("a", 6, 9)]), Some(acknowledged.to_owned()));
    assert_eq!(fault(vec![grant("a", 0, 5), absent("a", 5, 9)]), None, "what touches is concurrent");
    assert_eq!(fault(vec![absent("a", 0, 5), grant("a", 6, 9), issue(&["a"], 10, 11)]), None);
    assert_eq!(fault(vec![grant("a", 0, 5), remove("a", 6, 9), absent("a", 10, 11)]), None);
    assert_eq!(fault(vec![grant("a", 0, 5), remove("a", 6, 9).unknown(), absent("a", 10, 11)]), None);
    assert_eq!(fault(vec![grant("a", 0, 5), absent("b", 6, 9)]), None);
    let seen = "a removal on n1 finds no a, which n2 showed";
    assert_eq!(
        fault(vec![grant("a", 0, 5).unknown(), validate(&["a"], 6, 7), absent("a", 8, 9)]),
        Some(seen.to_owned())
    );
    let again = "a validation of n2 has a again, which n1 no longer showed";
    let operations =
        vec![grant("a", 0, 5), remove("a", 6, 30), absent("a", 10, 11), validate(&["a"], 12, 13)];
    assert_eq!(fault(operations), Some(again.to_owned()));
}

#[test]
fn what_no_two_operations_show_is_found_by_the_search() {
    // One grant and one removal, and three changes seen.
    let operations = vec![
        grant("a", 0, 100),
        remove("a", 0, 100),
        issue(&["a"], 10, 11),
        issue(&[], 20, 21),
        issue(&["a"], 30, 31),
    ];
    assert!(fault(operations.clone()).unwrap().starts_with("no order explains"));
    assert_eq!(fault(operations[..4].to_vec()), None);
}

#[test]
fn many_unknown_outcomes_do_not_overwhelm_the_search() {
    let mut operations = Vec::new();
    for n in 0..400 {
        let at = 10 * n;
        let change = if n % 2 == 0 { grant("a", at, at + 5) } else { remove("a", at, at + 5) };
        operations.push(if n % 3 == 0 { change.unknown() } else { change });
        operations.push(issue(if n % 2 == 0 { &["a"] } else { &[] }, at + 6, at + 9));
    }
    assert_eq!(Grants::default().check(&history(operations)), Verdict::Passed);
}

prop_compose! {
    fn operations()(kind in 0..5, outcome in 0..5, from in 0..12_u64, length in 1..8_u64) -> Operation {
        let (from, to) = (2 * from, 2 * from + length);
        let operation = match kind {
            0 => grant("a", from, to),
            1 => remove("a", from, to),
            2 => issue(&["a"], from, to),
            3 => absent("a", from, to),
            _ => validate(&[], from, to),
        };
        if outcome == 0 { operation.unknown() } else { operation }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn pairs_show_nothing_that_an_order_explains(operations in prop::collection::vec(operations(), 0..9)) {
        let operations: Vec<&Operation> = operations.iter().collect();
        let role = Value::from("a");
        let flag = Flag::new("k", &role, &operations);
        let (mut pairs, mut search) = (Findings::default(), Findings::default());
        flag.check_pairs(&mut pairs);
        Grants::default().search(&flag, &mut search);
        if pairs.has_fault() {
            prop_assert!(search.has_fault());
        }
    }
}

use proptest::prelude::*;

use super::*;
use crate::checker::testing::{history, operation};

fn create(id: &str, from: u64, to: u64) -> Operation {
    operation(Function::Create, Value::Nil, from, to).answering(id)
}

fn find(ids: &[&str], from: u64, to: u64) -> Operation {
    operation(Function::Find, Value::Nil, from, to).answering(Value::texts(ids.iter().copied()))
}

/// What is wrong, without the name.
fn faults(operations: Vec<Operation>) -> Vec<String> {
    match Unique.check(&history(operations)) {
        Verdict::Failed { faults, .. } => {
            faults.into_iter().map(|fault| fault.what.trim_start_matches("k: ").to_owned()).collect()
        }
        _ => Vec::new(),
    }
}

fn nothing() -> Vec<String> {
    Vec::new()
}

#[test]
fn exactly_one_of_many_gets_the_name() {
    let loser = create("", 1, 8).refused();
    assert_eq!(faults(vec![create("a", 0, 9), loser.clone(), find(&["a"], 10, 11)]), nothing());
    assert_eq!(faults(vec![create("a", 0, 9), create("b", 3, 8).on(2)]), ["given 2 times, by n3, n1"]);
    assert_eq!(faults(vec![create("a", 0, 9), create("b", 3, 8).of("another")]), nothing());
}

#[test]
fn a_refusal_needs_a_rival_that_began_before_its_end() {
    let loser = create("", 1, 8).refused();
    assert_eq!(faults(vec![loser.clone()]), ["refused by n1 although nobody could have had it"]);
    assert_eq!(faults(vec![loser.clone(), create("", 2, 3).refused()]).len(), 2, "losers only");
    assert_eq!(faults(vec![loser.clone(), create("a", 9, 12)]).len(), 1, "it came too late");
    assert_eq!(faults(vec![loser.clone(), create("a", 8, 12)]), nothing());
    assert_eq!(faults(vec![loser, create("", 0, 1).unknown()]), nothing());
}

#[test]
fn what_was_acknowledged_or_seen_is_found() {
    assert_eq!(faults(vec![create("a", 0, 5), find(&[], 6, 7)]), ["acknowledged and not found on n1"]);
    assert_eq!(faults(vec![create("a", 0, 5), find(&[], 5, 7)]), nothing());
    let lost = create("", 0, 5).unknown();
    assert_eq!(faults(vec![lost.clone(), find(&[], 6, 7), find(&["x"], 8, 9)]), nothing());
    assert_eq!(
        faults(vec![lost.clone(), find(&["x"], 6, 7).on(1), find(&[], 8, 9)]),
        ["found on n2 and then no more on n1"]
    );
    let refused = create("", 1, 6).refused();
    assert_eq!(faults(vec![lost, refused, find(&[], 8, 9)]), ["refused as taken and then not found on n1"]);
}

#[test]
fn what_is_found_is_what_was_created() {
    let another = ["n1 finds b, which is not what was created"];
    assert_eq!(faults(vec![create("a", 0, 5), find(&["b"], 6, 7)]), another);
    assert_eq!(faults(vec![create("a", 0, 5), create("", 0, 5).unknown(), find(&["b"], 6, 7)]), another);
    assert_eq!(faults(vec![find(&["b"], 6, 7), create("b", 9, 12)]), another, "before it was made");
    let lost = || vec![create("", 0, 5).unknown(), create("", 1, 5).unknown()];
    let and = |finds: [Operation; 2]| lost().into_iter().chain(finds).collect::<Vec<_>>();
    assert_eq!(faults(and([find(&["x"], 6, 7), find(&["x"], 8, 9)])), nothing());
    assert_eq!(faults(and([find(&["x"], 6, 7), find(&["y"], 8, 9)])), ["n1 finds another one than n1 did"]);
    assert_eq!(faults(vec![create("a", 0, 5), find(&["a", "b"], 6, 7)]), ["on n1 there are 2 of it"]);
}

#[test]
fn references_lead_somewhere() {
    let dangling = |ids: &[&str]| {
        operation(Function::Dangling, Value::Nil, 1, 2).answering(Value::texts(ids.iter().copied()))
    };
    assert_eq!(faults(vec![dangling(&[])]), nothing());
    assert_eq!(faults(vec![dangling(&["x"])]), ["on n1 references lead nowhere: [x]"]);
}

#[test]
fn what_no_rule_names_is_found_by_the_search() {
    // Whoever is refused came after the name was taken, and that was after it was not found.
    let operations =
        vec![create("", 0, 5).unknown(), create("", 6, 20).refused(), find(&[], 8, 30), create("a", 22, 40)];
    assert_eq!(faults(operations.clone()), ["no order explains what became of it by 0.040 s"]);
    assert_eq!(faults(operations[..3].to_vec()), nothing());
}

prop_compose! {
    fn operations()(kind in 0..6, id in 0..3_usize, from in 0..12_u64, length in 1..8_u64) -> Operation {
        let (from, to, id) = (2 * from, 2 * from + length, ["a", "b", "c"][id]);
        match kind {
            0 => create(id, from, to),
            1 => create("", from, to).unknown(),
            2 => create("", from, to).refused(),
            3 => find(&[], from, to),
            _ => find(&[id], from, to),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn the_rules_find_nothing_that_an_order_explains(operations in prop::collection::vec(operations(), 0..7)) {
        let operations: Vec<&Operation> = operations.iter().collect();
        let name = Name::new("k", &operations);
        let mut findings = Findings::default();
        name.check(&mut findings);
        if findings.has_fault() {
            prop_assert_ne!(name.search(), Search::Linearizable);
        }
    }
}

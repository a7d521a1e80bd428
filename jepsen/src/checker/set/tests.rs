use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::checker::linearizable::{Call, MAX_CONFIGURATIONS, Model, Search, search};
use crate::checker::shrink::smallest_fault;
use crate::checker::testing::{history, operation};
use crate::history::Outcome;

fn add(element: i64, from: u64, to: u64) -> Operation {
    operation(Function::Add, element, from, to)
}

fn read(elements: &[i64], from: u64, to: u64) -> Operation {
    operation(Function::Read, Value::Nil, from, to).answering(elements.to_vec())
}

fn check(operations: &[Operation]) -> Verdict {
    Set.check(&history(operations.iter().cloned()))
}

/// The one thing that is wrong.
fn fault(operations: &[Operation]) -> String {
    match check(operations) {
        Verdict::Failed { faults, count: 1 } => faults[0].what.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_acknowledged_is_in_every_later_read_of_its_set() {
    assert!(check(&[add(1, 0, 5), read(&[1], 6, 7)]).is_passed());
    assert_eq!(fault(&[add(1, 0, 5), read(&[], 6, 7).on(1)]), "k: 1 was acknowledged and is not there on n2");
    assert!(check(&[add(1, 0, 5), read(&[], 5, 7), read(&[1], 8, 9)]).is_passed(), "both at the same time");
    assert!(check(&[add(1, 0, 5), read(&[], 6, 7).of("other"), read(&[1], 8, 9)]).is_passed());
}

#[test]
fn an_unknown_add_may_come_at_any_time_and_then_stays() {
    let unknown = add(1, 0, 5).unknown();
    assert!(check(&[unknown.clone(), read(&[], 6, 7), read(&[], 90, 91)]).is_passed());
    assert!(check(&[unknown.clone(), read(&[], 6, 7), read(&[1], 90, 91)]).is_passed());
    assert_eq!(
        fault(&[unknown, read(&[1], 6, 7), read(&[], 8, 9).on(1)]),
        "k: n1 showed 1, and then n2 did not"
    );
}

#[test]
fn nothing_is_there_that_may_not_be() {
    assert_eq!(fault(&[read(&[1], 6, 7)]), "k: 1 is there and was never asked for on n1");
    assert_eq!(fault(&[add(1, 0, 5).refused(), read(&[1], 6, 7)]), "k: 1 was refused and is there on n1");
    assert_eq!(fault(&[add(1, 8, 9), read(&[1], 6, 7)]), "k: 1 is there before it was asked for on n1");
    assert_eq!(fault(&[add(1, 0, 5), read(&[1, 1], 6, 7)]), "k: 1 is there more than once on n1");
    assert!(check(&[add(1, 0, 5).refused(), read(&[], 6, 7)]).is_passed());
    let again = [add(1, 0, 5).refused(), add(1, 6, 8), read(&[1], 9, 10)];
    assert!(check(&again).is_passed(), "it was asked for once more, and added");
}

#[test]
fn elements_are_shown_in_the_order_of_time() {
    let adds = [add(1, 0, 5), add(2, 6, 30)];
    let and = |reads: &[Operation]| adds.iter().chain(reads).cloned().collect::<Vec<_>>();
    assert_eq!(fault(&and(&[read(&[2], 3, 9)])), "k: n1 shows 2 without 1, acknowledged before");
    assert!(check(&and(&[read(&[1], 3, 9), read(&[1, 2], 31, 32)])).is_passed());
}

#[test]
fn two_reads_see_the_elements_in_the_same_order() {
    let adds = [add(1, 0, 50), add(2, 0, 50)];
    let and = |reads: &[Operation]| adds.iter().chain(reads).cloned().collect::<Vec<_>>();
    assert_eq!(
        fault(&and(&[read(&[1], 10, 20), read(&[2], 15, 25).on(1)])),
        "k: n1 shows 1 without 2, and n2 2 without 1"
    );
    assert!(check(&and(&[read(&[1], 10, 20), read(&[1, 2], 15, 25), read(&[1, 2], 60, 61)])).is_passed());
}

#[test]
fn elements_for_which_nobody_looked_prove_nothing() {
    let unread = [add(1, 0, 5), read(&[], 3, 4)];
    assert!(matches!(check(&unread), Verdict::TooLittle { .. }));
    assert_eq!(sought(&history(unread.clone())), Sought { sought: 0, never: 1 });
    let half = unread.iter().cloned().chain([add(2, 0, 9).of("other"), read(&[1], 6, 7)]);
    assert_eq!(sought(&history(half)), Sought { sought: 1, never: 1 });
    assert!(check(&[add(1, 0, 5).unknown()]).is_passed());
}

#[test]
fn a_fault_remains_the_same_when_the_history_shrinks() {
    let operations = (0..40).flat_map(|n| {
        let (from, shown) = (10 * n as u64, (0..=n).collect::<Vec<_>>());
        [add(n, from, from + 4), read(&shown, from + 5, from + 9)]
    });
    let lagging = read(&[0, 1, 2], 201, 203);
    let smallest = smallest_fault(&Set, operations.chain([lagging.clone()]).collect()).unwrap();
    // The three that it shows, one that it does not, and itself.
    assert_eq!(smallest.part.len(), 5, "{smallest:?}");
    assert!(smallest.part.contains(&lagging) && smallest.what.contains("is not there"), "{smallest:?}");
}

/// What the rules are held against.
struct Grown;

impl Model for Grown {
    type State = BTreeSet<Value>;

    fn initial(&self) -> Self::State {
        BTreeSet::new()
    }

    fn step(&self, state: &Self::State, operation: &Operation) -> Option<Self::State> {
        let mut next = state.clone();
        if operation.function == Function::Add {
            next.insert(operation.argument.clone());
            return Some(next);
        }
        let shown: Self::State = operation.answer.items().iter().cloned().collect();
        (shown == next).then_some(next)
    }
}

fn is_linearizable(operations: &[Operation]) -> bool {
    let sent = operations.iter().filter(|operation| operation.outcome != Outcome::Refused);
    let calls: Vec<Call<'_>> = sent.map(Call::of).collect();
    match search(&Grown, &calls, MAX_CONFIGURATIONS) {
        Search::Linearizable => true,
        Search::NotLinearizable { .. } => false,
        Search::GaveUp => panic!("gave up"),
    }
}

/// Each element is asked for at some time and comes at some time; reads show what has come by some moment of theirs, and
/// perhaps one element more or less.
fn histories() -> impl Strategy<Value = Vec<Operation>> {
    let time = || 0..16_u64;
    let adds = prop::collection::vec((time(), 0..8_u64, 0..8_u64, 0..6_u8), 1..5);
    let reads =
        prop::collection::vec((time(), 0..6_u64, 0..6_u64, prop::option::weighted(0.3, 0..4_usize)), 1..6);
    (adds, reads).prop_map(|(adds, reads)| {
        let mut operations = Vec::new();
        let mut comes_at = Vec::new();
        for (element, (from, length, delay, how)) in adds.into_iter().enumerate() {
            let add = add(element as i64, from, from + length);
            comes_at.push(match how {
                0 => u64::MAX,
                1 => from + delay,
                _ => from + delay.min(length),
            });
            operations.push(match how {
                0 | 1 => add.unknown(),
                _ => add,
            });
        }
        for (from, length, at, changed) in reads {
            let moment = from + at.min(length);
            let is_shown = |element: &usize| (comes_at[*element] <= moment) != (changed == Some(*element));
            let shown: Vec<i64> =
                (0..comes_at.len()).filter(is_shown).map(|element| element as i64).collect();
            operations.push(read(&shown, from, from + length));
        }
        operations
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn the_rules_find_what_a_search_for_an_order_finds(operations in histories()) {
        prop_assert_eq!(!check(&operations).is_failed(), is_linearizable(&operations));
    }
}

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::checker::testing::{operation, read, write};
use crate::function::Function;
use crate::history::Outcome;
use crate::value::Value;

/// A register whose first content is 0.
struct Content;

impl Model for Content {
    type State = Value;

    fn initial(&self) -> Value {
        Value::Number(0)
    }

    fn step(&self, state: &Value, operation: &Operation) -> Option<Value> {
        match operation.function {
            Function::Write => Some(operation.argument.clone()),
            _ => (operation.answer == *state).then(|| state.clone()),
        }
    }
}

fn calls(operations: &[Operation]) -> Vec<Call<'_>> {
    operations.iter().filter(|operation| operation.outcome != Outcome::Refused).map(Call::of).collect()
}

fn is_linearizable(operations: &[Operation]) -> bool {
    match search(&Content, &calls(operations), MAX_CONFIGURATIONS) {
        Search::Linearizable => true,
        Search::NotLinearizable { .. } => false,
        Search::GaveUp => panic!("gave up"),
    }
}

/// Tries every order of every choice of what was done.
fn has_order(operations: &[Operation]) -> bool {
    fn go(left: &BTreeSet<usize>, state: &Value, operations: &[Operation]) -> bool {
        if left.iter().all(|index| operations[*index].outcome == Outcome::Unknown) {
            return true;
        }
        left.iter().any(|next| {
            let operation = &operations[*next];
            if left.iter().any(|other| operations[*other].is_before(operation)) {
                return false;
            }
            let Some(state) = Content.step(state, operation) else { return false };
            let mut left = left.clone();
            left.remove(next);
            go(&left, &state, operations)
        })
    }
    // An unknown operation that is never done stays behind, and is before nothing.
    go(&(0..operations.len()).collect(), &Value::Number(0), operations)
}

#[test]
fn a_read_shows_the_last_write() {
    assert!(is_linearizable(&[]));
    assert!(is_linearizable(&[write(1, 0, 5), read(1, 6, 9)]));
    assert!(!is_linearizable(&[write(1, 0, 5), read(0, 6, 9)]));
    assert!(!is_linearizable(&[write(1, 0, 5), read(2, 6, 9)]));
    assert!(is_linearizable(&[write(1, 0, 5), read(0, 5, 9)]), "what touches is concurrent");
}

#[test]
fn concurrent_reads_agree_on_an_order() {
    let both = |first: i64, second: i64| [write(1, 0, 100), read(first, 10, 20), read(second, 30, 40)];
    assert!(is_linearizable(&both(0, 1)));
    assert!(!is_linearizable(&both(1, 0)), "shown and taken back");
    // Two writes and two readers that see them in different orders.
    let readers = |a: [i64; 2], b: [i64; 2]| {
        let [a, b] = [a, b].map(|[first, second]| [read(first, 10, 20), read(second, 30, 40)]);
        let writes = [write(1, 0, 100), write(2, 0, 100)];
        writes.into_iter().chain(a).chain(b).collect::<Vec<_>>()
    };
    assert!(is_linearizable(&readers([1, 2], [1, 2])));
    assert!(!is_linearizable(&readers([1, 2], [2, 1])));
}

#[test]
fn an_unknown_write_may_be_done_at_any_later_time_but_once() {
    let lost = || write(1, 0, 5).unknown();
    assert!(is_linearizable(&[lost(), read(0, 6, 9), read(1, 1_000, 1_001)]));
    assert!(is_linearizable(&[lost(), read(0, 6, 9)]));
    assert!(!is_linearizable(&[lost(), read(1, 6, 9), read(0, 10, 11)]));
    let twice = [lost(), write(2, 6, 7), read(1, 8, 9), write(3, 10, 11), read(1, 12, 13)];
    assert!(!is_linearizable(&twice));
    let with_a_twin: Vec<_> = twice.into_iter().chain([write(1, 1, 2).unknown()]).collect();
    assert!(is_linearizable(&with_a_twin));
    assert!(!is_linearizable(&[read(1, 0, 5), write(1, 6, 9).unknown()]), "not before it was sent");
}

#[test]
fn a_write_of_what_is_there_may_be_needed_later() {
    // The write of 0 fits at once, and has to wait for that of 1.
    let operations = [write(0, 0, 100), write(1, 0, 10), read(1, 11, 12), read(0, 20, 21)];
    assert!(is_linearizable(&operations));
}

#[test]
fn where_no_order_leads_past_is_told() {
    let operations = [write(1, 0, 5), read(1, 6, 9), read(0, 20, 30), read(7, 40, 50)];
    let stuck_at = Duration::from_millis(30);
    assert_eq!(search(&Content, &calls(&operations), 1_000), Search::NotLinearizable { stuck_at });
}

#[test]
fn a_bounded_search_gives_up() {
    let mut operations: Vec<_> = (1..=16).map(|n| write(n, 0, 100)).collect();
    operations.push(read(99, 101, 102));
    assert_eq!(search(&Content, &calls(&operations), 10_000), Search::GaveUp);
}

/// The hardest kind: many writes at once, and reads that fix their order backwards.
#[test]
fn wide_histories_are_decided() {
    for width in [4, 8, 12] {
        let writes = (1..=width).map(|n| write(n, 0, 1_000));
        let reads = (1..=width).map(|n| read(width + 1 - n, 10 * n as u64, 10 * n as u64 + 5));
        let good: Vec<_> = writes.clone().chain(reads.clone()).collect();
        assert!(is_linearizable(&good), "{width}");
        // The first that was seen is seen once more in the end.
        let bad: Vec<_> = writes.chain(reads).chain([read(width, 900, 901)]).collect();
        assert!(!is_linearizable(&bad), "{width}");
    }
}

/// As in "Testing for linearizability": a queue-like chain in which every write overlaps only the next.
#[test]
fn long_chains_are_decided() {
    let chain = |count: i64| {
        (1..=count).flat_map(|n| {
            let at = 10 * n as u64;
            [write(n, at, at + 15), read(n - 1, at + 1, at + 3), read(n, at + 4, at + 9)]
        })
    };
    let good: Vec<_> = chain(5_000).collect();
    assert!(is_linearizable(&good));
    let bad: Vec<_> = chain(5_000).chain([read(4_000, 60_000, 60_001)]).collect();
    assert!(!is_linearizable(&bad));
}

prop_compose! {
    fn operations()(is_write in any::<bool>(), value in 0..3_i64, from in 0..12_u64, length in 1..8_u64, outcome in 0..5)
        -> Operation {
        let argument = if is_write { Value::Number(value) } else { Value::Nil };
        let function = if is_write { Function::Write } else { Function::Read };
        let operation = operation(function, argument, 2 * from, 2 * from + length);
        match (is_write, outcome) {
            (_, 0) => operation.unknown(),
            (true, _) => operation,
            (false, _) => operation.answering(value),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn the_search_agrees_with_trying_everything(operations in prop::collection::vec(operations(), 0..8)) {
        // A read without an answer says nothing, and would only slow the other down.
        let operations: Vec<_> = operations
            .into_iter()
            .filter(|operation| operation.outcome == Outcome::Done || operation.function.is_write())
            .collect();
        prop_assert_eq!(is_linearizable(&operations), has_order(&operations));
    }
}

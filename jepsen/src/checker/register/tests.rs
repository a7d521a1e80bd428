#![allow(clippy::disallowed_methods, reason = "the time that a verdict takes is measured")]

use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::checker::shrink::smallest_fault;
use crate::checker::testing::{history, read, write};
use crate::simulated::{Plan, registers};

fn verdict(operations: Vec<Operation>) -> Verdict {
    Register::default().check(&history(operations))
}

#[test]
fn a_register_is_empty_until_it_is_written() {
    assert!(verdict(vec![read(Value::Nil, 0, 1), write(1, 2, 3), read(1, 4, 5)]).is_passed());
    assert!(verdict(vec![read(1, 0, 1), write(1, 2, 3)]).is_failed());
    assert!(verdict(vec![write(1, 2, 3), read(Value::Nil, 4, 5)]).is_failed());
}

#[test]
fn keys_are_apart() {
    let another = || read(Value::Nil, 4, 5).of("another");
    assert!(verdict(vec![write(1, 2, 3), another()]).is_passed());
    let Verdict::Failed { faults, count } = verdict(vec![write(1, 2, 3), another(), read(7, 4, 5)]) else {
        panic!("it passed")
    };
    assert_eq!((count, faults[0].part.len()), (1, 2), "{faults:?}");
}

#[test]
fn what_was_refused_was_not_done() {
    assert!(verdict(vec![write(1, 0, 1).refused(), read(Value::Nil, 2, 3)]).is_passed());
    assert!(verdict(vec![write(1, 0, 1).refused(), read(1, 2, 3)]).is_failed());
}

#[test]
fn of_two_writes_of_the_same_a_read_binds_neither() {
    let operations = |last: i64| {
        vec![
            write(1, 0, 5),
            read(1, 6, 7),
            write(9, 10, 12),
            write(1, 20, 25).unknown(),
            read(last, 30, 31),
            read(9, 40, 41),
        ]
    };
    assert!(verdict(operations(9)).is_passed(), "the second need not have been done");
    assert!(verdict(operations(1)).is_failed());
}

#[test]
fn a_search_that_gave_up_decides_nothing() {
    let operations = (1..=20).map(|n| write(n, 0, 100)).chain([read(99, 101, 102), write(99, 200, 201)]);
    let verdict = Register { max_configurations: 1_000 }.check(&history(operations));
    let Verdict::Undecided { reason } = verdict else { panic!("{verdict:?}") };
    assert!(reason.contains("k: given up after 1000 configurations"), "{reason}");
}

#[test]
fn hundreds_of_unknown_writes_are_decided() {
    let mut operations = Vec::new();
    for n in 0..600 {
        let at = 10 * n as u64;
        operations.push(if n % 2 == 0 { write(n, at, at + 5).unknown() } else { write(n, at, at + 5) });
        // Some of the lost ones show up, late.
        let shown = if n % 6 == 5 { n - 3 } else { (n - 1) | 1 };
        if n > 5 && n % 6 == 5 {
            operations.push(read(shown, at + 6, at + 9));
        }
    }
    assert!(verdict(operations.clone()).is_passed());
    operations.push(read(8, 9_000, 9_001));
    assert!(verdict(operations).is_failed());
}

#[test]
fn ten_thousand_operations_take_little_time() {
    for (keys, clients, operations) in [(40, 16, 20_000), (1, 8, 10_000), (200, 40, 100_000)] {
        let plan = Plan { keys, clients, operations, ..Plan::default() };
        let history = registers(&plan);
        let start = Instant::now();
        assert_eq!(Register::default().check(&history), Verdict::Passed);
        let (took, count) = (start.elapsed(), history.operations().len());
        println!("{count} operations on {keys} keys by {clients} clients: {took:?}");
        assert!(took.as_secs() < 60, "{took:?}");
    }
}

#[test]
fn one_stale_read_among_ten_thousand_operations_is_found_and_cut_out() {
    let plan = Plan { keys: 10, clients: 10, operations: 10_000, ..Plan::default() };
    let mut operations = registers(&plan).operations().to_vec();
    // A node that has fallen behind answers what was true two seconds before.
    let stale = operations
        .iter()
        .rev()
        .find(|operation| operation.function == Function::Read && operation.is_done())
        .cloned()
        .unwrap();
    let old = operations
        .iter()
        .filter(|write| write.function == Function::Write && write.is_done() && write.key == stale.key)
        .find(|write| write.ended_at + Duration::from_secs(2) < stale.sent_at)
        .map(|write| write.argument.clone())
        .unwrap();
    operations.iter_mut().filter(|read| **read == stale).for_each(|read| read.answer = old.clone());
    let start = Instant::now();
    let Verdict::Failed { faults, count: 1 } = verdict(operations) else { panic!("it was not found") };
    let found = start.elapsed();
    let fault = smallest_fault(&Register::default(), faults[0].part.clone()).unwrap();
    println!("found in {found:?}, cut to {} operations in {:?}", fault.part.len(), start.elapsed() - found);
    assert!(fault.part.len() <= 4, "{fault:?}");
    assert!(fault.part.iter().any(|operation| operation.answer == old));
}

prop_compose! {
    fn operations()(is_write in any::<bool>(), value in 0..4_i64, from in 0..12_u64, length in 1..8_u64, outcome in 0..4)
        -> Operation {
        let operation = if is_write { write(value, 2 * from, 2 * from + length) } else { read(value, 2 * from, 2 * from + length) };
        match outcome {
            0 => operation.unknown(),
            1 => operation.refused(),
            _ => operation,
        }
    }
}

/// The search without what is left out and without deadlines.
fn is_linearizable(operations: &[Operation]) -> bool {
    let calls: Vec<Call<'_>> =
        operations.iter().filter(|operation| operation.outcome != Outcome::Refused).map(Call::of).collect();
    linearizable::search(&Content, &calls, MAX_CONFIGURATIONS) == Search::Linearizable
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn what_is_left_out_changes_no_verdict(operations in prop::collection::vec(operations(), 0..10)) {
        prop_assert_eq!(verdict(operations.clone()).is_passed(), is_linearizable(&operations));
    }

    #[test]
    fn a_fault_of_a_part_is_a_fault_of_the_whole(operations in prop::collection::vec(operations(), 0..10)) {
        if let Some(fault) = smallest_fault(&Register::default(), operations.clone()) {
            prop_assert!(!is_linearizable(&operations));
            prop_assert!(!is_linearizable(&fault.part));
            prop_assert!(fault.part.len() <= operations.len());
        } else {
            prop_assert!(is_linearizable(&operations));
        }
    }
}

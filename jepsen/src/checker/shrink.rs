//! Makes a failing part of a history smaller for as long as it fails: Zeller's delta debugging
//! ("Simplifying and isolating failure-inducing input", 2002), by whole operations.
//!
//! What is cut away must not be what makes the rest fail: a read of what was never written proves nothing if
//! the write was cut. So an operation goes together with all that needs it ([`Checker::needs`]), and what
//! fails in the end is a fault of the whole history too.

use std::ops::Range;
use std::time::Duration;

use tokio::time::Instant;

use crate::checker::Checker;
use crate::checker::verdict::{Fault, Verdict};
use crate::history::{History, Operation};

/// A part is judged so many times, at most.
const MAX_CHECKS: usize = 1_000;
/// Nor is it judged any more after this time: a single search can take seconds.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// The smallest part found that still fails, and what is wrong with it; `None` if it does not fail at all.
#[must_use]
pub fn smallest_fault(checker: &dyn Checker, part: Vec<Operation>) -> Option<Fault> {
    let mut shrinking = Shrinking { checker, checks: 0, end: Instant::now() + TIME_LIMIT };
    let (mut fault, mut part) = (shrinking.fault(&part)?, part);
    let mut chunk = part.len() / 2;
    while chunk > 0 {
        let mut from = 0;
        let mut has_shrunk = false;
        while from < part.len() && !shrinking.is_over() {
            let without = shrinking.without(&part, from..from + chunk);
            if let Some(smaller) = shrinking.fault(&without) {
                (fault, part) = (smaller, without);
                has_shrunk = true;
            } else {
                from += chunk;
            }
        }
        // With single operations once more, until none can go.
        if chunk > 1 || !has_shrunk || shrinking.is_over() {
            chunk /= 2;
        }
    }
    Some(Fault { what: fault.what, part })
}

struct Shrinking<'a> {
    checker: &'a dyn Checker,
    checks: usize,
    end: Instant,
}

impl Shrinking<'_> {
    fn is_over(&self) -> bool {
        self.checks >= MAX_CHECKS || Instant::now() >= self.end
    }

    /// The first fault of a part, if it has one.
    fn fault(&mut self, part: &[Operation]) -> Option<Fault> {
        self.checks += 1;
        let history: History = part.iter().cloned().collect();
        match self.checker.check(&history) {
            Verdict::Failed { faults, .. } => faults.into_iter().next(),
            _ => None,
        }
    }

    /// A part without some of its operations, and without what needs these.
    fn without(&self, part: &[Operation], range: Range<usize>) -> Vec<Operation> {
        let (mut kept, mut cut) = (Vec::new(), Vec::new());
        for (position, operation) in part.iter().enumerate() {
            if range.contains(&position) { cut.push(operation) } else { kept.push(operation) }
        }
        while !cut.is_empty() {
            let is_left = |operation: &&Operation| cut.iter().any(|cut| self.checker.needs(operation, cut));
            (cut, kept) = kept.into_iter().partition(is_left);
        }
        kept.into_iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::register::Register;
    use crate::checker::testing::{history, read, write};

    #[test]
    fn a_fault_among_many_operations_is_cut_down_to_those_that_show_it() {
        // One after the other; the read at 1_000 shows what was overwritten long before.
        let mut operations: Vec<Operation> = (0..400)
            .flat_map(|n| {
                [write(n, 10 * n as u64, 10 * n as u64 + 4), read(n, 10 * n as u64 + 5, 10 * n as u64 + 9)]
            })
            .collect();
        operations.push(read(120, 2_001, 2_003));
        let fault = smallest_fault(&Register::default(), operations).unwrap();
        // The write of 120, a read or write that shows that it is past, and the read that takes it back.
        assert_eq!(fault.part.len(), 3, "{fault:?}");
        assert!(Register::default().check(&history(fault.part)).is_failed());
    }

    #[test]
    fn what_is_needed_is_not_cut_away() {
        let operations = vec![write(1, 0, 5), read(1, 6, 9), write(2, 10, 15), read(2, 16, 19)];
        assert_eq!(smallest_fault(&Register::default(), operations.clone()), None, "there is no fault");
        let shrinking = Shrinking { checker: &Register::default(), checks: 0, end: Instant::now() };
        assert_eq!(shrinking.without(&operations, 0..1), operations[2..]);
    }
}

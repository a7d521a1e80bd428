//! Registers, one for each key: reads and writes are linearizable.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::checker::Checker;
use crate::checker::linearizable::{self, Call, MAX_CONFIGURATIONS, Model, Search};
use crate::checker::verdict::{Fault, Findings, Verdict};
use crate::function::Function;
use crate::history::{History, Operation, Outcome};
use crate::value::Value;

/// Judges `read`s and `write`s. A register has no content (nil) until it is written.
#[derive(Debug)]
pub struct Register {
    /// The bound of the search of each key.
    pub max_configurations: usize,
}

impl Default for Register {
    fn default() -> Self {
        Self { max_configurations: MAX_CONFIGURATIONS }
    }
}

/// The content of one register.
struct Content;

impl Model for Content {
    type State = Value;

    fn initial(&self) -> Value {
        Value::Nil
    }

    fn step(&self, state: &Value, operation: &Operation) -> Option<Value> {
        match operation.function {
            Function::Write => Some(operation.argument.clone()),
            Function::Read => (operation.answer == *state).then(|| state.clone()),
            _ => Some(state.clone()),
        }
    }
}

impl Checker for Register {
    fn name(&self) -> &'static str {
        "linearizable registers"
    }

    fn check(&self, history: &History) -> Verdict {
        let mut findings = Findings::default();
        for (key, operations) in history.by_key() {
            match linearizable::search(&Content, &calls(&operations), self.max_configurations) {
                Search::Linearizable => {}
                Search::GaveUp => findings.add_undecided(format!(
                    "{key}: given up after {} configurations of {} operations",
                    self.max_configurations,
                    operations.len()
                )),
                Search::NotLinearizable { stuck_at } => {
                    let seconds = stuck_at.as_secs_f64();
                    let ends =
                        |operation: &&&Operation| operation.is_done() && operation.ended_at == stuck_at;
                    let what = match operations.iter().find(ends) {
                        Some(last) if last.function == Function::Read => format!(
                            "{key}: no order of the operations explains that n{} showed {} at {seconds:.3} s",
                            last.node + 1,
                            last.answer
                        ),
                        _ => format!(
                            "{key}: no order of the operations explains what was shown by {seconds:.3} s"
                        ),
                    };
                    // What was under way then is not bound by its end; of that, only writes can matter.
                    let matters = |operation: &&&Operation| {
                        let is_over = operation.ended_at <= stuck_at || operation.function.is_write();
                        operation.sent_at <= stuck_at && is_over
                    };
                    findings.add(Fault::of(what, operations.iter().filter(matters).copied()));
                }
            }
        }
        findings.verdict()
    }

    /// A read needs all writes of what it shows: then what is left of a history that can be put in order
    /// can be put in the same order.
    fn needs(&self, operation: &Operation, other: &Operation) -> bool {
        operation.function == Function::Read
            && other.function == Function::Write
            && operation.key == other.key
            && operation.answer == other.argument
    }
}

/// The operations that the search has to do with.
///
/// A write with an unknown outcome that no read shows may be left out: in any order with it, what follows
/// it is a write. One that reads show, and no other write can explain, comes directly before the first of
/// them in any order; so it was done after the first of them to be sent was sent, and before the first of
/// them to end had ended.
fn calls<'a>(operations: &[&'a Operation]) -> Vec<Call<'a>> {
    let mut shown: BTreeMap<&Value, (Duration, Duration)> = BTreeMap::new();
    let mut written: BTreeSet<&Value> = BTreeSet::new();
    let mut ambiguous: BTreeSet<&Value> = BTreeSet::from([&Value::Nil]);
    for operation in operations {
        if operation.function == Function::Read && operation.is_done() {
            let (sent, ended) =
                shown.entry(&operation.answer).or_insert((operation.sent_at, operation.ended_at));
            (*sent, *ended) = (operation.sent_at.min(*sent), operation.ended_at.min(*ended));
        }
        if operation.may_have_effect() && !written.insert(&operation.argument) {
            ambiguous.insert(&operation.argument);
        }
    }
    let call = |operation: &&'a Operation| match (operation.function, operation.outcome) {
        (Function::Read | Function::Write, Outcome::Done) => Some(Call::of(operation)),
        (Function::Write, Outcome::Unknown) => {
            let (sent, ended) = shown.get(&operation.argument)?;
            if ambiguous.contains(&operation.argument) {
                return Some(Call::of(operation));
            }
            Some(Call { operation, from: operation.sent_at.max(*sent), deadline: Some(*ended) })
        }
        _ => None,
    };
    operations.iter().filter_map(call).collect()
}

#[cfg(test)]
mod tests;

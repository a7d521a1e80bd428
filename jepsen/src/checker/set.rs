//! Sets that only grow: what was acknowledged or shown is there from then on, and nothing is there twice.

use std::collections::{BTreeMap, BTreeSet};

use crate::checker::Checker;
use crate::checker::verdict::{Fault, Findings, Verdict};
use crate::function::Function;
use crate::history::{History, Operation};
use crate::value::Value;

/// Judges `add`s of elements, the arguments, to sets, the keys, and the `read`s that answer what is in them.
///
/// A set only grows, so a `read` says of every element whether it was added before or after. The operations are linearizable
/// if and only if, of the `read`s of a set,
/// - each shows an element once at most, and only if somebody had asked for it and was not refused;
/// - each shows what was acknowledged before it was sent;
/// - each shows what was acknowledged before another element that it shows was asked for;
/// - each shows what one had shown that had ended before it was sent;
/// - of any two, one shows all that the other does.
///
/// There are no other contradictions: one is a circle of operations that each come before the next, by what `read`s show or
/// by time. If two of its steps are by time, from a to b and from c to d, then a also ended before d was sent, or c before
/// b, which leads to a shorter circle. The shortest ones have at most one step by time, and are those above.
#[derive(Debug)]
pub struct Set;

impl Checker for Set {
    fn name(&self) -> &'static str {
        "what was acknowledged or shown is there once"
    }

    fn check(&self, history: &History) -> Verdict {
        let mut findings = Findings::default();
        for (key, operations) in history.by_key() {
            Elements::of(key, &operations).check(&mut findings);
        }
        let sought = sought(history);
        if !findings.has_fault() && sought.never > 0 && sought.sought == 0 {
            return Verdict::TooLittle { missing: vec!["a read after an acknowledged add".to_owned()] };
        }
        findings.verdict()
    }

    /// What a `read` shows would be unasked for without its `add`.
    fn needs(&self, operation: &Operation, other: &Operation) -> bool {
        operation.function == Function::Read
            && other.function == Function::Add
            && operation.key == other.key
            && operation.answer.items().contains(&other.argument)
    }
}

/// Acknowledged elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sought {
    /// Those that a later `read` had to show.
    pub sought: usize,
    /// Those after which nobody looked.
    pub never: usize,
}

/// How many acknowledged elements somebody looked for.
#[must_use]
pub fn sought(history: &History) -> Sought {
    let mut count = Sought::default();
    for operations in history.by_key().values() {
        let last_look = operations.iter().filter(|read| is_look(read)).map(|read| read.sent_at).max();
        for add in operations.iter().filter(|add| add.function == Function::Add && add.is_done()) {
            let is_sought = last_look.is_some_and(|sent_at| add.ended_at < sent_at);
            *(if is_sought { &mut count.sought } else { &mut count.never }) += 1;
        }
    }
    count
}

fn is_look(operation: &Operation) -> bool {
    operation.function == Function::Read && operation.is_done()
}

/// What is known of a set.
struct Elements<'a> {
    key: &'a str,
    adds: BTreeMap<&'a Value, Adds<'a>>,
    /// The `read`s that were answered, by the time at which they were sent.
    reads: Vec<&'a Operation>,
}

/// The `add`s of an element.
#[derive(Default)]
struct Adds<'a> {
    all: Vec<&'a Operation>,
    /// The first that was not refused: before it the element is not there.
    first: Option<&'a Operation>,
    /// The first to be acknowledged: after it the element is there.
    acknowledged: Option<&'a Operation>,
}

impl<'a> Elements<'a> {
    fn of(key: &'a str, operations: &[&'a Operation]) -> Self {
        let mut adds: BTreeMap<&Value, Adds<'_>> = BTreeMap::new();
        for add in operations.iter().copied().filter(|operation| operation.function == Function::Add) {
            let of_element = adds.entry(&add.argument).or_default();
            of_element.all.push(add);
            if add.may_have_effect() && of_element.first.is_none_or(|first| add.sent_at < first.sent_at) {
                of_element.first = Some(add);
            }
            let is_sooner = of_element.acknowledged.is_none_or(|other| add.ended_at < other.ended_at);
            if add.is_done() && is_sooner {
                of_element.acknowledged = Some(add);
            }
        }
        let reads = operations.iter().copied().filter(|operation| is_look(operation)).collect();
        Self { key, adds, reads }
    }

    fn check(&self, findings: &mut Findings) {
        let mut of_key = Findings::default();
        for read in &self.reads {
            self.check_shown(read, &mut of_key);
            self.check_missing(read, &mut of_key);
        }
        self.check_taken_back(&mut of_key);
        // Whatever is wrong already mostly shows here again.
        if !of_key.has_fault() {
            self.check_order(&mut of_key);
        }
        findings.extend(of_key);
    }

    /// What a read shows may be there.
    fn check_shown(&self, read: &'a Operation, findings: &mut Findings) {
        let mut seen = BTreeSet::new();
        for element in read.answer.items() {
            let mut add = |what: &str| {
                let what = format!("{}: {element} {what} on n{}", self.key, read.node + 1);
                findings.add(self.fault(what, &[], &[read]));
            };
            if !seen.insert(element) {
                add("is there more than once");
            }
            match self.adds.get(element).map(|adds| adds.first) {
                None => add("is there and was never asked for"),
                Some(None) => add("was refused and is there"),
                Some(Some(first)) if read.is_before(first) => add("is there before it was asked for"),
                Some(Some(_)) => {}
            }
        }
    }

    /// What had to be there before the read, or before something that it shows, is shown.
    fn check_missing(&self, read: &'a Operation, findings: &mut Findings) {
        let (key, node) = (self.key, read.node + 1);
        let shown: BTreeSet<&Value> = read.answer.items().iter().collect();
        let firsts = shown.iter().filter_map(|element| self.adds.get(*element)?.first);
        let latest = firsts.max_by_key(|first| first.sent_at);
        for (element, adds) in self.adds.iter().filter(|(element, _)| !shown.contains(*element)) {
            let Some(acknowledged) = adds.acknowledged else { continue };
            if acknowledged.is_before(read) {
                let what = format!("{key}: {element} was acknowledged and is not there on n{node}");
                findings.add(self.fault(what, &[acknowledged], &[read]));
            } else if let Some(later) = latest.filter(|latest| acknowledged.is_before(latest)) {
                let later = &later.argument;
                let what = format!("{key}: n{node} shows {later} without {element}, acknowledged before");
                findings.add(self.fault(what, &[acknowledged], &[read]));
            }
        }
    }

    /// What a read had shown before another was sent, that other one shows too.
    fn check_taken_back(&self, findings: &mut Findings) {
        let mut ends = self.reads.clone();
        ends.sort_by_key(|read| read.ended_at);
        let mut ends = ends.into_iter().peekable();
        // Who was the first to show an element, of those that had ended.
        let mut shown: BTreeMap<&Value, &Operation> = BTreeMap::new();
        for read in &self.reads {
            while let Some(before) = ends.next_if(|before| before.is_before(read)) {
                for element in before.answer.items() {
                    shown.entry(element).or_insert(before);
                }
            }
            let now: BTreeSet<&Value> = read.answer.items().iter().collect();
            if let Some((element, before)) = shown.iter().find(|(element, _)| !now.contains(*element)) {
                let (first, second) = (before.node + 1, read.node + 1);
                let what = format!("{}: n{first} showed {element}, and then n{second} did not", self.key);
                findings.add(self.fault(what, &[], &[before, read]));
            }
        }
    }

    /// Of any two reads one shows all that the other does.
    fn check_order(&self, findings: &mut Findings) {
        let shown = |read: &&'a Operation| (read.answer.items().iter().collect::<BTreeSet<_>>(), *read);
        let mut looks: Vec<(BTreeSet<&Value>, &Operation)> = self.reads.iter().map(shown).collect();
        looks.sort_by_key(|(shown, _)| shown.len());
        for ((fewer, one), (more, other)) in looks.iter().zip(looks.iter().skip(1)) {
            let Some(missing) = fewer.difference(more).next() else { continue };
            let Some(extra) = more.difference(fewer).next() else { continue };
            let (key, first, second) = (self.key, one.node + 1, other.node + 1);
            let what = format!(
                "{key}: n{first} shows {missing} without {extra}, and n{second} {extra} without {missing}"
            );
            findings.add(self.fault(what, &[], &[one, other]));
        }
    }

    /// A fault with all that is known of what the reads show: without that, they would be wrong for another reason.
    fn fault(&self, what: String, adds: &[&Operation], reads: &[&Operation]) -> Fault {
        let elements: BTreeSet<&Value> = reads.iter().flat_map(|read| read.answer.items()).collect();
        let shown = elements.into_iter().filter_map(|element| self.adds.get(element));
        Fault::of(what, shown.flat_map(|adds| &adds.all).chain(adds).chain(reads).copied())
    }
}

#[cfg(test)]
mod tests;

//! What a checker says of a history.

use std::collections::BTreeMap;
use std::fmt;

use crate::history::{Operation, Outcome};

/// Faults are counted, and so many of them are kept.
const MAX_FAULTS: usize = 20;

/// What a checker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The history is one that a correct cluster can have.
    Passed,
    /// It is not.
    Failed {
        /// Why not; at most 20 of them, the smallest first, and of other keys before more of the same.
        faults: Vec<Fault>,
        /// How many there are.
        count: usize,
    },
    /// It proves nothing, because too little was done.
    TooLittle {
        /// What is missing.
        missing: Vec<String>,
    },
    /// The search for an order was given up.
    Undecided {
        /// Where, and after how much.
        reason: String,
    },
}

/// One thing that a correct cluster cannot do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What was promised, and what was seen.
    pub what: String,
    /// The smallest part of the history in which it shows, by time.
    pub part: Vec<Operation>,
}

impl Fault {
    /// A fault that these operations show.
    #[must_use]
    pub fn of<'a>(what: impl Into<String>, part: impl IntoIterator<Item = &'a Operation>) -> Self {
        let mut part: Vec<Operation> = part.into_iter().cloned().collect();
        part.sort_by_key(|operation| (operation.sent_at, operation.ended_at, operation.client));
        part.dedup();
        Self { what: what.into(), part }
    }

    /// The operation that shows it, if one does: the last look to be sent, or else the last change.
    #[must_use]
    pub fn witness(&self) -> Option<&Operation> {
        let is_look = |operation: &Operation| operation.is_done() && !operation.function.is_write();
        self.part.iter().max_by_key(|operation| {
            (is_look(operation), operation.outcome != Outcome::Unknown, operation.sent_at)
        })
    }
}

/// Gathers what is found in the parts of a history.
#[derive(Debug, Default)]
pub struct Findings {
    faults: Vec<Fault>,
    count: usize,
    undecided: Vec<String>,
}

impl Findings {
    /// Adds a fault.
    pub fn add(&mut self, fault: Fault) {
        self.count += 1;
        self.faults.push(fault);
        if self.faults.len() > 2 * MAX_FAULTS {
            self.keep_smallest();
        }
    }

    /// Adds that a part was not decided.
    pub fn add_undecided(&mut self, reason: String) {
        self.undecided.push(reason);
    }

    /// Adds what was found in another part.
    pub fn extend(&mut self, other: Self) {
        self.undecided.extend(other.undecided);
        self.count += other.count;
        self.faults.extend(other.faults);
        if self.faults.len() > 2 * MAX_FAULTS {
            self.keep_smallest();
        }
    }

    /// Whether there is a fault.
    #[must_use]
    pub fn has_fault(&self) -> bool {
        self.count > 0
    }

    /// What they come to.
    #[must_use]
    pub fn verdict(mut self) -> Verdict {
        if self.count > 0 {
            self.keep_smallest();
            return Verdict::Failed { faults: self.faults, count: self.count };
        }
        match self.undecided.first() {
            None => Verdict::Passed,
            Some(first) if self.undecided.len() == 1 => Verdict::Undecided { reason: first.clone() },
            Some(first) => {
                Verdict::Undecided { reason: format!("{first}, and {} more", self.undecided.len() - 1) }
            }
        }
    }

    fn keep_smallest(&mut self) {
        self.faults.sort_by_key(|fault| fault.part.len());
        // How many smaller ones of the same key there are.
        let mut of_key: BTreeMap<String, usize> = BTreeMap::new();
        let mut ranked: Vec<(usize, Fault)> = Vec::new();
        for fault in self.faults.drain(..) {
            let key = fault.witness().map(|witness| witness.key.clone()).unwrap_or_default();
            let count = of_key.entry(key).or_default();
            ranked.push((*count, fault));
            *count += 1;
        }
        ranked.sort_by_key(|(smaller, _)| *smaller);
        self.faults.extend(ranked.into_iter().take(MAX_FAULTS).map(|(_, fault)| fault));
    }
}

impl Verdict {
    /// Whether the run proved that the promise held.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        *self == Self::Passed
    }

    /// Whether the promise was broken.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }

    /// The verdict in a word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed { .. } => "failed",
            Self::TooLittle { .. } => "too little",
            Self::Undecided { .. } => "undecided",
        }
    }

    /// How bad it is: what is broken outweighs what is not proved.
    #[must_use]
    pub fn weight(&self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Undecided { .. } => 1,
            Self::TooLittle { .. } => 2,
            Self::Failed { .. } => 3,
        }
    }
}

/// For people, in a line.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::Passed => Ok(()),
            Self::Failed { faults, count } => {
                let first = faults.first().map_or("", |fault| &fault.what);
                write!(f, ": {count} fault{}, such as: {first}", if *count == 1 { "" } else { "s" })
            }
            Self::TooLittle { missing } => write!(f, ": {}", missing.join("; ")),
            Self::Undecided { reason } => write!(f, ": {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::testing::{read, write};

    #[test]
    fn a_fault_is_shown_by_the_last_look_or_the_last_change() {
        let (slow, stale) = (write(2, 3, 90), read(1, 6, 8));
        let witness = |part: &[Operation]| Fault::of("", part).witness().cloned();
        assert_eq!(witness(&[write(1, 0, 2), slow.clone(), read(2, 4, 5), stale.clone()]), Some(stale));
        assert_eq!(witness(&[write(1, 0, 2), slow.clone(), write(3, 8, 9).unknown()]), Some(slow));
        assert_eq!(witness(&[]), None);
    }

    #[test]
    fn the_smallest_faults_are_kept_and_first_those_of_different_keys() {
        let mut findings = Findings::default();
        for number in 0..100 {
            let of_one_key = [read(1, number, number + 1).of("a")];
            findings.add(Fault::of(format!("a {number}"), &of_one_key));
        }
        let larger = [read(1, 0, 1).of("b"), read(2, 2, 3).of("b")];
        findings.add(Fault::of("b", &larger));
        let Verdict::Failed { faults, count } = findings.verdict() else { panic!("it passed") };
        let whats: Vec<&str> = faults.iter().map(|fault| &*fault.what).collect();
        assert_eq!((count, faults.len(), &whats[..3]), (101, MAX_FAULTS, &["a 0", "b", "a 1"][..]));
    }
}

//! What clients asked and what they were told.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::function::Function;
use crate::value::Value;

/// What a client knows of an operation once it has ended.
///
/// An operation without an answer may have been done, or may be done at any later time: it is
/// `Unknown` for ever, and no checker may count on either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was not done, and will not be.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// One operation of one client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    /// The client; a client has one operation under way at a time.
    pub client: usize,
    /// The node that was asked, from 0.
    pub node: usize,
    /// What was asked.
    pub function: Function,
    /// Of what: histories are judged key by key. Empty where all belongs together.
    pub key: String,
    /// With what.
    pub argument: Value,
    /// What was answered; nothing unless it was done.
    pub answer: Value,
    /// When it was sent, from the start of the history.
    pub sent_at: Duration,
    /// When it was answered or given up, from the start of the history.
    pub ended_at: Duration,
    /// What the client knows.
    pub outcome: Outcome,
}

impl Operation {
    /// Whether it was done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.outcome == Outcome::Done
    }

    /// Whether the client got an answer to what it had asked. A read that failed was refused, as it tells
    /// nothing and changes nothing; it was not answered.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        match self.outcome {
            Outcome::Done => true,
            Outcome::Refused => self.function.may_be_refused(),
            Outcome::Unknown => false,
        }
    }

    /// Whether it may have changed something, or still may.
    #[must_use]
    pub fn may_have_effect(&self) -> bool {
        self.function.is_write() && self.outcome != Outcome::Refused
    }

    /// Whether this one had ended before the other was sent. Those of which neither holds are
    /// concurrent: they could have taken effect in either order. So are those with an unknown outcome
    /// and all that comes later.
    #[must_use]
    pub fn is_before(&self, other: &Self) -> bool {
        self.outcome != Outcome::Unknown && self.ended_at < other.sent_at
    }

    /// How long the client waited.
    #[must_use]
    pub fn latency(&self) -> Duration {
        self.ended_at.saturating_sub(self.sent_at)
    }
}

/// Operations of several clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    operations: Vec<Operation>,
}

impl FromIterator<Operation> for History {
    fn from_iter<I: IntoIterator<Item = Operation>>(operations: I) -> Self {
        Self { operations: operations.into_iter().collect() }
    }
}

impl Extend<Operation> for History {
    fn extend<I: IntoIterator<Item = Operation>>(&mut self, operations: I) {
        self.operations.extend(operations);
    }
}

impl History {
    /// The operations, in no particular order.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The operations of each key, by the time at which they were sent.
    #[must_use]
    pub fn by_key(&self) -> BTreeMap<&str, Vec<&Operation>> {
        let mut keys: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
        for operation in &self.operations {
            keys.entry(&operation.key).or_default().push(operation);
        }
        for operations in keys.values_mut() {
            operations.sort_by_key(|operation| (operation.sent_at, operation.ended_at, operation.client));
        }
        keys
    }

    /// When the last operation ended.
    #[must_use]
    pub fn end(&self) -> Duration {
        self.operations.iter().map(|operation| operation.ended_at).max().unwrap_or_default()
    }
}

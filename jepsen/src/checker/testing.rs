//! Operations for tests of checkers, in few words. Times are milliseconds.

use std::time::Duration;

use crate::function::Function;
use crate::history::{History, Operation, Outcome};
use crate::value::Value;

pub(crate) fn history(operations: impl IntoIterator<Item = Operation>) -> History {
    operations.into_iter().collect()
}

/// An operation on the key `k` that was done, and answered nothing.
pub(crate) fn operation(function: Function, argument: impl Into<Value>, from: u64, to: u64) -> Operation {
    Operation {
        client: 0,
        node: 0,
        function,
        key: "k".to_owned(),
        argument: argument.into(),
        answer: Value::Nil,
        sent_at: Duration::from_millis(from),
        ended_at: Duration::from_millis(to),
        outcome: Outcome::Done,
    }
}

pub(crate) fn write(value: i64, from: u64, to: u64) -> Operation {
    operation(Function::Write, value, from, to)
}

pub(crate) fn read(value: impl Into<Value>, from: u64, to: u64) -> Operation {
    operation(Function::Read, Value::Nil, from, to).answering(value)
}

impl Operation {
    pub(crate) fn answering(self, answer: impl Into<Value>) -> Self {
        Self { answer: answer.into(), ..self }
    }

    pub(crate) fn unknown(self) -> Self {
        Self { outcome: Outcome::Unknown, answer: Value::Nil, ..self }
    }

    pub(crate) fn refused(self) -> Self {
        Self { outcome: Outcome::Refused, answer: Value::Nil, ..self }
    }

    pub(crate) fn by(self, client: usize) -> Self {
        Self { client, ..self }
    }

    pub(crate) fn on(self, node: usize) -> Self {
        Self { node, ..self }
    }

    pub(crate) fn of(self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self }
    }
}

//! What clients asked and what they were told, in the order in which it happened.

use std::fmt::{self, Write};
use std::time::Duration;

/// What a client knows of an operation once it has ended.
///
/// An operation without an answer may have been done, or may be done at any later time: it is
/// `Unknown` for ever, and no checker may count on either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was not done, and will not be.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// One operation of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The client; a client has one operation under way at a time.
    pub client: usize,
    /// What was asked, such as `add`.
    pub function: &'static str,
    /// Of what: for `add`, the element.
    pub element: String,
    /// When it was sent, from the start of the history.
    pub sent_at: Duration,
    /// When it was answered or given up, from the start of the history.
    pub ended_at: Duration,
    /// What the client knows.
    pub outcome: Outcome,
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

impl History {
    /// The operations, in no particular order.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The history in EDN, as Jepsen writes it: one map for each invocation and one for each end, by
    /// time, so that other checkers can read it.
    #[must_use]
    pub fn to_edn(&self) -> String {
        let mut events: Vec<(Duration, u8, &Operation)> = Vec::with_capacity(2 * self.operations.len());
        for operation in &self.operations {
            events.push((operation.sent_at, 0, operation));
            events.push((operation.ended_at, 1, operation));
        }
        events.sort_by_key(|(at, is_end, operation)| (*at, *is_end, operation.client));
        let mut text = String::from("[");
        for (index, (at, is_end, operation)) in events.into_iter().enumerate() {
            let kind = match (is_end, &operation.outcome) {
                (0, _) => "invoke",
                (_, Outcome::Done) => "ok",
                (_, Outcome::Refused) => "fail",
                (_, Outcome::Unknown) => "info",
            };
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{{:index {index}, :time {}, :type :{kind}, :process {}, :f :{}, :value {}}}",
                at.as_nanos(),
                operation.client,
                operation.function,
                Text(&operation.element)
            );
        }
        text.push(']');
        text
    }
}

/// A text as an EDN string.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                other => f.write_char(other)?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edn_lists_invocations_and_ends_by_time() {
        let operation = |client, from, to, outcome| Operation {
            client,
            function: "add",
            element: format!("\"{client}\\"),
            sent_at: Duration::from_nanos(from),
            ended_at: Duration::from_nanos(to),
            outcome,
        };
        let history: History =
            [operation(0, 5, 20, Outcome::Unknown), operation(1, 7, 9, Outcome::Done)].into_iter().collect();
        assert_eq!(
            history.to_edn(),
            "[{:index 0, :time 5, :type :invoke, :process 0, :f :add, :value \"\\\"0\\\\\"}\n\
             {:index 1, :time 7, :type :invoke, :process 1, :f :add, :value \"\\\"1\\\\\"}\n\
             {:index 2, :time 9, :type :ok, :process 1, :f :add, :value \"\\\"1\\\\\"}\n\
             {:index 3, :time 20, :type :info, :process 0, :f :add, :value \"\\\"0\\\\\"}\n]"
        );
    }
}

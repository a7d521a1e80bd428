//! Operations as lines of text.

use crate::function::Function;
use crate::history::{Operation, Outcome};

/// A line for each operation: when, who, where, what, and how it ended.
#[must_use]
pub fn lines(operations: &[Operation]) -> Vec<String> {
    operations.iter().map(line).collect()
}

fn line(operation: &Operation) -> String {
    let (from, to) = (operation.sent_at.as_secs_f64(), operation.ended_at.as_secs_f64());
    let (client, node) = (operation.client, operation.node + 1);
    format!("{from:>10.4} to {to:>10.4} s  client {client:<3} n{node}  {}", call(operation))
}

/// What was asked and answered, such as `write user 3 17, unknown` or `read user 3 = 17`.
pub(crate) fn call(operation: &Operation) -> String {
    let mut text = operation.function.to_string();
    if !operation.key.is_empty() {
        text.push(' ');
        text.push_str(&operation.key);
    }
    if !operation.argument.is_nil() {
        text.push(' ');
        text.push_str(&operation.argument.to_string());
    }
    match operation.outcome {
        Outcome::Done if operation.answer.is_nil() && operation.function != Function::Read => {}
        Outcome::Done => {
            text.push_str(" = ");
            text.push_str(&operation.answer.to_string());
        }
        Outcome::Refused => text.push_str(", refused"),
        Outcome::Unknown => text.push_str(", unknown"),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::testing::{read, write};
    use crate::value::Value;

    #[test]
    fn a_line_tells_who_asked_whom_for_what() {
        let operations =
            [write(7, 1, 2500).by(3).on(1), read(Value::Nil, 5, 6), read(7, 5, 6), write(8, 5, 6).unknown()];
        assert_eq!(
            lines(&operations),
            [
                "    0.0010 to     2.5000 s  client 3   n2  write k 7",
                "    0.0050 to     0.0060 s  client 0   n1  read k = nothing",
                "    0.0050 to     0.0060 s  client 0   n1  read k = 7",
                "    0.0050 to     0.0060 s  client 0   n1  write k 8, unknown",
            ]
        );
    }
}

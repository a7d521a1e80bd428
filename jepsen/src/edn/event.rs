//! How an operation's argument and answer become the one value that an event of Jepsen's has, and back.
//!
//! A value that belongs to a key is the pair of both, as Jepsen's `independent` writes it. The value of the
//! end is the answer if there is one, and else the argument: what `read` and `write` of Knossos' registers
//! expect.

use crate::edn::Edn;
use crate::value::Value;

/// The value of an event, for a key.
pub(super) fn keyed(key: &str, value: &Value) -> Edn {
    // Two values without a key would read back as a pair of both.
    if key.is_empty() && value.items().len() != 2 {
        return Edn::from(value);
    }
    Edn::List(vec![Edn::Text(key.to_owned()), Edn::from(value)])
}

/// The key and the value of an event.
pub(super) fn split(form: &Edn) -> (String, Value) {
    match form {
        Edn::List(pair) => match &**pair {
            [key, value] => (key_of(key), Value::from(value)),
            _ => (String::new(), Value::from(form)),
        },
        _ => (String::new(), Value::from(form)),
    }
}

fn key_of(form: &Edn) -> String {
    form.name().map_or_else(|| form.to_string(), str::to_owned)
}

/// The value of the end of an operation, and whether the answer has to stand beside it.
pub(super) fn of_end<'a>(argument: &'a Value, answer: &'a Value) -> (&'a Value, bool) {
    if answer.is_nil() { (argument, false) } else { (answer, answer == argument) }
}

/// The answer, from the value of the end.
pub(super) fn answer_of(argument: &Value, end: Value) -> Value {
    if end == *argument { Value::Nil } else { end }
}

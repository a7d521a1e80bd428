//! Names, in sequences, for what the servers make.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::pair::{Pair, Side};

/// The value of each `{name}` of a request on each side.
#[derive(Debug, Default)]
pub struct Names(BTreeMap<String, Pair<String>>);

impl Names {
    pub fn set(&mut self, name: &str, value: Pair<String>) {
        self.0.insert(name.to_owned(), value);
    }

    pub fn get(&self, name: &str) -> Option<&Pair<String>> {
        self.0.get(name)
    }

    /// The text with each `{name}` replaced. Braces around anything but a word of lower-case letters, digits,
    /// `_` and `.` are left alone.
    ///
    /// # Panics
    /// Nothing has such a name: the sequence is wrong.
    pub fn fill(&self, text: &str, side: Side) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            let (before, from) = rest.split_at(start);
            filled.push_str(before);
            let end = from.find('}').filter(|end| is_name(&from[1..*end]));
            let Some(end) = end else {
                filled.push('{');
                rest = &from[1..];
                continue;
            };
            let name = &from[1..end];
            let value = self.0.get(name).unwrap_or_else(|| panic!("nothing is known as {{{name}}}: {text}"));
            filled.push_str(value.on(side));
            rest = &from[end + 1..];
        }
        filled + rest
    }

    pub fn fill_json(&self, value: &Value, side: Side) -> Value {
        match value {
            Value::String(text) => Value::String(self.fill(text, side)),
            Value::Array(items) => items.iter().map(|item| self.fill_json(item, side)).collect(),
            Value::Object(fields) => {
                let fields = fields.iter();
                let filled = fields.map(|(name, value)| (self.fill(name, side), self.fill_json(value, side)));
                Value::Object(filled.collect::<Map<_, _>>())
            }
            other => other.clone(),
        }
    }
}

fn is_name(text: &str) -> bool {
    let is_part =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'.';
    text.bytes().all(is_part) && text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
}

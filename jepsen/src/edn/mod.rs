//! Extensible data notation, the form in which Jepsen keeps histories.
//! Source: <https://github.com/edn-format/edn>.

mod event;
mod parse;
mod read;
mod write;

use std::fmt::{self, Write};

use crate::value::Value;

pub use parse::{EdnError, parse};
pub use read::read_history;
pub use write::write_history;

/// A form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edn {
    /// `nil`.
    Nil,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number, as it was written.
    Decimal(String),
    /// A string, or a character.
    Text(String),
    /// `:name`, without the colon.
    Keyword(String),
    /// A bare name.
    Symbol(String),
    /// `(...)` or `#{...}`, or `[...]`.
    List(Vec<Edn>),
    /// `{...}`, in the order in which it was written.
    Map(Vec<(Edn, Edn)>),
}

impl Edn {
    /// What a map has under a keyword.
    #[must_use]
    pub fn get(&self, keyword: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries
                .iter()
                .find(|(key, _)| matches!(key, Self::Keyword(name) if name == keyword))
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// The name of a keyword, a symbol or a string.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Keyword(name) | Self::Symbol(name) | Self::Text(name) => Some(name),
            _ => None,
        }
    }
}

impl From<&Value> for Edn {
    fn from(value: &Value) -> Self {
        match value {
            Value::Nil => Self::Nil,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(value) => Self::Integer(*value),
            Value::Text(value) => Self::Text(value.clone()),
            Value::List(values) => Self::List(values.iter().map(Self::from).collect()),
        }
    }
}

/// A form as a value of an operation; names become texts, and what has no counterpart the text of its form.
impl From<&Edn> for Value {
    fn from(form: &Edn) -> Self {
        match form {
            Edn::Nil => Self::Nil,
            Edn::Bool(value) => Self::Bool(*value),
            Edn::Integer(value) => Self::Number(*value),
            Edn::Decimal(name) | Edn::Text(name) | Edn::Keyword(name) | Edn::Symbol(name) => {
                Self::Text(name.clone())
            }
            Edn::List(forms) => Self::List(forms.iter().map(Self::from).collect()),
            Edn::Map(_) => Self::Text(form.to_string()),
        }
    }
}

impl fmt::Display for Edn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Decimal(text) | Self::Symbol(text) => f.write_str(text),
            Self::Keyword(name) => write!(f, ":{name}"),
            Self::Text(text) => write_text(f, text),
            Self::List(forms) => {
                f.write_char('[')?;
                for (position, form) in forms.iter().enumerate() {
                    if position > 0 {
                        f.write_char(' ')?;
                    }
                    write!(f, "{form}")?;
                }
                f.write_char(']')
            }
            Self::Map(entries) => {
                f.write_char('{')?;
                for (position, (key, value)) in entries.iter().enumerate() {
                    if position > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{key} {value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            control if control.is_control() && u32::from(control) < 0x1_0000 => {
                write!(f, "\\u{:04x}", u32::from(control))?;
            }
            other => f.write_char(other)?,
        }
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests;

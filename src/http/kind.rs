//! What an attribute of a request may be, and what is wrong with one that is not that.

use std::collections::BTreeSet;

use serde_json::Value;

use super::ApiError;
use super::python_text::{python_repr, python_str, quoted};
use crate::resource::commands::tags::MAX_TAGS;

/// What an attribute may be.
pub enum Kind {
    /// A string of that many characters; `must_have_text` refuses blanks only.
    Text {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
        /// At least one character is no space.
        must_have_text: bool,
    },
    /// An id: 1 to 64 of letters, digits and `-`.
    Id,
    /// A UUID in hexadecimal, with or without dashes.
    Uuid,
    /// A boolean, or a string that Keystone takes for one.
    Boolean,
    /// A boolean and no string: services and endpoints take nothing else.
    StrictBoolean,
    /// An absolute URL, up to 225 characters.
    Url,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// An object of resource options: these names.
    Options(&'static [(&'static str, OptionKind)]),
    /// A list of unique tags.
    Tags,
    /// A list of tags, however many and also twice.
    TagTexts,
    /// A list of anything.
    List,
}

/// What a resource option may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    /// A boolean or null.
    Boolean,
    /// Lists of method names, or null.
    MethodLists,
}

/// The strings that Keystone takes for a boolean, as it lists them: `True` and `False` stand for the booleans.
const BOOLEAN_TEXTS: &str = "[True, 'True', 'TRUE', 'true', False, 'False', 'FALSE', 'false', '', '1', '0', 'y', 'Y', \
                             'n', 'N', 'on', 'ON', 'off', 'OFF', 'yes', 'no']";
pub(super) const TRUE_TEXTS: [&str; 9] = ["True", "TRUE", "true", "1", "y", "Y", "on", "ON", "yes"];
pub(super) const FALSE_TEXTS: [&str; 10] = ["False", "FALSE", "false", "", "0", "n", "N", "off", "OFF", "no"];

/// The boolean that a JSON value stands for in a body, if it stands for one.
#[must_use]
pub fn as_boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if TRUE_TEXTS.contains(&text.as_str()) => Some(true),
        Value::String(text) if FALSE_TEXTS.contains(&text.as_str()) => Some(false),
        _ => None,
    }
}

/// What is wrong with a value, in jsonschema's words.
pub(super) struct Fault<'v> {
    /// The innermost name or index on the way to the value.
    at: String,
    value: &'v Value,
    message: String,
}

impl<'v> Fault<'v> {
    pub(super) fn new(at: &str, value: &'v Value, reason: &str) -> Self {
        Self { at: at.into(), value, message: format!("{} {reason}", python_repr(value)) }
    }
}

impl From<Fault<'_>> for ApiError {
    fn from(Fault { at, value, message }: Fault<'_>) -> Self {
        Self::BadRequest(format!(
            "Invalid input for field/attribute {at}. Value: {}. {message}",
            python_str(value)
        ))
    }
}

/// What jsonschema says of properties that are not allowed.
pub(super) fn unexpected<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let were = if names.len() == 1 { "was" } else { "were" };
    format!("Additional properties are not allowed ({} {were} unexpected)", quoted(names))
}

fn wrong_type(kind: &str, is_nullable: bool) -> Option<String> {
    let null = if is_nullable { ", 'null'" } else { "" };
    Some(format!("is not of type '{kind}'{null}"))
}

impl Kind {
    /// What is wrong with the value of the attribute `name`, if anything is.
    pub(super) fn fault<'v>(&self, name: &str, value: &'v Value, is_nullable: bool) -> Option<Fault<'v>> {
        let here = |reason: Option<String>| reason.map(|reason| Fault::new(name, value, &reason));
        match self {
            Self::Boolean => here(boolean_fault(value)),
            Self::StrictBoolean if value.is_boolean() => None,
            Self::StrictBoolean => here(wrong_type("boolean", is_nullable)),
            Self::Options(known) => option_fault(name, value, known),
            Self::Tags => tags_fault(name, value),
            Self::TagTexts => tag_texts_fault(name, value),
            Self::List if !value.is_array() => here(wrong_type("array", is_nullable)),
            Self::List => None,
            _ => here(match value.as_str() {
                None => wrong_type("string", is_nullable),
                Some(text) => self.text_fault(text),
            }),
        }
    }

    /// What is wrong with a text, if the kind is one of texts.
    fn text_fault(&self, text: &str) -> Option<String> {
        match self {
            Self::Text { min, max, must_have_text } => length_fault(text, *min, *max).or_else(|| {
                let is_blank = *must_have_text && text.trim().is_empty();
                is_blank.then(|| "does not match '[\\\\S]+'".into())
            }),
            Self::Id => length_fault(text, 1, 64)
                .or_else(|| (!is_id(text)).then(|| "does not match '^[a-zA-Z0-9-]+$'".into())),
            Self::Uuid => crate::token::payload::parse_uuid(text).is_none().then(|| "is not a 'uuid'".into()),
            Self::Url => length_fault(text, 0, 225)
                .or_else(|| (!is_url(text)).then(|| "does not match '^[a-zA-Z0-9+.-]+:.+'".into())),
            Self::OneOf(texts) => {
                (!texts.contains(&text)).then(|| format!("is not one of [{}]", quoted(texts.iter().copied())))
            }
            Self::Boolean
            | Self::StrictBoolean
            | Self::Options(_)
            | Self::Tags
            | Self::TagTexts
            | Self::List => None,
        }
    }
}

fn length_fault(text: &str, min: usize, max: usize) -> Option<String> {
    let length = text.chars().count();
    if length < min {
        return Some("should be non-empty".into());
    }
    (length > max).then(|| "is too long".into())
}

fn boolean_fault(value: &Value) -> Option<String> {
    match value {
        _ if as_boolean(value).is_some() => None,
        Value::Null | Value::String(_) => Some(format!("is not one of {BOOLEAN_TEXTS}")),
        _ => Some("is not of type 'boolean', 'string', 'null'".into()),
    }
}

fn is_id(text: &str) -> bool {
    text.chars().all(|character| character.is_ascii_alphanumeric() || character == '-')
}

fn is_url(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        let is_allowed =
            |character: char| character.is_ascii_alphanumeric() || "+.-$()_s%".contains(character);
        let has_rest = rest.starts_with(|character| character != '\n');
        has_rest && !scheme.is_empty() && scheme.chars().all(is_allowed)
    }) || text.starts_with("$(")
        || text.starts_with("%(")
}

fn option_fault<'v>(name: &str, value: &'v Value, known: &[(&str, OptionKind)]) -> Option<Fault<'v>> {
    let Some(options) = value.as_object() else {
        return Some(Fault::new(name, value, "is not of type 'object'"));
    };
    for (option, kind) in known {
        let given = options.get(*option).filter(|value| !value.is_null());
        let fault = given.and_then(|value| match kind {
            OptionKind::Boolean if value.is_boolean() => None,
            OptionKind::Boolean => Some(Fault::new(option, value, "is not of type 'boolean', 'null'")),
            OptionKind::MethodLists => method_lists_fault(option, value),
        });
        if fault.is_some() {
            return fault;
        }
    }
    let is_known = |name: &str| known.iter().any(|(option, _)| *option == name);
    let unknown: Vec<&str> = options.keys().map(String::as_str).filter(|name| !is_known(name)).collect();
    let is_unexpected = !unknown.is_empty();
    is_unexpected.then(|| Fault { at: name.into(), value, message: unexpected(unknown) })
}

/// Lists of texts, not empty, none twice.
fn method_lists_fault<'v>(option: &str, value: &'v Value) -> Option<Fault<'v>> {
    let Some(rules) = value.as_array() else {
        return Some(Fault::new(option, value, "is not of type 'array', 'null'"));
    };
    for (index, rule) in rules.iter().enumerate() {
        let at = |reason: &str| Some(Fault::new(&index.to_string(), rule, reason));
        let Some(methods) = rule.as_array() else {
            return at("is not of type 'array'");
        };
        for (index, method) in methods.iter().enumerate() {
            if !method.is_string() {
                return Some(Fault::new(&index.to_string(), method, "is not of type 'string'"));
            }
        }
        if methods.is_empty() {
            return at("should be non-empty");
        }
        if has_twice(methods) {
            return at("has non-unique elements");
        }
    }
    has_twice(rules).then(|| Fault::new(option, value, "has non-unique elements"))
}

fn has_twice(values: &[Value]) -> bool {
    let mut seen = BTreeSet::new();
    !values.iter().all(|value| seen.insert(value.to_string()))
}

/// Longest tag.
pub(super) const MAX_TAG_CHARS: usize = 255;

/// Whether a text may be a tag.
#[must_use]
pub fn is_tag(text: &str) -> bool {
    (1..=MAX_TAG_CHARS).contains(&text.chars().count()) && !text.contains(['/', ','])
}

/// What is wrong with the text of a tag.
pub(super) fn tag_fault(text: &str) -> Option<String> {
    length_fault(text, 1, MAX_TAG_CHARS)
        .or_else(|| (!is_tag(text)).then(|| "does not match '^[^,/]*$'".into()))
}

fn tag_texts_fault<'v>(name: &str, value: &'v Value) -> Option<Fault<'v>> {
    let Some(tags) = value.as_array() else {
        return Some(Fault::new(name, value, "is not of type 'array'"));
    };
    tags.iter().enumerate().find_map(|(index, tag)| {
        let reason = tag.as_str().map_or_else(|| wrong_type("string", false), tag_fault)?;
        Some(Fault::new(&index.to_string(), tag, &reason))
    })
}

fn tags_fault<'v>(name: &str, value: &'v Value) -> Option<Fault<'v>> {
    tag_texts_fault(name, value).or_else(|| {
        let tags = value.as_array()?;
        let is_too_long = tags.len() > MAX_TAGS;
        let reason = if is_too_long { "is too long" } else { "has non-unique elements" };
        (is_too_long || has_twice(tags)).then(|| Fault::new(name, value, reason))
    })
}

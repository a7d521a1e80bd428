//! JSON values as Python prints them: Keystone's messages quote what a client sent in that form.

use serde_json::Value;

/// What Python's `str()` makes of a decoded JSON value.
#[must_use]
pub fn python_str(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => python_repr(other),
    }
}

/// What Python's `repr()` makes of a decoded JSON value.
#[must_use]
pub fn python_repr(value: &Value) -> String {
    match value {
        Value::Null => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => repr_of_text(text),
        Value::Array(items) => format!("[{}]", joined(items.iter().map(python_repr))),
        Value::Object(object) => {
            let pairs =
                object.iter().map(|(name, value)| format!("{}: {}", repr_of_text(name), python_repr(value)));
            format!("{{{}}}", joined(pairs))
        }
    }
}

/// Texts as `'a', 'b'`.
#[must_use]
pub fn quoted<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    joined(texts.into_iter().map(repr_of_text))
}

fn joined(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(", ")
}

fn repr_of_text(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut shown = String::with_capacity(text.len() + 2);
    shown.push(quote);
    for character in text.chars() {
        match character {
            '\\' => shown.push_str("\\\\"),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            _ if character == quote => {
                shown.push('\\');
                shown.push(quote);
            }
            _ if character.is_ascii_control() => shown.push_str(&format!("\\x{:02x}", u32::from(character))),
            _ => shown.push(character),
        }
    }
    shown.push(quote);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_printed_as_python_prints_them() {
        assert_eq!(
            python_repr(&json!([1, { "a": null, "b": true }, 1.5])),
            "[1, {'a': None, 'b': True}, 1.5]"
        );
        assert_eq!(python_repr(&json!("it's")), "\"it's\"");
        assert_eq!(python_repr(&json!("it's \"so\"")), "'it\\'s \"so\"'");
        assert_eq!(python_repr(&json!("a\\b\n\u{7}é")), "'a\\\\b\\n\\x07é'");
        assert_eq!(python_str(&json!("a b")), "a b");
        assert_eq!(python_str(&json!(false)), "False");
        assert_eq!(quoted(["x", "y"]), "'x', 'y'");
    }
}

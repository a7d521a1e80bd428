//! Texts and values without what is a server's own: the form in which those of two servers are the same.

use serde_json::Value;

use super::ids::{Part, parts};
use super::times;

/// Lists whose order Keystone defines; of all others only the members count.
pub const ORDERED: &[&str] = &["audit_ids", "multi_factor_auth_rules"];
/// Values that are made up by the server, though they do not look like ids.
pub const OPAQUE: &[&str] = &["audit_ids", "audit_id", "audit_chain_id"];
/// In place of the server's own URL.
pub const BASE: &str = "BASE";

/// The text without what is a server's own: its URL, its ids by their number, times by their form.
pub fn form(text: &str, base_url: &str, number: impl Fn(&str) -> Option<usize>) -> String {
    if let Some(form) = times::form(text) {
        return form;
    }
    let text = text.replace(base_url, BASE);
    let written = parts(&text).into_iter().map(|part| match part {
        Part::Text(text) => text.to_owned(),
        Part::Id(id) => number(id).map_or_else(|| "#?".to_owned(), |number| format!("#{number}")),
    });
    written.collect()
}

/// A value written so that equal ones are equal texts on both sides, whatever the order in it.
pub fn canon(
    key: &str,
    value: &Value,
    form: &impl Fn(&str) -> String,
    number: &impl Fn(&str) -> Option<usize>,
) -> String {
    match value {
        Value::String(text) if OPAQUE.contains(&key) => format!("#{:?}", number(text)),
        Value::String(text) => format!("{:?}", form(text)),
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(|item| canon(key, item, form, number)).collect();
            if !ORDERED.contains(&key) {
                items.sort();
            }
            format!("[{}]", items.join(","))
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            let mut fields: Vec<_> = fields
                .map(|(key, value)| format!("{}:{}", form(key), canon(key, value, form, number)))
                .collect();
            fields.sort();
            format!("{{{}}}", fields.join(","))
        }
        other => other.to_string(),
    }
}

/// A page: the number of its rows, and all that is no row. Its links name other ids on each side.
pub fn outline(page: &Value) -> Value {
    let Value::Object(fields) = page else { return page.clone() };
    let mut outline = fields.clone();
    for (name, field) in &mut outline {
        match field {
            Value::Array(rows) => *field = Value::from(rows.len()),
            Value::Object(links) if name == "links" => {
                for link in links.values_mut() {
                    if let Value::String(text) = link {
                        *text = any_id(text);
                    }
                }
            }
            _ => {}
        }
    }
    Value::Object(outline)
}

/// A link of a page, whatever ids it names. Its marker is one, also where that is `default`.
fn any_id(link: &str) -> String {
    const MARKER: &str = "marker=";
    let id = |part: &Part<'_>| if let Part::Text(text) = part { (*text).to_owned() } else { "ID".to_owned() };
    let link: String = parts(link).iter().map(id).collect();
    match link.split_once(MARKER) {
        Some((before, after)) => {
            let rest = after.find('&').map_or("", |at| &after[at..]);
            format!("{before}{MARKER}ID{rest}")
        }
        None => link,
    }
}

/// A key in a pointer; one that is an id becomes `*`.
pub fn field_name(key: &str) -> &str {
    if matches!(parts(key).as_slice(), [Part::Id(_)]) { "*" } else { key }
}

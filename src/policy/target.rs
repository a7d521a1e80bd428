//! What is asked about: the flat map of dotted paths that templates read.

use std::borrow::Cow;

use serde_json::Value;

use super::attribute::python_bool;

/// How many attributes fit without allocating.
const INLINE_ENTRIES: usize = 8;

const REQUEST_BODY: &str = "request_body.";

/// The attributes of the object of a request, keyed as Keystone flattens them: path parameters by
/// their bare names (`user_id`), the object under `target.` (`target.user.domain_id`), query
/// filters under `filter_attr.`, the JSON body under `request_body.`.
///
/// A key that was never given makes a check false; a key given as null prints as `None`.
/// It has no `Debug` because a request body may hold passwords.
#[derive(Clone, Default)]
pub struct Target<'a> {
    /// Filled from the front. (Not a `SmallVec`, which would make the lifetime invariant.)
    inline: [Option<Entry<'a>>; INLINE_ENTRIES],
    /// What does not fit.
    overflow: Vec<Entry<'a>>,
    request_body: Option<&'a Value>,
}

type Entry<'a> = (&'a str, Cow<'a, str>);

impl<'a> Target<'a> {
    /// A target without attributes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text attribute; of two with one path the later one counts.
    #[must_use]
    pub fn with(mut self, path: &'a str, value: impl Into<Cow<'a, str>>) -> Self {
        let entry = (path, value.into());
        match self.inline.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => *slot = Some(entry),
            None => self.overflow.push(entry),
        }
        self
    }

    /// Adds an attribute that is present even when null, such as the `domain_id` of a role.
    #[must_use]
    pub fn with_optional(self, path: &'a str, value: Option<impl Into<Cow<'a, str>>>) -> Self {
        match value {
            Some(value) => self.with(path, value),
            None => self.with(path, "None"),
        }
    }

    /// Adds a boolean, printed as Python prints it.
    #[must_use]
    pub fn with_flag(self, path: &'a str, value: bool) -> Self {
        self.with(path, python_bool(value))
    }

    /// Makes `%(request_body.…)s` readable. Nothing is flattened ahead of time. Lists in the body
    /// are not readable.
    #[must_use]
    pub fn with_request_body(mut self, body: &'a Value) -> Self {
        self.request_body = Some(body);
        self
    }

    /// The text at `path`, as Python would print it.
    pub(super) fn get(&self, path: &str) -> Option<Cow<'_, str>> {
        if let Some(inner) = path.strip_prefix(REQUEST_BODY) {
            return self.request_body.and_then(|body| body_text(body, inner));
        }
        let mut entries = self.inline.iter().flatten().chain(&self.overflow).rev();
        let (_, value) = entries.find(|(key, _)| *key == path)?;
        Some(Cow::Borrowed(value))
    }
}

fn body_text<'v>(body: &'v Value, path: &str) -> Option<Cow<'v, str>> {
    let value = path.split('.').try_fold(body, |value, name| value.as_object()?.get(name))?;
    match value {
        Value::Null => Some(Cow::Borrowed("None")),
        Value::Bool(flag) => Some(Cow::Borrowed(python_bool(*flag))),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_body_is_read_below_its_own_name_only() {
        let body = serde_json::json!({
            "user": {"name": "a", "enabled": true, "age": 7, "email": null, "tags": ["x"]},
            "target": {"user": {"id": "forged"}},
        });
        let target = Target::new().with_request_body(&body);
        let read = |path| target.get(path).map(Cow::into_owned);
        assert_eq!(read("request_body.user.name").as_deref(), Some("a"));
        assert_eq!(read("request_body.user.enabled").as_deref(), Some("True"));
        assert_eq!(read("request_body.user.age").as_deref(), Some("7"));
        assert_eq!(read("request_body.user.email").as_deref(), Some("None"));
        assert_eq!(read("request_body.user.tags"), None);
        assert_eq!(read("request_body.user"), None);
        assert_eq!(read("target.user.id"), None);
    }

    #[test]
    fn the_later_of_two_values_counts() {
        let target = Target::new().with("a", "1").with("a", "2");
        assert_eq!(target.get("a").as_deref(), Some("2"));
    }

    #[test]
    fn attributes_beyond_the_inline_ones_are_kept() {
        let paths: Vec<String> = (0..2 * INLINE_ENTRIES).map(|number| format!("k{number}")).collect();
        let target = paths.iter().fold(Target::new(), |target, path| target.with(path, path.clone()));
        for path in &paths {
            assert_eq!(target.get(path).as_deref(), Some(path.as_str()));
        }
    }
}

//! Request bodies: what a resource's object may hold, as a small table, checked with Keystone's messages.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::kind::{Fault, tag_fault, unexpected};
use super::python_text::{python_repr, quoted};
use super::{ApiError, Query};

pub use super::kind::{Kind, OptionKind, as_boolean, is_tag};

/// The object in a request body: `{"user": {...}}`.
pub struct Schema {
    /// The name of the object, which is the one key of the body.
    pub wrapper: &'static str,
    /// The attributes with rules. Others are extra attributes.
    pub fields: &'static [Field],
    /// Attributes that must be there.
    pub required: &'static [&'static str],
    /// Whether attributes without rules are kept (as "extra"), or refused.
    pub allows_extra: bool,
    /// A PATCH of this resource must change something.
    pub needs_property: bool,
}

/// An attribute and what it may be.
pub struct Field {
    /// The attribute's name.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// Whether null is allowed.
    pub is_nullable: bool,
}

/// A field that is a name: text of 1 to `max` characters.
#[must_use]
pub const fn name(name: &'static str, max: usize) -> Field {
    Field { name, kind: Kind::Text { min: 1, max, must_have_text: true }, is_nullable: false }
}

/// A field of free text that may be null.
#[must_use]
pub const fn text(name: &'static str) -> Field {
    Field { name, kind: Kind::Text { min: 0, max: usize::MAX, must_have_text: false }, is_nullable: true }
}

/// A field that must have this form.
#[must_use]
pub const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, is_nullable: false }
}

/// A field that must have this form or be null.
#[must_use]
pub const fn nullable(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, is_nullable: true }
}

impl Schema {
    /// Takes the object out of a body and checks it, in the order of Keystone's validator.
    ///
    /// # Errors
    /// 400 that names the attribute at fault.
    pub fn check(&self, mut body: Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
        let wrapper = self.wrapper;
        let Some(inner) = body.remove(wrapper) else {
            return Err(ApiError::BadRequest(format!("'{wrapper}' is a required property")));
        };
        let Value::Object(object) = inner else {
            return Err(Fault::new(wrapper, &inner, "is not of type 'object'").into());
        };
        self.check_object(&object)?;
        if !body.is_empty() {
            return Err(ApiError::BadRequest(unexpected(body.keys().map(String::as_str))));
        }
        Ok(object)
    }

    /// As [`Schema::check`], for the few resources whose bodies may hold other keys beside the object.
    ///
    /// # Errors
    /// 400 that names the attribute at fault.
    pub fn check_among_others(&self, mut body: Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
        body.retain(|name, _| name == self.wrapper);
        self.check(body)
    }

    fn check_object(&self, object: &Map<String, Value>) -> Result<(), ApiError> {
        for field in self.fields {
            if let Some(value) = object.get(field.name) {
                field.check(value)?;
            }
        }
        let fault = |reason: String| {
            let (wrapper, shown) = (self.wrapper, object_text(object));
            ApiError::BadRequest(format!(
                "Invalid input for field/attribute {wrapper}. Value: {shown}. {reason}"
            ))
        };
        if let Some(name) = self.required.iter().find(|name| !object.contains_key(**name)) {
            return Err(fault(format!("'{name}' is a required property")));
        }
        if self.needs_property && object.is_empty() {
            return Err(fault("{} should be non-empty".into()));
        }
        let is_known = |name: &str| self.fields.iter().any(|field| field.name == name);
        let unknown: Vec<&str> = object.keys().map(String::as_str).filter(|name| !is_known(name)).collect();
        if !self.allows_extra && !unknown.is_empty() {
            return Err(fault(unexpected(unknown)));
        }
        Ok(())
    }
}

/// The object as an error shows it. A secret is not repeated in an error.
fn object_text(object: &Map<String, Value>) -> String {
    let mut shown = object.clone();
    for (name, value) in &mut shown {
        if is_secret(name) {
            *value = Value::String("***".into());
        }
    }
    python_repr(&Value::Object(shown))
}

fn is_secret(name: &str) -> bool {
    name.contains("password")
}

/// Checks the parameters of a query that have rules; of one that is given twice, the first.
///
/// # Errors
/// 400 that names the parameter at fault.
pub fn check_query(query: &Query, fields: &[Field]) -> Result<(), ApiError> {
    for field in fields {
        if let Some((_, value)) = query.iter().find(|(name, _)| *name == field.name) {
            field.check(&Value::String(value.into()))?;
        }
    }
    Ok(())
}

/// Checks the parameters of a query that may hold no others.
///
/// # Errors
/// 400 that names the parameters at fault.
pub fn check_closed_query(query: &Query, fields: &[Field]) -> Result<(), ApiError> {
    check_query(query, fields)?;
    let is_known = |name: &str| fields.iter().any(|field| field.name == name);
    let unknown: BTreeSet<&str> = query.iter().map(|(name, _)| name).filter(|name| !is_known(name)).collect();
    if unknown.is_empty() { Ok(()) } else { Err(ApiError::BadRequest(unexpected(unknown))) }
}

/// Checks the body of the few requests whose attributes are in no object of their own; no others may be there.
///
/// # Errors
/// 400 that names the attribute at fault.
pub fn check_closed_body(body: &Map<String, Value>, fields: &[Field]) -> Result<(), ApiError> {
    let is_known = |name: &str| fields.iter().any(|field| field.name == name);
    for field in fields {
        if let Some(value) = body.get(field.name) {
            field.check(value)?;
        }
    }
    let unknown: Vec<&str> = body.keys().map(String::as_str).filter(|name| !is_known(name)).collect();
    if unknown.is_empty() { Ok(()) } else { Err(ApiError::BadRequest(unexpected(unknown))) }
}

/// Checks the text of a tag that is in a path.
///
/// # Errors
/// 400.
pub fn check_tag(text: &str) -> Result<(), ApiError> {
    match tag_fault(text) {
        Some(reason) => Err(ApiError::BadRequest(format!("{} {reason}", quoted([text])))),
        None => Ok(()),
    }
}

impl Field {
    fn check(&self, value: &Value) -> Result<(), ApiError> {
        if value.is_null() && self.is_nullable {
            return Ok(());
        }
        match self.kind.fault(self.name, value, self.is_nullable) {
            Some(_) if is_secret(self.name) => Err(ApiError::BadRequest(format!(
                "Invalid input for field/attribute {}. It is not of the form that is expected.",
                self.name
            ))),
            Some(fault) => Err(fault.into()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const USER: Schema = Schema {
        wrapper: "user",
        fields: &[
            field("domain_id", Kind::Id),
            field("enabled", Kind::Boolean),
            name("name", 5),
            text("password"),
            field(
                "options",
                Kind::Options(&[("lock", OptionKind::Boolean), ("rules", OptionKind::MethodLists)]),
            ),
            field("tags", Kind::Tags),
        ],
        required: &["name"],
        allows_extra: true,
        needs_property: false,
    };
    const UPDATE: Schema = Schema { required: &[], allows_extra: false, needs_property: true, ..USER };

    fn refusal(schema: &Schema, body: Value) -> String {
        let Value::Object(body) = body else { panic!("an object") };
        schema.check(body).unwrap_err().to_string()
    }

    #[test]
    fn a_body_that_fits_is_given_back() {
        let object = json!({
            "name": "u", "enabled": "N", "password": null, "tags": ["a", "A"], "email": "e",
            "options": { "lock": null, "rules": [["password", "totp"], ["password"]] },
        });
        let Value::Object(body) = json!({ "user": object }) else { panic!("an object") };
        assert_eq!(Value::Object(USER.check(body).unwrap()), object);
    }

    /// The messages are Keystone's.
    #[test]
    fn a_fault_is_named_in_the_order_and_words_of_keystone() {
        let invalid = |rest: &str| format!("Invalid input for field/attribute {rest}");
        for (object, message) in [
            (json!("x"), invalid("user. Value: x. 'x' is not of type 'object'")),
            (json!({}), invalid("user. Value: {}. 'name' is a required property")),
            (
                json!({ "enabled": 1 }),
                invalid("enabled. Value: 1. 1 is not of type 'boolean', 'string', 'null'"),
            ),
            (json!({ "name": "" }), invalid("name. Value: . '' should be non-empty")),
            (json!({ "name": "  " }), invalid("name. Value:   . '  ' does not match '[\\\\S]+'")),
            (json!({ "name": "abcdef" }), invalid("name. Value: abcdef. 'abcdef' is too long")),
            (json!({ "name": 1 }), invalid("name. Value: 1. 1 is not of type 'string'")),
            (json!({ "domain_id": null }), invalid("domain_id. Value: None. None is not of type 'string'")),
            (
                json!({ "domain_id": "a_c" }),
                invalid("domain_id. Value: a_c. 'a_c' does not match '^[a-zA-Z0-9-]+$'"),
            ),
            (
                json!({ "options": { "nope": 1, "nope2": 2 } }),
                invalid(
                    "options. Value: {'nope': 1, 'nope2': 2}. Additional properties are not allowed ('nope', \
                     'nope2' were unexpected)",
                ),
            ),
            (
                json!({ "options": { "lock": "x" } }),
                invalid("lock. Value: x. 'x' is not of type 'boolean', 'null'"),
            ),
            (
                json!({ "options": { "rules": [["a", "a"]] } }),
                invalid("0. Value: ['a', 'a']. ['a', 'a'] has non-unique elements"),
            ),
            (json!({ "options": { "rules": [[]] } }), invalid("0. Value: []. [] should be non-empty")),
            (
                json!({ "options": { "rules": [["a"], ["a"]] } }),
                invalid("rules. Value: [['a'], ['a']]. [['a'], ['a']] has non-unique elements"),
            ),
            (
                json!({ "tags": ["a", "a"] }),
                invalid("tags. Value: ['a', 'a']. ['a', 'a'] has non-unique elements"),
            ),
            (json!({ "tags": ["a", "b,c"] }), invalid("1. Value: b,c. 'b,c' does not match '^[^,/]*$'")),
            (json!({ "tags": 3 }), invalid("tags. Value: 3. 3 is not of type 'array'")),
        ] {
            assert_eq!(refusal(&USER, json!({ "user": object })), message);
        }
    }

    #[test]
    fn only_the_wrapper_is_allowed_and_an_update_says_something() {
        assert_eq!(refusal(&USER, json!({ "usr": {} })), "'user' is a required property");
        let beside = |names: &str| format!("Additional properties are not allowed ({names} unexpected)");
        let user = json!({ "name": "u" });
        assert_eq!(refusal(&USER, json!({ "user": user, "x": 1 })), beside("'x' was"));
        assert_eq!(refusal(&USER, json!({ "user": user, "x": 1, "y": 1 })), beside("'x', 'y' were"));
        let invalid = "Invalid input for field/attribute user. Value: ";
        assert_eq!(
            refusal(&UPDATE, json!({ "user": {} })),
            format!("{invalid}{{}}. {{}} should be non-empty")
        );
        assert_eq!(
            refusal(&UPDATE, json!({ "user": { "x": true } })),
            format!("{invalid}{{'x': True}}. {}", beside("'x' was"))
        );
    }

    #[test]
    fn a_password_is_never_in_a_message() {
        for object in [json!({ "password": "s3cr3t" }), json!({ "password": ["s3cr3t"] })] {
            let message = refusal(&USER, json!({ "user": object }));
            assert!(!message.contains("s3cr3t"), "{message}");
        }
    }
}

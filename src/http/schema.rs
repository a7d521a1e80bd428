//! Request bodies: what a resource's object may hold, as a small table, checked with Keystone's messages.

use serde_json::{Map, Value};

use super::ApiError;

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
    /// An object of resource options: these names, each a boolean or null (or, for `Any`, whatever it is).
    Options(&'static [(&'static str, OptionKind)]),
    /// A list of unique tags.
    Tags,
}

/// What a resource option may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    /// A boolean or null.
    Boolean,
    /// Lists of method names, or null.
    MethodLists,
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

/// The strings that Keystone takes for a boolean in a body.
const TRUE_TEXTS: [&str; 6] = ["true", "1", "yes", "on", "t", "y"];
const FALSE_TEXTS: [&str; 6] = ["false", "0", "no", "off", "f", "n"];

/// The boolean that a JSON value stands for in a body, if it stands for one.
#[must_use]
pub fn as_boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => {
            let text = text.to_ascii_lowercase();
            if TRUE_TEXTS.contains(&text.as_str()) {
                Some(true)
            } else {
                FALSE_TEXTS.contains(&text.as_str()).then_some(false)
            }
        }
        _ => None,
    }
}

impl Schema {
    /// As [`Schema::check`], for the few resources whose bodies may hold other keys beside the object.
    ///
    /// # Errors
    /// 400 that names the attribute at fault.
    pub fn check_among_others(&self, mut body: Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
        body.retain(|name, _| name == self.wrapper);
        self.check(body)
    }

    /// Takes the object out of a body and checks it.
    ///
    /// # Errors
    /// 400 that names the attribute at fault.
    pub fn check(&self, mut body: Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
        let wrapper = self.wrapper;
        let Some(inner) = body.remove(wrapper) else {
            return Err(ApiError::BadRequest(format!("'{wrapper}' is a required property")));
        };
        if let Some(unknown) = body.keys().next() {
            return Err(ApiError::BadRequest(format!(
                "Additional properties are not allowed ('{unknown}' was unexpected)"
            )));
        }
        let Value::Object(object) = inner else {
            return Err(invalid(wrapper, &inner, "is not of type 'object'"));
        };
        for name in self.required {
            if !object.contains_key(*name) {
                let object = Value::Object(object);
                return Err(ApiError::BadRequest(format!(
                    "Invalid input for field/attribute {wrapper}. Value: {object}. '{name}' is a required property"
                )));
            }
        }
        if self.needs_property && object.is_empty() {
            return Err(ApiError::BadRequest(format!(
                "Invalid input for field/attribute {wrapper}. Value: {{}}. {{}} should be non-empty"
            )));
        }
        for (name, value) in &object {
            match self.fields.iter().find(|field| field.name == name) {
                Some(field) => field.check(value)?,
                None if self.allows_extra => {}
                None => {
                    return Err(ApiError::BadRequest(format!(
                        "Additional properties are not allowed ('{name}' was unexpected)"
                    )));
                }
            }
        }
        Ok(object)
    }
}

fn invalid(name: &str, value: &Value, reason: &str) -> ApiError {
    let shown = match value {
        Value::String(text) => format!("'{text}'"),
        // As Python prints them.
        Value::Null => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        other => other.to_string(),
    };
    let bare = shown.trim_matches('\'');
    ApiError::BadRequest(format!("Invalid input for field/attribute {name}. Value: {bare}. {shown} {reason}"))
}

impl Field {
    /// Checks one value.
    ///
    /// # Errors
    /// 400 that names the attribute.
    pub(super) fn check(&self, value: &Value) -> Result<(), ApiError> {
        if value.is_null() && self.is_nullable {
            return Ok(());
        }
        match self.kind.fault(value) {
            // A secret is not repeated in an error.
            Some(_) if self.name.contains("password") => Err(ApiError::BadRequest(format!(
                "Invalid input for field/attribute {}. It is not of the form that is expected.",
                self.name
            ))),
            Some(reason) => Err(invalid(self.name, value, &reason)),
            None => Ok(()),
        }
    }
}

impl Kind {
    /// What is wrong with a value, in jsonschema's words.
    fn fault(&self, value: &Value) -> Option<String> {
        let text = value.as_str();
        match self {
            Self::Text { min, max, must_have_text } => match text {
                None => Some("is not of type 'string'".into()),
                Some(text) if text.chars().count() < *min => Some("should be non-empty".into()),
                Some(text) if text.chars().count() > *max => Some("is too long".into()),
                Some(text) if *must_have_text && text.trim().is_empty() => {
                    Some("does not match '[\\\\S]+'".into())
                }
                Some(_) => None,
            },
            Self::Id => match text {
                None => Some("is not of type 'string'".into()),
                Some("") => Some("should be non-empty".into()),
                Some(text) if text.len() > 64 => Some("is too long".into()),
                Some(text) if is_id(text) => None,
                Some(_) => Some("does not match '^[a-zA-Z0-9-]+$'".into()),
            },
            Self::Uuid => match text {
                None => Some("is not of type 'string'".into()),
                Some(text) if crate::token::payload::parse_uuid(text).is_some() => None,
                Some(_) => Some("is not a 'uuid'".into()),
            },
            Self::Boolean => as_boolean(value).is_none().then(|| "is not of type 'boolean'".into()),
            Self::StrictBoolean => (!value.is_boolean()).then(|| "is not of type 'boolean'".into()),
            Self::Url => match text {
                None => Some("is not of type 'string'".into()),
                Some(text) if text.chars().count() > 225 => Some("is too long".into()),
                Some(text) if is_url(text) => None,
                Some(_) => Some("does not match '^[a-zA-Z0-9+.-]+:.+'".into()),
            },
            Self::OneOf(texts) => {
                let known = text.is_some_and(|text| texts.contains(&text));
                (!known).then(|| format!("is not one of {texts:?}").replace('"', "'"))
            }
            Self::Options(known) => option_fault(value, known),
            Self::Tags => tags_fault(value),
        }
    }
}

fn is_id(text: &str) -> bool {
    text.chars().all(|character| character.is_ascii_alphanumeric() || character == '-')
}

fn is_url(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        let is_allowed =
            |character: char| character.is_ascii_alphanumeric() || "+.-$()_s%".contains(character);
        !rest.is_empty() && !scheme.is_empty() && scheme.chars().all(is_allowed)
    }) || text.starts_with("$(")
        || text.starts_with("%(")
}

fn option_fault(value: &Value, known: &[(&str, OptionKind)]) -> Option<String> {
    let Some(options) = value.as_object() else {
        return Some("is not of type 'object'".into());
    };
    for (name, value) in options {
        let Some((_, kind)) = known.iter().find(|(option, _)| option == name) else {
            return Some(format!("has additional properties that are not allowed ('{name}' was unexpected)"));
        };
        let fits = match kind {
            OptionKind::Boolean => value.is_boolean() || value.is_null(),
            OptionKind::MethodLists => value.is_null() || is_method_lists(value),
        };
        if !fits {
            return Some(format!("has an option '{name}' that is not of the right type"));
        }
    }
    None
}

fn is_method_lists(value: &Value) -> bool {
    let is_list = |rule: &Value| {
        rule.as_array().is_some_and(|rule| !rule.is_empty() && rule.iter().all(Value::is_string))
    };
    value.as_array().is_some_and(|rules| rules.iter().all(is_list))
}

/// Most tags on one project.
const MAX_TAGS: usize = 80;

/// Whether a text may be a tag.
#[must_use]
pub fn is_tag(text: &str) -> bool {
    (1..=255).contains(&text.chars().count()) && !text.contains(['/', ','])
}

fn tags_fault(value: &Value) -> Option<String> {
    let Some(tags) = value.as_array() else {
        return Some("is not of type 'array'".into());
    };
    if tags.len() > MAX_TAGS {
        return Some("is too long".into());
    }
    let mut seen = std::collections::BTreeSet::new();
    for tag in tags {
        match tag.as_str() {
            Some(text) if !is_tag(text) => return Some("does not match '^[^,/]*$'".into()),
            Some(text) if !seen.insert(text) => return Some("has non-unique elements".into()),
            Some(_) => {}
            None => return Some("is not of type 'string'".into()),
        }
    }
    None
}

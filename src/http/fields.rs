//! Taking attributes out of a checked request object; what is left is extra.

use keyraft_proto::identity::NullableString;
use serde_json::{Map, Value};

use super::ApiError;
use super::schema::as_boolean;
use crate::state::attributes::Attributes;

/// The attributes of a request's object, taken out one by one.
pub struct Fields(Map<String, Value>);

impl Fields {
    /// The attributes of an object that its schema has passed.
    #[must_use]
    pub fn new(object: Map<String, Value>) -> Self {
        Self(object)
    }

    /// Whether the attribute is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The attribute as it is.
    #[must_use]
    pub fn peek(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A text attribute; null counts as absent.
    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.0.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// A name, without the spaces around it.
    pub fn name(&mut self, name: &str) -> Option<String> {
        self.text(name).map(|text| text.trim().to_owned())
    }

    /// A text attribute that may be set to null.
    pub fn nullable(&mut self, name: &str) -> Option<NullableString> {
        self.0.remove(name).map(|value| NullableString { value: value.as_str().map(str::to_owned) })
    }

    /// A boolean attribute, also given as a string.
    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        self.0.remove(name).as_ref().and_then(as_boolean)
    }

    /// A list of texts.
    pub fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        let list = self.0.remove(name)?;
        let texts = list.as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        Some(texts)
    }

    /// The options object, JSON text by name.
    pub fn options(&mut self) -> Attributes {
        match self.0.remove("options") {
            Some(Value::Object(options)) => texts_of(options),
            _ => Attributes::new(),
        }
    }

    /// An id in the body of an update must be the one in the URL.
    ///
    /// # Errors
    /// 400.
    pub fn check_id(&mut self, id: &str) -> Result<(), ApiError> {
        match self.0.remove("id") {
            Some(Value::String(given)) if given != id => Err(ApiError::BadRequest("Cannot change ID".into())),
            _ => Ok(()),
        }
    }

    /// What is left: the extra attributes, JSON text by name.
    #[must_use]
    pub fn extra(mut self) -> Attributes {
        // A server's own attribute that clients send back is no extra attribute.
        self.0.remove("links");
        texts_of(self.0)
    }

    /// What is left of a create: `:` and `-` in names become `_`, as in Keystone.
    #[must_use]
    pub fn extra_of_create(self) -> Attributes {
        self.extra().into_iter().map(|(name, text)| (name.replace([':', '-'], "_"), text)).collect()
    }
}

fn texts_of(object: Map<String, Value>) -> Attributes {
    object.into_iter().map(|(name, value)| (name, value.to_string())).collect()
}

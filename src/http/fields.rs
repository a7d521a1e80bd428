//! Taking attributes out of a checked request object; what is left is extra.

use keyraft_proto::identity::NullableString;
use serde_json::{Map, Value};

use super::ApiError;
use super::schema::as_boolean;
use crate::policy::Target;
use crate::state::attributes::{Attributes, merge_options};

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

    /// The attribute as it is, taken out.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
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

    /// The options object of a create, in which null stands for unset.
    pub fn options_of_create(&mut self) -> Attributes {
        let mut options = Attributes::new();
        merge_options(&mut options, self.options());
        options
    }

    /// An id in the body of an update must be the one in the URL.
    ///
    /// # Errors
    /// 400.
    pub fn check_id(&mut self, id: &str) -> Result<(), ApiError> {
        match self.0.remove("id") {
            None | Some(Value::Null) => Ok(()),
            Some(Value::String(given)) if given == id => Ok(()),
            Some(_) => Err(ApiError::BadRequest("Cannot change ID".into())),
        }
    }

    /// A `domain_id` in the body of an update must be the one that the resource has; a domain has none.
    ///
    /// # Errors
    /// 400.
    pub fn check_domain_id(&mut self, domain_id: Option<&str>) -> Result<(), ApiError> {
        match self.0.remove("domain_id") {
            Some(given) if given.as_str() != domain_id || given.is_null() != domain_id.is_none() => {
                Err(ApiError::BadRequest("Cannot change Domain ID".into()))
            }
            _ => Ok(()),
        }
    }

    /// Adds an attribute of a create to the target of its rule, if the client gave it.
    #[must_use]
    pub fn describe<'a>(&'a self, target: Target<'a>, path: &'a str, name: &str) -> Target<'a> {
        match self.0.get(name) {
            Some(Value::String(text)) => target.with(path, text.as_str()),
            Some(Value::Null) => target.with_optional(path, None::<&str>),
            _ => target,
        }
    }

    /// Drops what a client may send but cannot set.
    pub fn ignore(&mut self, names: &[&str]) {
        for name in names {
            self.0.remove(*name);
        }
    }

    /// What is left: the extra attributes, JSON text by name.
    #[must_use]
    pub fn extra(mut self) -> Attributes {
        // The server's own attributes, which clients send back, are no extra attributes.
        self.ignore(&["links", "extra"]);
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

//! The nested objects of a log-in's body, each with its path, so that an error names the place in full.

use serde_json::{Map, Value};

use crate::http::ApiError;
use crate::http::python_text::python_repr;

/// Places whose value may be or hold a secret: errors do not repeat it.
const SECRET_PATHS: [&str; 7] = [
    "auth",
    "identity",
    "identity/password",
    "identity/password/user",
    "identity/password/user/password",
    "identity/token",
    "identity/token/id",
];

/// An object of the body.
pub struct Object<'b> {
    members: &'b Map<String, Value>,
    /// Names on the way to it, below `auth`; empty for `auth` itself.
    path: String,
}

fn wrong_type(path: &str, value: &Value, kinds: &str) -> ApiError {
    let is_secret = SECRET_PATHS.contains(&path) && !value.is_null();
    let shown = if is_secret { "the value".to_owned() } else { python_repr(value) };
    ApiError::BadRequest(format!("Invalid input for field '{path}': {shown} is not of type {kinds}"))
}

impl<'b> Object<'b> {
    /// The object `auth` of a body.
    ///
    /// # Errors
    /// 400 when there is none.
    pub fn auth(body: &'b Map<String, Value>) -> Result<Self, ApiError> {
        match body.get("auth") {
            None | Some(Value::Null) => Err(ApiError::malformed("Expecting to find auth in request body")),
            Some(Value::Object(members)) => Ok(Self { members, path: String::new() }),
            Some(other) => Err(wrong_type("auth", other, "'object'")),
        }
    }

    /// Whether there is a member of this name, whatever it is.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}/{name}", self.path) }
    }

    /// A member that is an object.
    ///
    /// # Errors
    /// 400 if it is something else.
    pub fn object(&self, name: &str) -> Result<Option<Object<'b>>, ApiError> {
        match self.members.get(name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Object { members, path: self.path_of(name) })),
            Some(other) => Err(wrong_type(&self.path_of(name), other, "'object'")),
        }
    }

    /// A member that is text.
    ///
    /// # Errors
    /// 400 if it is something else.
    pub fn text(&self, name: &str) -> Result<Option<&'b str>, ApiError> {
        match self.members.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(&self.path_of(name), other, "'string'")),
        }
    }

    /// The text of a member that may be text or an object; none if it is an object or not there.
    ///
    /// # Errors
    /// 400 if it is something else.
    pub fn text_beside_object(&self, name: &str) -> Result<Option<&'b str>, ApiError> {
        match self.members.get(name) {
            None | Some(Value::Object(_)) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(&self.path_of(name), other, "'object', 'string'")),
        }
    }

    /// A member that is a list of texts.
    ///
    /// # Errors
    /// 400 if it is something else.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<&'b str>>, ApiError> {
        let items = match self.members.get(name) {
            None => return Ok(None),
            Some(Value::Array(items)) => items,
            Some(other) => return Err(wrong_type(&self.path_of(name), other, "'array'")),
        };
        let texts = items.iter().enumerate().map(|(place, item)| {
            let path = || format!("{}/{place}", self.path_of(name));
            item.as_str().ok_or_else(|| wrong_type(&path(), item, "'string'"))
        });
        texts.collect::<Result<_, _>>().map(Some)
    }

    /// A member that is a boolean.
    ///
    /// # Errors
    /// 400 if it is something else.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.members.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(wrong_type(&self.path_of(name), other, "'boolean'")),
        }
    }

    /// The error for a member that is missing.
    #[must_use]
    pub fn required(&self, name: &str) -> ApiError {
        let fault = format!("'{name}' is a required property");
        ApiError::BadRequest(match self.path.as_str() {
            "" => fault,
            path => format!("Invalid input for field '{path}': {fault}"),
        })
    }

    /// The error for an object that says neither id nor name.
    #[must_use]
    pub fn without_id_or_name(&self) -> ApiError {
        ApiError::BadRequest(format!("Invalid input for field {}: id or name must be present.", self.path))
    }
}

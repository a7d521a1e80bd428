//! A request to a node.

use bytes::Bytes;
use hyper::Method;
use serde_json::Value as Json;

/// One request, without the token of who asks.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Its path and query.
    pub path: String,
    /// Its JSON body, if any.
    pub body: Option<Bytes>,
    /// The token of who asks: `X-Auth-Token`.
    pub caller: Option<String>,
    /// The token that it is about: `X-Subject-Token`.
    pub subject: Option<String>,
}

impl Request {
    /// A GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// A PUT without a body.
    pub fn put(path: impl Into<String>) -> Self {
        Self::new(Method::PUT, path)
    }

    /// A DELETE.
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// A POST with a body.
    pub fn post(path: impl Into<String>, body: &Json) -> Self {
        Self { body: Some(Bytes::from(body.to_string())), ..Self::new(Method::POST, path) }
    }

    /// A PATCH with a body.
    pub fn patch(path: impl Into<String>, body: &Json) -> Self {
        Self { body: Some(Bytes::from(body.to_string())), ..Self::new(Method::PATCH, path) }
    }

    /// The same about this token.
    #[must_use]
    pub fn about(self, subject: &str) -> Self {
        Self { subject: Some(subject.to_owned()), ..self }
    }

    /// The same by the owner of this token.
    #[must_use]
    pub fn by(self, caller: &str) -> Self {
        Self { caller: Some(caller.to_owned()), ..self }
    }

    fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: None, caller: None, subject: None }
    }
}

//! A request to the API, and what comes back.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request as HttpRequest};
use serde_json::Value;

/// A request. `{name}` in its texts means what the world knows by that name, `{n}` for a number that no other
/// request has.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<Value>,
}

pub fn request(method: Method, path: impl Into<String>) -> Request {
    Request { method, path: path.into(), headers: Vec::new(), body: None }
}

pub fn get(path: impl Into<String>) -> Request {
    request(Method::GET, path)
}

pub fn put(path: impl Into<String>) -> Request {
    request(Method::PUT, path)
}

pub fn delete(path: impl Into<String>) -> Request {
    request(Method::DELETE, path)
}

pub fn post(path: impl Into<String>, body: Value) -> Request {
    request(Method::POST, path).body(body)
}

pub fn patch(path: impl Into<String>, body: Value) -> Request {
    request(Method::PATCH, path).body(body)
}

impl Request {
    #[must_use]
    pub fn body(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The token of the caller.
    #[must_use]
    pub fn by(self, token: impl Into<String>) -> Self {
        self.header("X-Auth-Token", token)
    }

    /// The token that the request is about.
    #[must_use]
    pub fn about(self, token: impl Into<String>) -> Self {
        self.header("X-Subject-Token", token)
    }

    /// The request as it is sent, once its names are filled in.
    pub fn to_http(&self) -> HttpRequest<Body> {
        let mut built = HttpRequest::builder().method(&self.method).uri(&self.path);
        for (name, value) in &self.headers {
            built = built.header(*name, value);
        }
        if self.body.is_some() && !self.headers.iter().any(|(name, _)| *name == "Content-Type") {
            built = built.header("Content-Type", "application/json");
        }
        let body = self.body.as_ref().map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let built = built.body(body);
        built.unwrap_or_else(|error| panic!("{} {}: {error}", self.method, self.path))
    }
}

/// A response.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    /// `null` where there is none, a text where it is no JSON.
    pub body: Value,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The token in `X-Subject-Token`.
    pub fn token(&self) -> String {
        self.header("X-Subject-Token").unwrap_or_else(|| panic!("no token: {self:?}")).to_owned()
    }

    /// The id of the one object in the body.
    pub fn id(&self) -> String {
        let object = self.body.as_object().and_then(|body| body.values().next());
        let id = object.and_then(|object| object["id"].as_str());
        id.unwrap_or_else(|| panic!("no id: {}", self.body)).to_owned()
    }

    /// The response, if it has this status.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }
}

//! Requests, as sequences write them.

use std::fmt;

use reqwest::Method;
use serde_json::Value;

use crate::support::log_in::{identity_login, scoped, token_login, user_login};

/// One request, for both sides. In its path, its body and its headers `{name}` is what the session
/// knows by that name, on each side its own: an id, a token.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    /// Path and query.
    pub path: String,
    pub body: Body,
    pub headers: Vec<(&'static str, String)>,
    /// True where the rows of the returned list are counted and not compared: which ones a page has depends
    /// on the order of ids.
    pub is_page: bool,
}

/// The body of a request.
#[derive(Clone, Debug)]
pub enum Body {
    None,
    Json(Value),
    /// Any text; its content type is a header.
    Text(String),
}

pub fn get(path: &str) -> Request {
    Request::new(Method::GET, path, Body::None)
}

pub fn head(path: &str) -> Request {
    Request::new(Method::HEAD, path, Body::None)
}

pub fn delete(path: &str) -> Request {
    Request::new(Method::DELETE, path, Body::None)
}

/// PUT without a body.
pub fn put(path: &str) -> Request {
    Request::new(Method::PUT, path, Body::None)
}

pub fn put_json(path: &str, body: Value) -> Request {
    Request::new(Method::PUT, path, Body::Json(body))
}

pub fn post(path: &str, body: Value) -> Request {
    Request::new(Method::POST, path, Body::Json(body))
}

pub fn patch(path: &str, body: Value) -> Request {
    Request::new(Method::PATCH, path, Body::Json(body))
}

/// Any other: OPTIONS, a method that a path does not have, a body that is not JSON.
pub fn request(method: Method, path: &str) -> Request {
    Request::new(method, path, Body::None)
}

/// A log-in with an identity of any form; without a scope for `null`.
pub fn identified(identity: Value, scope: &Value) -> Request {
    log_in(identity_login(identity), scope)
}

/// A log-in with a password; `user` has it in it.
pub fn with_password(user: Value, scope: &Value) -> Request {
    log_in(user_login(user), scope)
}

/// A log-in by token.
pub fn with_token(token: &str, scope: &Value) -> Request {
    log_in(token_login(token), scope)
}

fn log_in(body: Value, scope: &Value) -> Request {
    let body = if scope.is_null() { body } else { scoped(body, scope.clone()) };
    post("/v3/auth/tokens", body)
}

impl Request {
    fn new(method: Method, path: &str, body: Body) -> Self {
        Self { method, path: path.to_owned(), body, headers: Vec::new(), is_page: false }
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub fn text(mut self, content_type: &str, body: &str) -> Self {
        self.body = Body::Text(body.to_owned());
        self.header("Content-Type", content_type)
    }

    pub fn page(mut self) -> Self {
        self.is_page = true;
        self
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        for (name, value) in &self.headers {
            write!(f, "\n  {name}: {value}")?;
        }
        match &self.body {
            Body::None => Ok(()),
            Body::Json(body) => write!(f, "\n  {body}"),
            Body::Text(body) => write!(f, "\n  {body}"),
        }
    }
}

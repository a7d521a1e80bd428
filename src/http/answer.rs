//! The answers that handlers give.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use crate::state::attributes::Attributes;

/// The content type of the pages of Keystone's framework.
pub const HTML: &str = "text/html; charset=utf-8";

/// JSON with a newline at its end, as Keystone's resource routes write it.
#[must_use]
pub fn json(status: StatusCode, body: &Value) -> Response {
    let mut text = body.to_string();
    text.push('\n');
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// 200 with JSON.
#[must_use]
pub fn ok(body: &Value) -> Response {
    json(StatusCode::OK, body)
}

/// 201 with JSON.
#[must_use]
pub fn created(body: &Value) -> Response {
    json(StatusCode::CREATED, body)
}

/// 204.
#[must_use]
pub fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// Adds the extra attributes of a record to its JSON; they never hide an attribute of its own.
pub fn add_extra(object: &mut Map<String, Value>, extra: &Attributes) {
    for (name, text) in extra {
        if !object.contains_key(name) {
            object.insert(name.clone(), serde_json::from_str(text).unwrap_or(Value::Null));
        }
    }
}

/// The options of a record as JSON.
#[must_use]
pub fn options(options: &Attributes) -> Value {
    options
        .iter()
        .map(|(name, text)| (name.clone(), serde_json::from_str(text).unwrap_or(Value::Null)))
        .collect()
}

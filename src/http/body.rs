//! The body of a request: read whole, bounded in size and time, and JSON or nothing, before anything else is done.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use serde_json::{Map, Value};

use super::ApiError;
use crate::app::App;

/// How much of a body that is too large is read on, so that the client gets to read the refusal: a connection that
/// is closed with bytes unread may take the answer with it.
const MAX_DRAINED_BYTES: usize = 1 << 20;
/// The one path that Keystone answers before it looks at a body.
pub(super) const HEALTHCHECK: &str = "/healthcheck";

/// What some editors put before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The JSON object in a request's body; an empty one if the body is empty.
#[derive(Clone, Debug, Default)]
pub struct JsonObject(pub Map<String, Value>);

/// Reads the body and leaves it as a [`JsonObject`] in the request's extensions.
///
/// As in Keystone this comes first, whatever the method, and also where there is no such path.
///
/// # Errors
/// 400 for another content type and for anything but a JSON object, 408 for a body that does not come, 413.
pub async fn read(State(app): State<App>, request: Request, next: Next) -> Response {
    if request.uri().path() == HEALTHCHECK || request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let max_bytes = usize::try_from(app.config.http.max_request_body_bytes).unwrap_or(usize::MAX);
    let limit = Duration::from_secs(app.config.http.body_timeout_s);
    let body = match tokio::time::timeout(limit, collect(body, max_bytes)).await {
        Ok(body) => body,
        Err(_) => Err(ApiError::BodyTimeout),
    };
    match body.and_then(|body| parse(&parts.headers, &body)) {
        Ok(object) => {
            parts.extensions.insert(object);
            next.run(Request::from_parts(parts, Body::empty())).await
        }
        Err(refusal) => refusal.into_response(),
    }
}

async fn collect(mut body: Body, max_bytes: usize) -> Result<Bytes, ApiError> {
    let mut collected = Vec::new();
    let mut seen_bytes = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ApiError::malformed("The request body could not be read"))?;
        let Ok(data) = frame.into_data() else { continue };
        seen_bytes = seen_bytes.saturating_add(data.len());
        if seen_bytes <= max_bytes {
            collected.extend_from_slice(&data);
        } else if seen_bytes - max_bytes > MAX_DRAINED_BYTES {
            break;
        }
    }
    if seen_bytes > max_bytes { Err(ApiError::BodyTooLarge) } else { Ok(collected.into()) }
}

fn parse(headers: &HeaderMap, body: &[u8]) -> Result<JsonObject, ApiError> {
    if body.is_empty() {
        return Ok(JsonObject::default());
    }
    if !is_json(headers) {
        return Err(ApiError::malformed("Expecting to find application/json in Content-Type header"));
    }
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(JsonObject(object)),
        _ => Err(ApiError::malformed("Expecting to find valid JSON in request body")),
    }
}

/// Without a content type the body counts as JSON.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE).filter(|kind| !kind.is_empty()) else { return true };
    let kind = kind.to_str().unwrap_or("not text").split(';').next().unwrap_or_default();
    let kind = kind.trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn parsed(kind: Option<&[u8]>, body: &[u8]) -> Result<usize, String> {
        let mut headers = HeaderMap::new();
        if let Some(kind) = kind {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_bytes(kind).unwrap());
        }
        parse(&headers, body).map(|object| object.0.len()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_body_is_a_json_object_or_nothing() {
        let json: Option<&[u8]> = Some(b"application/json; charset=utf-8");
        assert_eq!(parsed(None, b""), Ok(0));
        assert_eq!(parsed(Some(b"text/plain"), b""), Ok(0));
        assert_eq!(parsed(json, b"{\"a\": 1}"), Ok(1));
        assert_eq!(parsed(Some(b""), b"{\"a\": 1}"), Ok(1));
        assert_eq!(parsed(Some(b"Application/vnd.x+JSON"), b"{\"a\": 1}"), Ok(1));
        assert_eq!(parsed(json, b"\xef\xbb\xbf{}"), Ok(0));
        for kind in [&b"text/plain"[..], b"application/jso", b"text/x+json", b";", b"\xff"] {
            let refusal = parsed(Some(kind), b"{}").unwrap_err();
            assert!(refusal.starts_with("Expecting to find application/json in Content-Type"), "{refusal}");
        }
        let deep = [b"{\"a\":".to_vec(), vec![b'['; 10_000], vec![b']'; 10_000], b"}".to_vec()].concat();
        for body in [&b"[]"[..], b"1", b"{", b"{} {}", b"{\"a\": \"\xff\"}", b"{\"a\": NaN}", &deep] {
            let refusal = parsed(json, body).unwrap_err();
            assert!(refusal.starts_with("Expecting to find valid JSON in request body"), "{refusal}");
        }
    }

    #[tokio::test]
    async fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
        let of = |bytes: usize| Body::from(vec![b' '; bytes]);
        assert_eq!(collect(of(64), 64).await.unwrap().len(), 64);
        for bytes in [65, 64 + MAX_DRAINED_BYTES + 1] {
            assert!(matches!(collect(of(bytes), 64).await, Err(ApiError::BodyTooLarge)), "{bytes}");
        }
    }
}

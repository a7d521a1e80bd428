//! Responses of a server.

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::pair::Pair;

/// One response, whatever its status.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// The text as JSON; `null` when it is none.
    pub json: Value,
    /// The begin of the server's own URLs.
    pub base_url: String,
}

/// The two responses to one request.
pub type Responses = Pair<Response>;

impl Response {
    pub async fn read(response: reqwest::Response, base_url: &str) -> reqwest::Result<Self> {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await?;
        let json = serde_json::from_str(&text).unwrap_or_default();
        Ok(Self { status, headers, text, json, base_url: base_url.to_owned() })
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn is_success(&self) -> bool {
        (200..400).contains(&self.status)
    }

    /// The text at a JSON pointer.
    pub fn text_at(&self, pointer: &str) -> Option<&str> {
        self.json.pointer(pointer).and_then(Value::as_str)
    }

    /// The id of the one thing that the response is about: `{"user": {"id": ...}}`.
    pub fn id(&self) -> Option<&str> {
        self.json.as_object()?.values().find_map(|thing| thing.get("id")).and_then(Value::as_str)
    }
}

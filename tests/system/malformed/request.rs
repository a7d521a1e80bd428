//! One malformed request, and the answer that it must get.

use serde_json::Value;

use super::wire::Outcome;

/// The longest part of a request that is shown.
const SHOWN_BYTES: usize = 400;

/// A request as it goes over the wire.
pub struct Malformed {
    /// The fault in it.
    pub class: &'static str,
    pub bytes: Vec<u8>,
    /// The statuses that are right.
    pub expected: Vec<u16>,
    /// True for a response without a body.
    pub is_head: bool,
    /// True where the connection may be closed after it: the server cannot know where the next request begins.
    pub may_close: bool,
    /// True where the API responds to it, and not the HTTP server below.
    pub is_of_api: bool,
}

/// A request that is put together.
#[derive(Clone)]
pub struct Draft {
    method: String,
    target: String,
    head: Vec<u8>,
    body: Vec<u8>,
    may_close: bool,
}

impl Draft {
    pub fn new(method: &str, target: &str) -> Self {
        let (method, target) = (method.to_owned(), target.to_owned());
        Self { method, target, head: Vec::new(), body: Vec::new(), may_close: false }
    }

    pub fn header(mut self, name: &str, value: &[u8]) -> Self {
        self.head.extend_from_slice(name.as_bytes());
        self.head.extend_from_slice(b": ");
        self.head.extend_from_slice(value);
        self.head.extend_from_slice(b"\r\n");
        self
    }

    /// With this token, or none.
    pub fn token(self, token: Option<&str>) -> Self {
        match token {
            Some(token) => self.header("X-Auth-Token", token.as_bytes()),
            None => self,
        }
    }

    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string().into_bytes())
    }

    /// With a body, if there is one for this route.
    pub fn maybe_json(self, body: Option<&Value>) -> Self {
        match body {
            Some(body) => self.json(body),
            None => self,
        }
    }

    pub fn body(self, kind: &str, body: Vec<u8>) -> Self {
        Self { body, ..self.header("Content-Type", kind.as_bytes()) }
    }

    pub fn may_close(self) -> Self {
        Self { may_close: true, ..self }
    }

    pub fn expect(self, class: &'static str, status: u16) -> Malformed {
        let mut bytes =
            format!("{} {} HTTP/1.1\r\nHost: 127.0.0.1\r\n", self.method, self.target).into_bytes();
        bytes.extend_from_slice(&self.head);
        if !self.body.is_empty() {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n", self.body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        Malformed {
            class,
            bytes,
            expected: vec![status],
            is_head: self.method == "HEAD",
            may_close: self.may_close,
            is_of_api: true,
        }
    }
}

impl Malformed {
    /// Returns the fault in a response as `Err`.
    pub fn judge(&self, outcome: &Outcome) -> Result<(), String> {
        if !self.expected.contains(&outcome.status) {
            let body = String::from_utf8_lossy(&outcome.body);
            return Err(format!("{} and not {:?}: {body}", outcome.status, self.expected));
        }
        if outcome.is_closed && !self.may_close {
            return Err(format!("{}, and the connection was closed", outcome.status));
        }
        if self.is_of_api { self.judge_api(outcome) } else { Ok(()) }
    }

    /// The headers that every answer has, and the body of errors.
    fn judge_api(&self, outcome: &Outcome) -> Result<(), String> {
        for name in ["vary", "x-openstack-request-id"] {
            if outcome.header(name).is_none() {
                return Err(format!("{} without {name}", outcome.status));
            }
        }
        if outcome.status == 401 {
            let challenge = outcome.header("www-authenticate").unwrap_or_default();
            if !challenge.starts_with("Keystone uri=\"http://127.0.0.1:") {
                return Err(format!("401 with the challenge {challenge}"));
            }
        }
        if self.is_head || outcome.header("content-type") != Some("application/json") {
            return Ok(());
        }
        let body: Value = serde_json::from_slice(&outcome.body).map_err(|error| format!("body: {error}"))?;
        match body.get("error").map(|error| &error["code"]) {
            Some(code) if *code != outcome.status => Err(format!("{} with the body {body}", outcome.status)),
            None if outcome.status != 405 => Err(format!("{} with the body {body}", outcome.status)),
            _ => Ok(()),
        }
    }

    /// The beginning of the request, in a form that can be read.
    pub fn shown(&self) -> String {
        let shown = &self.bytes[..self.bytes.len().min(SHOWN_BYTES)];
        shown.escape_ascii().to_string()
    }
}

//! Responses of a live Keystone without what differs from run to run.
//!
//! Ids, audit ids, tokens and receipts are replaced by others, made of the request whose response had them first and a
//! number: each is the same everywhere, and a step more or less does not change those of other steps. URLs begin with
//! [`KEYSTONE_URL`], and times are those of [`super::times`]. Lists whose order does not count are put in order first,
//! so that numbers do not depend on it.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::forms::{OPAQUE, ORDERED, canon, form, outline};
use super::headers::{PRESENT_HEADERS, REQUEST_ID, TEXT_HEADERS, allowed_methods};
use super::ids::{Ids, Part, parts};
use super::recording::{KEYSTONE_URL, RecordedRequest, RecordedResponse, Step};
use super::request::Request;
use super::response::Response;
use super::times::Span;

/// Headers whose values are secrets that later requests bring along.
const SECRET_HEADERS: &[&str] = &["x-subject-token", "openstack-auth-receipt"];
/// All Fernet tokens begin with it.
const FERNET_START: &str = "gAAAA";
const PRESENT: &str = "present";
const RECORDED_REQUEST_ID: &str = "req-00000000-0000-0000-0000-000000000000";

/// Replacements for what a Keystone has made up.
pub struct Normalizer {
    base_url: String,
    /// Ids and audit ids, and what is recorded for them.
    ids: Ids,
    /// Tokens and receipts, and what is recorded for them.
    secrets: Vec<(String, String)>,
    /// Times that each request was sent, by its hash.
    sent: HashMap<u64, u32>,
    /// The request whose response it is, and the numbers that have been used for it.
    request: u64,
    used: u32,
}

impl Normalizer {
    pub fn new(base_url: &str) -> Self {
        let (base_url, ids, secrets, sent) =
            (base_url.to_owned(), Ids::default(), Vec::new(), HashMap::new());
        Self { base_url, ids, secrets, sent, request: 0, used: 0 }
    }

    /// A step of a sequence.
    pub fn step(
        &mut self,
        sequence: &str,
        caller: &str,
        request: &Request,
        response: &Response,
        span: Span,
    ) -> Step {
        let recorded = RecordedRequest::new(caller, request);
        self.enter(&format!("{sequence} {recorded}"));
        let headers = self.headers(response, span);
        let (mut json, mut text) = (Value::Null, String::new());
        if response.json.is_null() {
            text = self.text(&response.text, span);
        } else if request.is_page {
            json = self.value("", &outline(&response.json), span);
        } else {
            json = self.value("", &response.json, span);
        }
        let response = RecordedResponse { status: response.status, headers, json, text };
        Step { request: recorded, response }
    }

    /// Begins the numbers of a request.
    fn enter(&mut self, request: &str) {
        let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
        let request = request.bytes().fold(FNV_OFFSET, hash);
        let sent = self.sent.entry(request).or_default();
        self.request = sent.to_be_bytes().into_iter().fold(request, hash);
        *sent += 1;
        self.used = 0;
    }

    fn headers(&mut self, response: &Response, span: Span) -> BTreeMap<String, String> {
        for name in SECRET_HEADERS {
            if let Some(secret) = response.header(name) {
                let recorded = self.next_name();
                self.secrets.push((secret.to_owned(), format!("{name}-{recorded}")));
            }
        }
        let mut headers = BTreeMap::new();
        for name in TEXT_HEADERS.iter().chain(SECRET_HEADERS) {
            if let Some(value) = response.header(name) {
                headers.insert((*name).to_owned(), self.text(value, span));
            }
        }
        for name in PRESENT_HEADERS {
            if response.header(name).is_some() {
                headers.entry((*name).to_owned()).or_insert_with(|| PRESENT.to_owned());
            }
        }
        if response.header("allow").is_some() {
            headers.insert("allow".to_owned(), allowed_methods(response).join(", "));
        }
        if response.header(REQUEST_ID).is_some() {
            headers.insert(REQUEST_ID.to_owned(), RECORDED_REQUEST_ID.to_owned());
        }
        headers
    }

    fn value(&mut self, key: &str, value: &Value, span: Span) -> Value {
        match value {
            Value::String(text) if OPAQUE.contains(&key) => Value::String(self.recorded_id(text)),
            Value::String(text) => Value::String(self.text(text, span)),
            Value::Array(items) => {
                let mut items: Vec<_> = items.iter().collect();
                if !ORDERED.contains(&key) {
                    items.sort_by_cached_key(|item| self.canon(key, item));
                }
                items.into_iter().map(|item| self.value(key, item, span)).collect()
            }
            Value::Object(fields) => {
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_by_cached_key(|(key, value)| (self.form(key), self.canon(key, value)));
                let fields = fields.into_iter();
                let fields = fields.map(|(key, value)| (self.text(key, span), self.value(key, value, span)));
                Value::Object(fields.collect::<Map<_, _>>())
            }
            other => other.clone(),
        }
    }

    fn text(&mut self, text: &str, span: Span) -> String {
        if let Some(time) = span.recorded(text) {
            return time;
        }
        let mut text = text.replace(&self.base_url, KEYSTONE_URL);
        if text.contains(FERNET_START) {
            for (secret, recorded) in &self.secrets {
                text = text.replace(secret, recorded);
            }
        }
        let written = parts(&text).into_iter().map(|part| match part {
            Part::Text(text) => text.to_owned(),
            Part::Id(id) => self.recorded_id(id),
        });
        written.collect()
    }

    fn recorded_id(&mut self, id: &str) -> String {
        if let Some(recorded) = self.ids.ours_for(id) {
            return recorded.to_owned();
        }
        let recorded = self.next_name();
        assert!(self.ids.agree(id, &recorded), "{recorded} has two meanings");
        recorded
    }

    /// A name that looks like an id: which request, and a number of it.
    fn next_name(&mut self) -> String {
        self.used += 1;
        format!("{:016x}{:016x}", self.request, self.used)
    }

    fn form(&self, text: &str) -> String {
        form(text, &self.base_url, |id| self.ids.number_of_theirs(id))
    }

    fn canon(&self, key: &str, value: &Value) -> String {
        canon(key, value, &|text| self.form(text), &|id| self.ids.number_of_theirs(id))
    }
}

/// The hash FNV-1a, which is the same everywhere and for ever.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue};
    use serde_json::json;
    use time::macros::datetime;

    use super::super::request::get;
    use super::*;

    const ONE: &str = "0123456789abcdef0123456789abcdef";
    const TWO: &str = "fedcba9876543210fedcba9876543210";
    const SPAN: Span = Span { start: datetime!(2026-05-01 10:00), now: datetime!(2026-05-01 10:04) };

    fn recorded(ids: [&str; 2], port: u16, token: &str, time: &str) -> Vec<Step> {
        let base_url = format!("http://127.0.0.1:{port}");
        let mut normalizer = Normalizer::new(&base_url);
        let user = |id: &str, name: &str| json!({"id": id, "name": name, "links": {"self": format!("{base_url}/{id}")}});
        let mut users = vec![user(ids[0], "a"), user(ids[1], "b")];
        users.sort_by_key(|user| user["id"].to_string());
        let bodies = [
            json!({"users": users}),
            json!({"token": {"issued_at": time, "audit_ids": [&token[6..10]]}}),
            json!({"error": {"message": format!("Could not find token: {token}")}}),
        ];
        let headers: HeaderMap =
            [("x-subject-token", token), ("date", time), ("content-length", &token[6..])]
                .into_iter()
                .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
                .collect();
        let response = |json: Value| Response {
            status: 200,
            headers: headers.clone(),
            text: json.to_string(),
            json,
            base_url: base_url.clone(),
        };
        bodies
            .map(|json| normalizer.step("users", "admin", &get("/v3/users"), &response(json), SPAN))
            .to_vec()
    }

    #[test]
    fn two_runs_of_the_same_behaviour_have_the_same_recording() {
        let one = recorded([ONE, TWO], 1000, "gAAAAA12345", "2026-05-01T10:01:00.000000Z");
        let other = recorded([TWO, ONE], 2000, "gAAAAA98765", "2026-05-01T10:03:00.000000Z");
        assert_eq!(one, other);
        let text = format!("{one:?}");
        assert!(!text.contains("127.0.0.1") && !text.contains("gAAAAA") && !text.contains("2026"), "{text}");
    }

    #[test]
    fn rows_of_a_page_are_counted() {
        let recorded = |ids: &[&str]| {
            let rows: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
            let json = json!({"users": rows, "links": {"next": format!("http://a/x?marker={}", ids[0])}});
            let base_url = "http://a".to_owned();
            let response =
                Response { status: 200, headers: HeaderMap::new(), text: json.to_string(), json, base_url };
            let mut normalizer = Normalizer::new("http://a");
            normalizer.step("users", "admin", &get("/v3/users?limit=2").page(), &response, SPAN).response.json
        };
        let next = format!("{KEYSTONE_URL}/x?marker=ID");
        assert_eq!(recorded(&[ONE, TWO]), json!({"users": 2, "links": {"next": next}}));
        assert_eq!(recorded(&[ONE, TWO]), recorded(&[TWO, ONE]));
    }
}

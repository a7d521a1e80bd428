//! A transcript of requests and whole responses, in which ids, times and tokens are mapped.
//!
//! Ids that the world has a name for show as `{name}`, others as `{id 1}` in the order in which they appear.
//! `Vary: X-Auth-Token` and, where there is a body, `Content-Type: application/json` are usual: a transcript has a line for
//! them only where a response differs in them or lacks them.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use serde_json::Value;

use crate::world::{Request, Response, TestApi};

/// The headers of a response that clients read, and that differ between responses.
const SHOWN: [&str; 6] =
    ["allow", "content-type", "location", "vary", "www-authenticate", "openstack-auth-receipt"];

pub struct Transcript<'a> {
    api: &'a TestApi,
    text: String,
    ids: BTreeMap<String, String>,
}

impl<'a> Transcript<'a> {
    pub fn new(api: &'a TestApi) -> Self {
        Self { api, text: String::new(), ids: BTreeMap::new() }
    }

    /// One request of the admin.
    pub async fn admin(&mut self, request: Request) -> Response {
        self.send("admin", request.by("{admin}")).await
    }

    /// One request of the admin that creates what is called so from then on.
    pub async fn make(&mut self, name: &str, request: Request) -> Response {
        let shown = shown(&request);
        let response = self.api.send(request.by("{admin}")).await.expect(201);
        self.api.names.set(name, response.id());
        self.write("admin", &shown, &response);
        response
    }

    /// One request; `caller` is only shown.
    pub async fn send(&mut self, caller: &str, request: Request) -> Response {
        let shown = shown(&request);
        let response = self.api.send(request).await;
        self.write(caller, &shown, &response);
        response
    }

    fn write(&mut self, caller: &str, request: &str, response: &Response) {
        let headers = self.headers(&response.headers, !response.body.is_null());
        let body = match &response.body {
            Value::Null => String::new(),
            Value::String(text) => self.map(text) + "\n",
            body => {
                let mut body = body.clone();
                self.map_json(&mut body);
                serde_json::to_string_pretty(&body).unwrap() + "\n"
            }
        };
        self.text += &format!("{request}\nas {caller}: {}\n{headers}{body}\n", response.status);
    }

    /// The headers, a line each, without those that are usual.
    fn headers(&mut self, headers: &HeaderMap, has_body: bool) -> String {
        let mut text = String::new();
        for name in SHOWN {
            let usual = match name {
                "vary" => Some("X-Auth-Token"),
                "content-type" if has_body => Some("application/json"),
                _ => None,
            };
            let value = headers.get(name).map(|value| value.to_str().unwrap());
            if value != usual {
                text +=
                    &format!("{name}: {}\n", value.map_or("(absent)".to_owned(), |value| self.map(value)));
            }
        }
        if headers.contains_key("x-subject-token") {
            text += "x-subject-token: {token}\n";
        }
        text
    }

    fn map_json(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.map(text),
            Value::Array(items) => {
                // Ids are drawn, so that lists come in an order of their own.
                items.sort_by_key(|item| (item["name"].to_string(), self.named(item), item.to_string()));
                items.iter_mut().for_each(|item| self.map_json(item));
            }
            Value::Object(object) => {
                if let Some(audit) = object.get_mut("audit_ids") {
                    *audit = Value::from("{audit ids}");
                }
                for name in ["audit_id", "audit_chain_id"] {
                    if let Some(audit) = object.get_mut(name).filter(|audit| audit.is_string()) {
                        *audit = Value::from("{audit id}");
                    }
                }
                // Trees have ids for keys.
                *object = std::mem::take(object)
                    .into_iter()
                    .map(|(key, mut item)| {
                        self.map_json(&mut item);
                        (self.map(&key), item)
                    })
                    .collect();
            }
            _ => {}
        }
    }

    /// A text with what has a name in the world, and without what has none.
    fn named(&self, item: &Value) -> String {
        let text = self.with_names(item.to_string());
        hex_runs(&text).into_iter().fold(text.clone(), |text, id| text.replace(&id, ""))
    }

    fn with_names(&self, mut text: String) -> String {
        let mut names: Vec<_> =
            self.api.names.all().into_iter().filter(|(_, value)| value.len() >= 32).collect();
        names.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        for (name, value) in names {
            text = text.replace(&value, &format!("{{{name}}}"));
        }
        text
    }

    fn map(&mut self, text: &str) -> String {
        let mut text = without_times(&self.with_names(text.to_owned()));
        for id in hex_runs(&text) {
            let next = format!("{{id {}}}", self.ids.len() + 1);
            let mapped = self.ids.entry(id.clone()).or_insert(next);
            text = text.replace(&id, mapped);
        }
        if text.starts_with("gAAAAA") { "{token}".to_owned() } else { text }
    }

    /// Compares the transcript with the one of this name that the repository keeps.
    pub fn compare(self, name: &str) {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../snapshots");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, self.text));
    }
}

fn shown(request: &Request) -> String {
    let body = request.body.as_ref().map(|body| format!("\n{:.400}", body.to_string())).unwrap_or_default();
    format!("=== {} {}{body}", request.method, request.path)
}

/// The runs of 32 hexadecimal digits.
fn hex_runs(text: &str) -> Vec<String> {
    let is_hex = |byte: char| byte.is_ascii_digit() || ('a'..='f').contains(&byte);
    text.split(|byte| !is_hex(byte)).filter(|run| run.len() == 32).map(ToOwned::to_owned).collect()
}

/// `2030-01-01T00:00:00.000000Z` and its like become `{time}`.
fn without_times(text: &str) -> String {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let bytes = text.as_bytes();
    let begins = |at: usize| {
        let is_so =
            |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
        bytes.get(at..at + FORM.len()).is_some_and(|found| found.iter().zip(FORM).all(is_so))
    };
    match (0..bytes.len()).find(|at| begins(*at)) {
        None => text.to_owned(),
        Some(at) => {
            let rest = &text[at + FORM.len()..];
            let end = rest.find(|byte: char| !byte.is_ascii_digit() && byte != '.').unwrap_or(rest.len());
            let rest = rest[end..].strip_prefix('Z').unwrap_or(&rest[end..]);
            format!("{}{{time}}{}", &text[..at], without_times(rest))
        }
    }
}

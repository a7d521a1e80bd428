//! An HTTP client for the identity API.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::ADMIN_PASSWORD;
use super::log_in::{password_login, scoped};

/// Longer than a node lets a write wait for a leader.
const TIMEOUT: Duration = Duration::from_secs(15);

/// A response, whatever its status.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    /// The token in `X-Subject-Token`.
    pub token: Option<String>,
    /// Set on a validation that is not known to be linearizable.
    pub staleness_ms: Option<u64>,
    /// `null` when there is none.
    pub body: Value,
}

/// Talks to any node with one token, or none.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    pub token: Option<String>,
}

impl Client {
    pub fn anonymous() -> Self {
        // A proxy for the web is not the way to a node.
        let http = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().unwrap();
        Self { http, token: None }
    }

    /// The user admin, with a token got from this node.
    pub async fn admin(url: &str) -> Self {
        let client = Self::anonymous();
        let body = password_login(json!({"name": "admin", "domain": {"id": "default"}}), ADMIN_PASSWORD);
        let scope = json!({"project": {"name": "admin", "domain": {"id": "default"}}});
        let token = client.log_in(url, &scoped(body, scope)).await;
        client.with_token(&token)
    }

    /// The same with this token.
    pub fn with_token(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    /// Logs in with this body. Returns the token.
    pub async fn log_in(&self, url: &str, body: &Value) -> String {
        let reply = self.send(Method::POST, &format!("{url}/v3/auth/tokens"), Some(body)).await.unwrap();
        assert_eq!(reply.status, 201, "log-in at {url}: {}", reply.body);
        reply.token.unwrap_or_else(|| panic!("no X-Subject-Token from {url}"))
    }

    /// One request.
    ///
    /// # Errors
    /// There was no response.
    pub async fn send(&self, method: Method, url: &str, body: Option<&Value>) -> reqwest::Result<Reply> {
        self.send_about(method, url, body, None).await
    }

    /// Validates a token at a node.
    ///
    /// # Errors
    /// There was no response.
    pub async fn validate(&self, url: &str, subject: &str) -> reqwest::Result<Reply> {
        self.send_about(Method::GET, &format!("{url}/v3/auth/tokens"), None, Some(subject)).await
    }

    /// Revokes a token; the node must do it.
    pub async fn revoke(&self, url: &str, subject: &str) {
        let path = format!("{url}/v3/auth/tokens");
        let reply = self.send_about(Method::DELETE, &path, None, Some(subject)).await.unwrap();
        assert_eq!(reply.status, 204, "{}", reply.body);
    }

    /// One request about another token.
    ///
    /// # Errors
    /// There was no response.
    pub async fn send_about(
        &self,
        method: Method,
        url: &str,
        body: Option<&Value>,
        subject: Option<&str>,
    ) -> reqwest::Result<Reply> {
        let mut request = self.http.request(method, url);
        for (name, value) in [("X-Auth-Token", self.token.as_deref()), ("X-Subject-Token", subject)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let token = header("X-Subject-Token").map(ToOwned::to_owned);
        let staleness_ms = header("Keyraft-Staleness-Ms").and_then(|value| value.parse().ok());
        let body = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
        Ok(Reply { status, token, staleness_ms, body })
    }

    pub async fn get(&self, url: &str) -> Value {
        let reply = self.send(Method::GET, url, None).await.unwrap();
        assert_eq!(reply.status, 200, "GET {url}: {}", reply.body);
        reply.body
    }

    pub async fn put(&self, url: &str) {
        let reply = self.send(Method::PUT, url, None).await.unwrap();
        assert_eq!(reply.status, 204, "PUT {url}: {}", reply.body);
    }

    /// Makes one thing through a node: `create(url, "user", {...})`. What it has become.
    pub async fn create(&self, url: &str, kind: &str, fields: Value) -> Value {
        let path = format!("{url}/v3/{kind}s");
        let reply = self.send(Method::POST, &path, Some(&json!({ kind: fields }))).await.unwrap();
        assert_eq!(reply.status, 201, "POST {path}: {}", reply.body);
        reply.body[kind].clone()
    }

    /// The rows of a list, all pages of it: `list(url, "users")`.
    pub async fn list(&self, url: &str, plural: &str) -> Vec<Value> {
        const MAX_PAGES: usize = 100;
        let mut rows = Vec::new();
        let mut next = format!("{url}/v3/{plural}?limit=1000");
        for _ in 0..MAX_PAGES {
            let page = self.get(&next).await;
            rows.extend(page[plural].as_array().unwrap().iter().cloned());
            match page["links"]["next"].as_str() {
                Some(link) => next = link.to_owned(),
                None => return rows,
            }
        }
        panic!("{plural} has no end");
    }
}

//! One request to the API: the state it is answered from, who calls, and what was sent.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::RequestExt;
use axum::body::Bytes;
use axum::extract::{FromRequest, RawPathParams, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use keyraft_cluster::{Bug, Published, View, is_planted};
use keyraft_proto::identity as proto;
use prost::Message;
use serde_json::{Map, Value};

use super::body::JsonObject;
use super::origin::Origin;
use super::schema::Schema;
use super::{ApiError, Fields, Query};
use crate::app::App;
use crate::auth::Caller;
use crate::policy::Policy;
use crate::state::{Identity, State, decode_answer};

/// Marks a validation that `cluster.max_staleness_ms` allowed, with the milliseconds for which other nodes may have
/// shown more.
const STALENESS_MS: HeaderName = HeaderName::from_static("keyraft-staleness-ms");

/// One request, with the one consistent state that it is answered from.
///
/// The state is read through the cluster's gate after the request has arrived, so every answer is linearizable, but for
/// validations where `cluster.max_staleness_ms` allows others.
pub struct Call {
    /// The service.
    pub app: App,
    /// The state that this request reads.
    pub published: Arc<Published<Identity>>,
    /// The rules that this request is checked against.
    pub policy: Arc<Policy>,
    /// Set when other states may be current instead: the answer has to be the same in all of them, or to wait.
    unsettled: Option<View<Identity>>,
    /// Set when no leader was found, and for how long others may have shown more than that state.
    staleness: Option<Duration>,
    /// A time of the cluster that whatever this state does not show yet is not stamped before, in milliseconds since the
    /// epoch. A token is stamped with it.
    pub stamp_ms: u64,
    /// Its method.
    pub method: Method,
    /// Its path and query, as sent.
    pub uri: Uri,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its query.
    pub query: Query,
    /// This node's URL as the client knows it, without `/v3`: what links begin with.
    pub base_url: Arc<str>,
    parameters: HashMap<String, String>,
    body: Map<String, Value>,
    caller: OnceLock<Caller>,
}

impl FromRequest<App> for Call {
    type Rejection = ApiError;

    async fn from_request(mut request: Request, app: &App) -> Result<Self, ApiError> {
        let parameters = match request.extract_parts_with_state::<RawPathParams, App>(app).await {
            Ok(raw) => raw.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            Err(_) => HashMap::new(),
        };
        let (mut parts, _) = request.into_parts();
        let body = parts.extensions.remove::<JsonObject>().unwrap_or_default().0;
        // The state is loaded after the request is complete: it must show what was acknowledged before.
        let before_ms = app.node.cluster_time_ms();
        let is_validation = is_validation(&parts.method, parts.uri.path());
        let max_staleness_ms = if is_validation { app.config.cluster.max_staleness_ms } else { 0 };
        // Without the key of the cluster there is no leader to wait for either.
        app.check_key(&app.node.publication().load().state)?;
        let view = app.node.view_within(Duration::from_millis(max_staleness_ms)).await?;
        let staleness = view.staleness();
        let (published, unsettled) = match is_validation && view.settled().is_none() {
            true => (Arc::clone(view.newest()), Some(view)),
            false => (app.node.settle(&view).await?, None),
        };
        app.check_key(&published.state)?;
        let origin = parts.extensions.remove::<Origin>();
        let base_url = origin.map_or_else(|| app.public_endpoint.as_str().into(), |origin| origin.base_url);
        Ok(Self {
            app: app.clone(),
            unsettled,
            staleness,
            policy: app.policy.load_full(),
            stamp_ms: stamp_ms(before_ms, &published),
            published,
            query: Query::parse(parts.uri.query().unwrap_or_default()),
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            base_url,
            parameters,
            body,
            caller: OnceLock::new(),
        })
    }
}

/// See [`Call::stamp_ms`]: `before_ms` is cluster time before the state was loaded.
///
/// A node that has just started may know no cluster time, or one of long ago, and still load the newest state.
fn stamp_ms(before_ms: u64, published: &Published<Identity>) -> u64 {
    before_ms.max(published.log_time_ms)
}

impl Call {
    /// Loads the state anew; what was found in the one before counts no more.
    ///
    /// # Errors
    /// 503 without a leader.
    pub async fn reload(&mut self) -> Result<(), ApiError> {
        let before_ms = self.app.node.cluster_time_ms();
        self.published = self.app.node.read().await?;
        self.app.check_key(&self.published.state)?;
        self.stamp_ms = stamp_ms(before_ms, &self.published);
        self.unsettled = None;
        self.caller = OnceLock::new();
        Ok(())
    }

    /// The same request, answered from another state.
    fn on(&self, published: &Arc<Published<Identity>>) -> Self {
        Self {
            app: self.app.clone(),
            published: Arc::clone(published),
            policy: Arc::clone(&self.policy),
            unsettled: None,
            staleness: None,
            stamp_ms: self.stamp_ms,
            method: self.method.clone(),
            uri: self.uri.clone(),
            headers: self.headers.clone(),
            query: self.query.clone(),
            base_url: self.base_url.clone(),
            parameters: self.parameters.clone(),
            body: self.body.clone(),
            caller: OnceLock::new(),
        }
    }

    /// The answer of `give`, which must not depend on what the cluster is about to change: where it does, this
    /// waits until the change is released. `give` looks at nothing but the call.
    ///
    /// # Errors
    /// Those of `give`; 503 when the release is not learnt in time.
    pub async fn answer_alike(mut self, give: fn(&Self) -> Answer) -> Answer {
        let answer = give(&self);
        let Some(view) = self.unsettled.take() else { return self.mark_staleness(answer) };
        if let Some(others) = view.others() {
            let expected = content(answer).await;
            let mut is_same = expected.is_some();
            for other in others {
                is_same = is_same && content(give(&self.on(other))).await == expected;
            }
            if is_same {
                return give(&self);
            }
        }
        self.published = self.app.node.settle(&view).await?;
        give(&self)
    }

    /// An answer that is not known to be linearizable says so.
    fn mark_staleness(&self, answer: Answer) -> Answer {
        let Some(staleness) = self.staleness else { return answer };
        let mut response = answer.into_response();
        let staleness_ms = u64::try_from(staleness.as_millis()).unwrap_or(u64::MAX);
        response.headers_mut().insert(STALENESS_MS, HeaderValue::from(staleness_ms));
        Ok(response)
    }

    /// The state that this request reads.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.published.state
    }

    /// A parameter of the path; empty if the route has none of that name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The caller that `X-Auth-Token` proves.
    ///
    /// # Errors
    /// 401 without a valid token.
    pub fn caller(&self) -> Result<&Caller, ApiError> {
        if let Some(caller) = self.caller.get() {
            return Ok(caller);
        }
        let caller = Caller::authenticate(&self.app, Arc::clone(&self.policy), self.state(), &self.headers)?;
        Ok(self.caller.get_or_init(|| caller))
    }

    /// The JSON object in the body; without a body an empty one, as in Keystone.
    #[must_use]
    pub fn json(&self) -> Map<String, Value> {
        self.body.clone()
    }

    /// The object of the body, checked against its schema.
    ///
    /// # Errors
    /// 400 that names the attribute at fault.
    pub fn object(&self, schema: &Schema) -> Result<Map<String, Value>, ApiError> {
        schema.check(self.json())
    }

    /// The URL of this request, with its query.
    #[must_use]
    pub fn self_url(&self) -> String {
        let query = self.uri.query().filter(|query| !query.is_empty());
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{}{query}", self.base_url, self.uri.path())
    }

    /// The URL of a resource: `path` follows `/v3/`.
    #[must_use]
    pub fn link(&self, path: &str) -> String {
        format!("{}/v3/{path}", self.base_url)
    }

    /// The domain of a user, group or project that is to be created: the one in the request, else that of a
    /// domain-scoped caller, else the default domain.
    ///
    /// # Errors
    /// 401 without a valid token.
    pub fn domain_of_create(&self, fields: &mut Fields) -> Result<String, ApiError> {
        if let Some(given) = fields.text("domain_id") {
            return Ok(given);
        }
        let own = self.caller()?.domain_id();
        Ok(own.unwrap_or(&self.app.config.identity.default_domain_id).to_owned())
    }

    /// A new id: 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn new_id(&self) -> String {
        self.app.new_id()
    }

    /// Runs a command through the log. Gives the record that it made or changed.
    ///
    /// # Errors
    /// The refusal of the command, or 503 if it could not be logged.
    pub async fn write<R: Message + Default>(&self, kind: proto::command::Kind) -> Result<R, ApiError> {
        let proposed = self.app.propose(kind).await?;
        R::decode(decode_answer(&proposed.answer)?)
            .map_err(|error| ApiError::Internal(format!("answer of a command: {error}")))
    }

    /// Runs a command through the log that gives nothing back.
    ///
    /// # Errors
    /// The refusal of the command, or 503 if it could not be logged.
    pub async fn run(&self, kind: proto::command::Kind) -> Result<(), ApiError> {
        if is_planted(Bug::LateRevocation) && matches!(kind, proto::command::Kind::RevokeToken(_)) {
            let app = self.app.clone();
            tokio::spawn(async move {
                tokio::time::sleep(LATE).await;
                let _ = app.propose(kind).await;
            });
            return Ok(());
        }
        let proposed = self.app.propose(kind).await?;
        decode_answer(&proposed.answer)?;
        Ok(())
    }
}

/// What a handler gives.
pub type Answer = Result<Response, ApiError>;

/// How late a planted bug is.
const LATE: Duration = Duration::from_millis(300);

/// Whether a request validates a token, which waits only when something it depends on is being changed.
fn is_validation(method: &Method, path: &str) -> bool {
    path == "/v3/auth/tokens" && (method == Method::GET || method == Method::HEAD)
}

/// What a client would see of an answer.
async fn content(answer: Answer) -> Option<(StatusCode, HeaderMap, Bytes)> {
    let (parts, body) = answer.into_response().into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    Some((parts.status, parts.headers, body))
}

//! What happens around every request: its id, the headers of every answer, the access log and the metrics.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::cors::Sharing;
use super::error::{Hidden, NeedsChallenge, reveal};
use super::origin::Origin;
use super::server::Peer;
use crate::app::App;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-openstack-request-id");
const AUTH_TOKEN: HeaderValue = HeaderValue::from_static("X-Auth-Token");

/// Gives the request an id, answers it, completes the headers, logs one line and counts it.
pub async fn around(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = app.environment.clock.elapsed();
    let request_id = new_request_id(&app);
    let method = request.method().clone();
    let uri = request.uri().clone();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("unmatched", MatchedPath::as_str);
    let peer = request.extensions().get::<Peer>().copied();
    let origin = Origin::of(&app, request.headers(), peer.as_ref());
    let sharing = Sharing::of(&app.config.cors, &method, request.headers());
    let mut request = request;
    request.extensions_mut().insert(origin.clone());

    let mut response = next.run(request).await;
    let is_api = route != "/healthcheck" && !is_refused_options(&method, &response);
    if is_refused_options(&method, &response) {
        // As in Keystone, whose CORS layer answers them in place of what was refused.
        response = StatusCode::OK.into_response();
    }
    if app.config.http.insecure_debug
        && let Some(Hidden(reason)) = response.extensions_mut().remove()
    {
        response = reveal(response, &reason);
    }

    let status = response.status();
    let needs_challenge = response.extensions().get::<NeedsChallenge>().is_some();
    let headers = response.headers_mut();
    if needs_challenge
        && let Ok(challenge) = HeaderValue::from_str(&format!("Keystone uri=\"{}/v3\"", origin.base_url))
    {
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    if is_api {
        headers.insert(header::VARY, AUTH_TOKEN);
    }
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert(REQUEST_ID, value);
    }
    sharing.apply(headers);
    let elapsed = app.environment.clock.elapsed().saturating_sub(started);
    let status_text = status.as_str().to_owned();
    metrics::counter!(
        "keyraft_http_requests_total",
        "method" => method.as_str().to_owned(), "route" => route.to_owned(), "status" => status_text
    )
    .increment(1);
    metrics::histogram!("keyraft_http_request_seconds", "route" => route.to_owned())
        .record(elapsed.as_secs_f64());
    tracing::info!(
        target: "keyraft::access",
        request_id,
        method = method.as_str(),
        path = uri.path(),
        status = status.as_u16(),
        duration_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        client = origin.client,
    );
    response
}

fn is_refused_options(method: &Method, response: &Response) -> bool {
    method == Method::OPTIONS && !response.status().is_success()
}

fn new_request_id(app: &App) -> String {
    let mut bytes = [0; 16];
    app.environment.random.fill(&mut bytes);
    format!("req-{}", uuid::Builder::from_random_bytes(bytes).into_uuid())
}

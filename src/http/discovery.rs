//! `/`, `/v3` and `/healthcheck`.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::operation::{self, Operation};
use crate::app::App;

/// The version of the API that Keystone 30 reports.
const VERSION: &str = "v3.14";

/// What may be done on `/`.
pub fn on_root() -> Vec<Operation> {
    let status = StatusCode::MULTIPLE_CHOICES;
    vec![operation::get(versions, "List the versions of the API").object("versions").status(status)]
}

/// What may be done on `/v3`.
pub fn on_v3() -> Vec<Operation> {
    vec![operation::get(v3, "Describe version 3 of the API").object("version")]
}

/// What may be done on `/healthcheck`.
pub fn on_health() -> Vec<Operation> {
    vec![operation::get(healthcheck, "Say that the process answers").text()]
}

fn version(base_url: &str) -> Value {
    json!({
        "id": VERSION,
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{ "rel": "self", "href": format!("{base_url}/v3/") }],
        "media-types": [{
            "base": "application/json",
            "type": "application/vnd.openstack.identity-v3+json",
        }],
    })
}

fn base_url(app: &App, request: &Request) -> String {
    app.base_url(request.headers(), request.extensions().get())
}

/// Lists the versions of the API: 300 with the newest in `Location`.
/// Policy: none.
pub async fn versions(State(app): State<App>, request: Request) -> Response {
    let base_url = base_url(&app, &request);
    let body = json!({ "versions": { "values": [version(&base_url)] } }).to_string();
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::LOCATION, format!("{base_url}/v3/")),
    ];
    (StatusCode::MULTIPLE_CHOICES, headers, body).into_response()
}

/// Describes version 3.
/// Policy: none.
pub async fn v3(State(app): State<App>, request: Request) -> Response {
    let body = json!({ "version": version(&base_url(&app, &request)) }).to_string();
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// 200 while the process answers, as oslo.middleware's healthcheck does.
/// Policy: none.
pub async fn healthcheck() -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; charset=UTF-8")], "").into_response()
}

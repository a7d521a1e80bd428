//! `/`, `/v3` and `/healthcheck`.

use std::sync::Arc;

use axum::Extension;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::operation::{self, Operation};
use super::origin::Origin;
use super::route::Routes;
use super::{accept, json_home, openapi};

/// The version of the API that Keystone 30 reports.
const VERSION: &str = "v3.14";

const JSON: &str = "application/json";
const JSON_HOME: &str = "application/json-home";

/// The descriptions of the API, which do not change while the node runs.
#[derive(Clone)]
pub struct Documents {
    /// OpenAPI.
    pub openapi: Arc<str>,
    /// JSON-home with paths below `/v3`.
    of_version: Arc<str>,
    /// JSON-home with paths below `/`.
    of_root: Arc<str>,
}

impl Documents {
    /// The descriptions of these routes.
    #[must_use]
    pub fn of(routes: &Routes) -> Self {
        let text = |document: Value| -> Arc<str> { document.to_string().into() };
        Self {
            openapi: text(openapi::document(routes)),
            of_version: text(json_home::document(routes, "")),
            of_root: text(json_home::document(routes, "/v3")),
        }
    }
}

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
    vec![
        operation::get(healthcheck, "Say that the process answers").text(),
        operation::head(alive, "Say that the process answers"),
    ]
}

/// 204 while the process answers.
/// Policy: none.
pub async fn alive() -> StatusCode {
    StatusCode::NO_CONTENT
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

fn wants_home(headers: &HeaderMap) -> bool {
    accept::best(headers, &[JSON, JSON_HOME]) == Some(JSON_HOME)
}

fn home(document: &str) -> Response {
    ([(header::CONTENT_TYPE, JSON_HOME)], document.to_owned()).into_response()
}

/// Lists the versions of the API: 300 with the newest in `Location`. To those who like that better, JSON-home.
/// Policy: none.
pub async fn versions(
    Extension(origin): Extension<Origin>,
    Extension(documents): Extension<Documents>,
    headers: HeaderMap,
) -> Response {
    if wants_home(&headers) {
        return home(&documents.of_root);
    }
    let body = json!({ "versions": { "values": [version(&origin.base_url)] } }).to_string();
    let headers =
        [(header::CONTENT_TYPE, JSON.to_owned()), (header::LOCATION, format!("{}/v3/", origin.base_url))];
    (StatusCode::MULTIPLE_CHOICES, headers, body).into_response()
}

/// Describes version 3. To those who like that better, JSON-home.
/// Policy: none.
pub async fn v3(
    Extension(origin): Extension<Origin>,
    Extension(documents): Extension<Documents>,
    headers: HeaderMap,
) -> Response {
    if wants_home(&headers) {
        return home(&documents.of_version);
    }
    let body = json!({ "version": version(&origin.base_url) }).to_string();
    ([(header::CONTENT_TYPE, JSON)], body).into_response()
}

/// 200 while the process answers, as oslo.middleware's healthcheck does.
/// Policy: none.
pub async fn healthcheck(headers: HeaderMap) -> Response {
    const TEXT: &str = "text/plain";
    if accept::best(&headers, &[TEXT, JSON]) == Some(JSON) {
        let body = "{\n    \"detailed\": false,\n    \"reasons\": []\n}";
        return ([(header::CONTENT_TYPE, JSON)], body).into_response();
    }
    ([(header::CONTENT_TYPE, "text/plain; charset=UTF-8")], "").into_response()
}

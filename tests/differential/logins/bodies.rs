//! Bodies that are no log-in, content types, and queries.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::request::{post, request, with_password};
use super::super::session::Session;
use super::{ask, pilot};
use crate::support::callers::PASSWORD;

pub fn bodies(s: &mut Session) {
    let identity = json!({"methods": ["password"], "password": {"user": pilot()}});
    for body in [
        json!({}),
        json!({"auth": null}),
        json!({"auth": {}}),
        json!({"auth": []}),
        json!({"auth": "x"}),
        json!({"auth": {"identity": null}}),
        json!({"auth": {"identity": []}}),
        json!({"auth": {"identity": {}}}),
        json!({"auth": {"identity": identity}, "more": 1}),
        json!({"auth": {"identity": identity, "more": 1}}),
        json!({"identity": identity}),
    ] {
        ask(s, post("/v3/auth/tokens", body));
    }
    let tokens = || request(Method::POST, "/v3/auth/tokens");
    ask(s, tokens());
    ask(s, tokens().text("application/json", "{"));
    ask(s, tokens().text("application/json", "[]"));
    ask(s, tokens().text("application/json", "5"));
    ask(s, tokens().text("application/json", ""));
    let whole = format!(
        r#"{{"auth":{{"identity":{{"methods":["password"],"password":{{"user":{{"id":"{{pilot}}","password":"{PASSWORD}"}}}}}}}}}}"#
    );
    for content_type in [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/xml",
        "nonsense",
        "",
    ] {
        ask(s, tokens().text(content_type, &whole));
    }
    ask(s, with_password(pilot(), &Value::Null).header("X-Auth-Token", "forged"));
    for query in ["?nocatalog", "?nocatalog=0", "?nocatalog=false", "?more=1"] {
        let mut request = with_password(pilot(), &json!({"project": {"id": "{hangar}"}}));
        request.path.push_str(query);
        ask(s, request);
    }
}

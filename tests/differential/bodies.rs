//! Bodies of all kinds: JSON or not, of each content type, of each size.

use serde_json::json;

use super::request::{Body, Request, patch, post, put, put_json};
use super::session::Session;

/// Above what both servers take.
const TOO_LONG_BYTES: usize = 120_000;

pub fn bodies(s: &mut Session) {
    s.make("body_role", post("/v3/roles", json!({"role": {"name": "body-role"}})));
    s.make("body_region", post("/v3/regions", json!({"region": {"id": "body-region"}})));
    s.make("body_service", post("/v3/services", json!({"service": {"type": "body"}})));
    let endpoint =
        json!({"interface": "public", "service_id": "{body_service}", "url": "http://body.example/"});
    s.make("body_endpoint", post("/v3/endpoints", json!({ "endpoint": endpoint })));
    for (request, wrapper) in [
        (post("/v3/roles", json!(null)), "role"),
        (patch("/v3/roles/{body_role}", json!(null)), "role"),
        (patch("/v3/roles/none", json!(null)), "role"),
        (post("/v3/regions", json!(null)), "region"),
        (put_json("/v3/regions/body-put", json!(null)), "region"),
        (patch("/v3/regions/body-region", json!(null)), "region"),
        (post("/v3/services", json!(null)), "service"),
        (patch("/v3/services/{body_service}", json!(null)), "service"),
        (post("/v3/endpoints", json!(null)), "endpoint"),
        (patch("/v3/endpoints/{body_endpoint}", json!(null)), "endpoint"),
    ] {
        let bare = Request { body: Body::None, ..request };
        one(s, &bare, wrapper);
    }
    let long = format!("{{\"region\": {{\"colour\": \"{}\"}}}}", "n".repeat(TOO_LONG_BYTES));
    let change = patch("/v3/regions/body-region", json!(null)).text("application/json", &long);
    ["nobody", "owner", "admin"].iter().for_each(|caller| drop(s.exchange(caller, &change)));
    // A body is read even where none is asked for.
    let grant = put("/v3/projects/{project}/users/{owner}/roles/{body_role}");
    for (content_type, body) in
        [("application/json", "{"), ("text/plain", "x"), ("application/json", "{\"a\": 1}")]
    {
        s.exchange("admin", &grant.clone().text(content_type, body));
    }
}

fn one(s: &mut Session, bare: &Request, wrapper: &str) {
    let whole = format!("{{\"{wrapper}\": {{\"description\": 5, \"name\": \"\"}}}}");
    for caller in ["nobody", "owner", "admin"] {
        s.exchange(caller, bare);
        for body in ["", " ", "{", "[]", "null", "5", "\"text\"", "{}", "{\"a\": }", "\u{feff}{}", &whole] {
            s.exchange(caller, &bare.clone().text("application/json", body));
        }
        for content_type in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json; charset=utf-8",
            "application/JSON",
            "*/*",
            "",
        ] {
            s.exchange(caller, &bare.clone().text(content_type, &whole));
        }
        s.exchange(caller, &Request { body: Body::Text(whole.clone()), ..bare.clone() });
    }
}

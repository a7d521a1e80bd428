//! `/v3/services`

use serde_json::{Value, json};

use super::request::{delete, get, patch, post};
use super::session::Session;

pub fn services(s: &mut Session) {
    for (name, fields) in [
        ("service_plain", json!({"type": "plain", "name": "service-plain"})),
        ("service_nameless", json!({"type": "nameless"})),
        ("service_disabled", json!({"type": "plain", "name": "service-disabled", "enabled": false})),
    ] {
        s.make(name, post("/v3/services", json!({ "service": fields })));
    }
    reads(s);
    creates(s);
    updates(s);
    deletes(s);
}

fn reads(s: &mut Session) {
    for path in [
        "/v3/services",
        "/v3/services?type=plain",
        "/v3/services/{service_plain}",
        "/v3/services/{service_nameless}",
        "/v3/services/none",
    ] {
        s.every_caller(get(path));
    }
    for query in [
        "name=service-plain",
        "name=SERVICE-PLAIN",
        "name=",
        "name=none",
        "type=",
        "type=plain&name=service-plain",
        "type=plain&name=none",
        "name__contains=plain",
        "name__contains=PLAIN",
        "name__icontains=PLAIN",
        "name__startswith=service",
        "name__endswith=disabled",
        "name__contains=",
        "name__unknown=x",
        "type__contains=ain",
        "type__icontains=AIN",
        "type__startswith=pl",
        "type__istartswith=PL",
        "type__endswith=ain",
        "type__iendswith=AIN",
        "type__unknown=x",
        "enabled=true",
        "enabled=0",
        "unknown=x",
        "id={service_plain}",
        "sort_key=name",
        "limit=100",
        "limit=",
        "marker=",
    ] {
        s.admin(200, get(&format!("/v3/services?{query}")));
    }
    // Keystone does not look at the marker, so that each of its pages is the first.
    s.exchange("admin", &get("/v3/services?marker=none"));
    for path in [
        "/v3/services?limit=1",
        "/v3/services?limit=2&type=plain",
        "/v3/services?limit=2&name__contains=service",
    ] {
        s.admin(200, get(path).page());
    }
}

/// Fields that are invalid in a new service and in a change.
fn bad_fields() -> Vec<Value> {
    vec![
        json!({"type": ""}),
        json!({"type": 5}),
        json!({"type": null}),
        json!({"type": "t".repeat(256)}),
        json!({"type": "bad", "name": ""}),
        json!({"type": "bad", "name": 5}),
        json!({"type": "bad", "name": null}),
        json!({"type": "bad", "name": "n".repeat(256)}),
        json!({"type": "bad", "enabled": "true"}),
        json!({"type": "bad", "enabled": 1}),
        json!({"type": "bad", "enabled": null}),
    ]
}

fn bad_bodies() -> Vec<Value> {
    vec![
        json!({}),
        json!({"service": null}),
        json!({"service": []}),
        json!({"service": "plain"}),
        json!({"service": {}}),
    ]
}

fn creates(s: &mut Session) {
    s.every_caller(post("/v3/services", json!({"service": {"type": "type-{n}", "name": "service-{n}"}})));
    s.every_caller(post("/v3/services", json!({"service": {"name": "service-{n}"}})));
    for fields in [
        json!({"type": "plain", "name": "service-plain"}),
        json!({"type": " spaced ", "name": " spaced "}),
        json!({"type": "extra", "id": "chosen", "colour": "red", "x:y-z": {"deep": [1, null]}}),
        json!({"type": "described", "description": "a service"}),
        json!({"type": "described", "description": null}),
        json!({"type": "t".repeat(255), "name": "n".repeat(255)}),
        json!({"type": "typé", "name": "\u{6f22}", "enabled": true}),
    ] {
        let made = s.admin(201, post("/v3/services", json!({ "service": fields })));
        s.keep("service_made", &made, "/service/id");
        s.admin(200, get("/v3/services/{service_made}"));
    }
    s.exchange("admin", &post("/v3/services", json!({"service": {"type": "more"}, "more": 1})));
    for fields in bad_fields() {
        s.admin(400, post("/v3/services", json!({ "service": fields })));
    }
    for body in bad_bodies() {
        s.exchange("admin", &post("/v3/services", body));
    }
}

fn updates(s: &mut Session) {
    s.every_caller(patch("/v3/services/{service_plain}", json!({"service": {"description": "number {n}"}})));
    s.every_caller(patch("/v3/services/none", json!({"service": {"description": "number {n}"}})));
    s.make(
        "service_changing",
        post("/v3/services", json!({"service": {"type": "changing", "colour": "red"}})),
    );
    let path = "/v3/services/{service_changing}";
    for fields in [
        json!({"name": "service-changed"}),
        json!({"type": "changed"}),
        json!({"enabled": false}),
        json!({"description": null}),
        json!({"colour": null}),
        json!({"colour": "blue", "x:y-z": 1, "id": "{service_changing}"}),
        json!({"name": "service-plain", "type": "plain", "enabled": true}),
        json!({"links": {"self": "x"}, "id": null}),
    ] {
        s.admin(200, patch(path, json!({ "service": fields })));
        s.admin(200, get(path));
    }
    s.exchange("admin", &patch(path, json!({"service": {"name": "service-more"}, "more": 1})));
    for fields in [json!({}), json!({"id": "other"})] {
        s.admin(400, patch(path, json!({ "service": fields })));
    }
    for fields in bad_fields() {
        s.admin(400, patch(path, json!({ "service": fields })));
    }
    for body in bad_bodies() {
        s.admin(400, patch(path, body));
    }
    s.admin(200, get(path));
}

fn deletes(s: &mut Session) {
    let service = post("/v3/services", json!({"service": {"type": "victim", "name": "victim-{n}"}}));
    s.every_caller_on_new("service_victim", service, delete("/v3/services/{service_victim}"));
    s.every_caller(delete("/v3/services/none"));
    // Its endpoints go with it.
    s.make("service_host", post("/v3/services", json!({"service": {"type": "host"}})));
    for interface in ["public", "admin"] {
        let endpoint =
            json!({"interface": interface, "service_id": "{service_host}", "url": "http://host.example/"});
        s.make("service_endpoint", post("/v3/endpoints", json!({ "endpoint": endpoint })));
    }
    s.admin(200, get("/v3/endpoints?service_id={service_host}"));
    s.admin(204, delete("/v3/services/{service_host}"));
    s.admin(200, get("/v3/endpoints?service_id={service_host}"));
    s.admin(404, get("/v3/endpoints/{service_endpoint}"));
    s.admin(404, get("/v3/services/{service_host}"));
    s.admin(404, patch("/v3/services/{service_host}", json!({"service": {"name": "back"}})));
    s.admin(404, delete("/v3/services/{service_host}"));
}

//! `/v3/endpoints`, and the catalog that they make.

use serde_json::{Value, json};

use super::request::{delete, get, patch, post};
use super::session::Session;

pub fn endpoints(s: &mut Session) {
    s.make("ep_region", post("/v3/regions", json!({"region": {"id": "ep-region"}})));
    for name in ["ep_service", "ep_other"] {
        s.make(name, post("/v3/services", json!({"service": {"type": name, "name": name}})));
    }
    for (name, fields) in [
        ("ep_public", json!({"interface": "public", "region_id": "ep-region"})),
        ("ep_internal", json!({"interface": "internal"})),
        ("ep_disabled", json!({"interface": "admin", "region_id": "ep-region", "enabled": false})),
    ] {
        let mut endpoint = fields;
        endpoint["service_id"] = json!("{ep_service}");
        endpoint["url"] = json!(format!("http://{}.example/", name.replace('_', "-")));
        s.make(name, post("/v3/endpoints", json!({ "endpoint": endpoint })));
    }
    reads(s);
    creates(s);
    updates(s);
    templates(s);
    catalogs(s);
    deletes(s);
}

fn reads(s: &mut Session) {
    for path in [
        "/v3/endpoints",
        "/v3/endpoints?interface=public",
        "/v3/endpoints?interface=other",
        "/v3/endpoints/{ep_public}",
        "/v3/endpoints/{ep_internal}",
        "/v3/endpoints/none",
    ] {
        s.every_caller(get(path));
    }
    for query in [
        "service_id={ep_service}",
        "service_id=none",
        "service_id=",
        "region_id=ep-region",
        "region_id=none",
        "region_id=",
        "region=ep-region",
        "interface=admin&service_id={ep_service}",
        "interface=admin&service_id={ep_service}&region_id=ep-region",
        "interface=internal&service_id={ep_service}&region_id=ep-region",
        "interface__contains=ubl",
        "interface__contains=UBL",
        "interface__icontains=UBL",
        "interface__startswith=pub",
        "interface__endswith=lic",
        "region_id__icontains=EP-",
        "service_id__contains=none",
        "interface__unknown=x",
        "enabled=false",
        "url=x",
        "unknown=x",
        "limit=100",
        "limit=",
        "marker=",
    ] {
        s.admin(200, get(&format!("/v3/endpoints?{query}")));
    }
    for query in ["interface=", "interface=PUBLIC"] {
        s.admin(400, get(&format!("/v3/endpoints?{query}")));
    }
    // Keystone does not look at the marker, so that each of its pages is the first.
    s.exchange("admin", &get("/v3/endpoints?marker=none"));
    // Some endpoints have no region to compare.
    s.exchange("admin", &get("/v3/endpoints?region_id__startswith=ep-"));
    for path in ["/v3/endpoints?limit=1", "/v3/endpoints?limit=2&service_id={ep_service}"] {
        s.admin(200, get(path).page());
    }
}

/// An endpoint with these fields, or with others than the usual ones.
fn endpoint(fields: Value) -> Value {
    let mut endpoint =
        json!({"interface": "public", "service_id": "{ep_service}", "url": "http://endpoint.example/"});
    for (name, value) in fields.as_object().unwrap() {
        endpoint[name] = value.clone();
    }
    json!({ "endpoint": endpoint })
}

/// Fields that are invalid in a new endpoint and in a change.
fn bad_fields() -> Vec<Value> {
    vec![
        json!({"interface": "other"}),
        json!({"interface": "PUBLIC"}),
        json!({"interface": ""}),
        json!({"interface": null}),
        json!({"interface": 5}),
        json!({"service_id": 5}),
        json!({"service_id": null}),
        json!({"service_id": "none"}),
        json!({"service_id": ""}),
        json!({"region_id": 5}),
        json!({"region_id": "none"}),
        json!({"region": 5}),
        json!({"url": ""}),
        json!({"url": "no scheme"}),
        json!({"url": "/path"}),
        json!({"url": 5}),
        json!({"url": null}),
        json!({"url": format!("http://{}", "u".repeat(250))}),
        json!({"enabled": "true"}),
        json!({"enabled": 1}),
        json!({"enabled": null}),
        json!({"name": 5}),
        json!({"description": 5}),
    ]
}

fn bad_bodies() -> Vec<Value> {
    vec![
        json!({}),
        json!({"endpoint": null}),
        json!({"endpoint": []}),
        json!({"endpoint": "public"}),
        json!({"endpoint": {}}),
        json!({"endpoint": {"url": "http://endpoint.example/"}, "more": 1}),
    ]
}

fn creates(s: &mut Session) {
    s.every_caller(post("/v3/endpoints", endpoint(json!({"url": "http://number-{n}.example/"}))));
    s.every_caller(post("/v3/endpoints", endpoint(json!({"service_id": "none"}))));
    for fields in [
        json!({}),
        json!({"region_id": null, "region": null}),
        json!({"region_id": "ep-region", "region": "ignored"}),
        json!({"region": "ep-region"}),
        json!({"region": "ep-made-{n}"}),
        json!({"region_id": null, "region": "ep-made-2-{n}"}),
        json!({"name": "named", "description": "described", "colour": "red", "x:y-z": {"deep": [1, null]}}),
        json!({"description": null}),
        json!({"id": "chosen"}),
        json!({"legacy_endpoint_id": "old"}),
        json!({"enabled": true, "interface": "admin"}),
        json!({"url": "any+scheme-1.0:rest"}),
        json!({"url": "http://[::1]:5000/v3"}),
    ] {
        s.count();
        let made = s.admin(201, post("/v3/endpoints", endpoint(fields)));
        s.keep("ep_made", &made, "/endpoint/id");
        s.admin(200, get("/v3/endpoints/{ep_made}"));
    }
    s.admin(200, get("/v3/regions"));
    for fields in bad_fields() {
        s.admin(400, post("/v3/endpoints", endpoint(fields)));
    }
    for body in bad_bodies() {
        s.admin(400, post("/v3/endpoints", body));
    }
    for missing in ["interface", "service_id", "url"] {
        let mut body = endpoint(json!({}));
        body["endpoint"].as_object_mut().unwrap().remove(missing);
        s.admin(400, post("/v3/endpoints", body));
    }
    // What a refused endpoint names is not made.
    s.admin(
        400,
        post("/v3/endpoints", endpoint(json!({"url": "http://$(nobody)s/", "region": "ep-refused"}))),
    );
    s.admin(404, get("/v3/regions/ep-refused"));
}

fn updates(s: &mut Session) {
    s.every_caller(patch("/v3/endpoints/{ep_internal}", json!({"endpoint": {"description": "number {n}"}})));
    s.every_caller(patch("/v3/endpoints/none", json!({"endpoint": {"description": "number {n}"}})));
    s.make("ep_changing", post("/v3/endpoints", endpoint(json!({"colour": "red"}))));
    let path = "/v3/endpoints/{ep_changing}";
    for fields in [
        json!({"url": "http://changed.example/"}),
        json!({"interface": "admin"}),
        json!({"region_id": "ep-region"}),
        json!({"description": "still there"}),
        json!({"region_id": null}),
        json!({"region": "ep-region"}),
        json!({"region": "ep-made-by-update"}),
        json!({"region_id": "ep-region", "region": "ignored"}),
        json!({"service_id": "{ep_other}"}),
        json!({"enabled": false}),
        json!({"colour": null}),
        json!({"colour": "blue", "name": "named", "x:y-z": 1, "id": "{ep_changing}"}),
        json!({"enabled": true, "interface": "internal"}),
        json!({"links": {"self": "x"}}),
    ] {
        s.admin(200, patch(path, json!({ "endpoint": fields })));
        s.admin(200, get(path));
    }
    s.admin(200, get("/v3/regions/ep-made-by-update"));
    for fields in [json!({}), json!({"id": "other"})] {
        s.admin(400, patch(path, json!({ "endpoint": fields })));
    }
    for fields in bad_fields() {
        s.admin(400, patch(path, json!({ "endpoint": fields })));
        s.admin(200, get(path));
    }
    for body in bad_bodies() {
        s.admin(400, patch(path, body));
    }
}

/// Substitutions in a URL that the catalog makes, and others.
fn templates(s: &mut Session) {
    for url in [
        "http://t.example/$(project_id)s",
        "http://t.example/%(project_id)s/$(user_id)s",
        "http://t.example/$(tenant_id)s/x",
        "http://t.example/a%%b",
        "http://t.example/a$b",
    ] {
        s.exchange(
            "admin",
            &post("/v3/endpoints", endpoint(json!({"url": url, "service_id": "{ep_other}"}))),
        );
    }
    for url in [
        "http://t.example/$(nobody)s",
        "http://t.example/%(nobody)s",
        "http://t.example/$(user_id)",
        "http://t.example/$(user_id)d",
        "http://t.example/%(user_id",
        "http://t.example/$(admin_token)s",
        "http://t.example/$()s",
        "http://t.example/%x",
        "http://t.example/100%",
    ] {
        s.exchange("admin", &post("/v3/endpoints", endpoint(json!({ "url": url }))));
    }
    s.admin(200, get("/v3/endpoints?service_id={ep_other}"));
}

/// The catalog of tokens of each scope, as services, endpoints and regions change.
fn catalogs(s: &mut Session) {
    let catalog = |s: &mut Session| {
        for caller in ["owner", "project_reader", "nobody"] {
            s.exchange(caller, &get("/v3/auth/catalog"));
        }
        for caller in ["domain_reader", "system_reader", "unscoped"] {
            let token = format!("{{token.{caller}}}");
            s.exchange("admin", &get("/v3/auth/tokens").header("X-Subject-Token", &token));
        }
    };
    catalog(s);
    s.admin(200, patch("/v3/services/{ep_service}", json!({"service": {"enabled": false}})));
    catalog(s);
    s.admin(
        200,
        patch("/v3/services/{ep_service}", json!({"service": {"enabled": true, "name": "renamed"}})),
    );
    catalog(s);
    s.admin(200, patch("/v3/endpoints/{ep_public}", json!({"endpoint": {"enabled": false}})));
    s.admin(200, patch("/v3/endpoints/{ep_disabled}", json!({"endpoint": {"enabled": true}})));
    catalog(s);
    s.admin(200, patch("/v3/endpoints/{ep_public}", json!({"endpoint": {"enabled": true}})));
    catalog(s);
}

fn deletes(s: &mut Session) {
    let new = post("/v3/endpoints", endpoint(json!({"url": "http://victim-{n}.example/"})));
    s.every_caller_on_new("ep_victim", new.clone(), delete("/v3/endpoints/{ep_victim}"));
    s.every_caller(delete("/v3/endpoints/none"));
    s.count();
    s.make("ep_victim", new);
    s.admin(204, delete("/v3/endpoints/{ep_victim}"));
    s.admin(404, get("/v3/endpoints/{ep_victim}"));
    s.admin(404, delete("/v3/endpoints/{ep_victim}"));
    s.admin(404, patch("/v3/endpoints/{ep_victim}", json!({"endpoint": {"enabled": true}})));
    // Python writes an object of its own for this one, and so does Keystone's catalog.
    let spoilt = endpoint(json!({"url": "http://t.example/%s"}));
    s.exchange("admin", &post("/v3/endpoints", spoilt));
    for service in ["ep_service", "ep_other"] {
        s.admin(204, delete(&format!("/v3/services/{{{service}}}")));
    }
    s.admin(200, get("/v3/endpoints"));
}

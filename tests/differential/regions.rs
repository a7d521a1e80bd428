//! `/v3/regions`

use serde_json::{Value, json};

use super::request::{delete, get, patch, post, put, put_json};
use super::session::Session;

pub fn regions(s: &mut Session) {
    for (name, parent) in [("north", json!(null)), ("coast", json!("north")), ("south", json!(null))] {
        let region = json!({"id": name, "parent_region_id": parent, "description": format!("the {name}")});
        s.make(name, post("/v3/regions", json!({ "region": region })));
    }
    reads(s);
    creates(s);
    creates_with_id(s);
    updates(s);
    circles(s);
    deletes(s);
}

fn reads(s: &mut Session) {
    for path in [
        "/v3/regions",
        "/v3/regions?parent_region_id=north",
        "/v3/regions?limit=1",
        "/v3/regions/north",
        "/v3/regions/none",
    ] {
        s.every_caller(get(path));
    }
    for query in ["parent_region_id=none", "parent_region_id=null"] {
        s.admin(200, get(&format!("/v3/regions?{query}")));
    }
    for query in [
        "parent_region_id=",
        "parent_region_id__contains=nor",
        "name=x",
        "id=north",
        "description=x",
        "marker=north",
        "limit=1&marker=north",
        "unknown=x",
        "unknown",
        "sort_key=id",
    ] {
        s.admin(400, get(&format!("/v3/regions?{query}")));
    }
    s.exchange("admin", &get(&format!("/v3/regions?parent_region_id={}", "r".repeat(256))));
    s.admin(200, get("/v3/regions/north?limit=1"));
}

/// Fields that are invalid in a new region and in a change.
fn bad_fields() -> Vec<Value> {
    vec![
        json!({"id": "r".repeat(256)}),
        json!({"id": 5}),
        json!({"description": "d".repeat(256)}),
        json!({"description": 5}),
        json!({"parent_region_id": ""}),
        json!({"parent_region_id": 5}),
        json!({"parent_region_id": "r".repeat(256)}),
    ]
}

fn bad_bodies() -> Vec<Value> {
    vec![json!({}), json!({"region": null}), json!({"region": []}), json!({"region": "north"})]
}

fn creates(s: &mut Session) {
    s.every_caller(post("/v3/regions", json!({"region": {"id": "region-{n}"}})));
    s.every_caller(post("/v3/regions", json!({"region": {"description": "without an id {n}"}})));
    s.every_caller(post("/v3/regions", json!({"region": {"id": "north"}})));
    s.every_caller(post("/v3/regions", json!({"region": {"id": 5}})));
    for fields in [
        json!({}),
        json!({"id": ""}),
        json!({"id": null}),
        json!({"id": "region with spaces"}),
        json!({"id": "région-é"}),
        json!({"id": "region-extra", "colour": "red", "x:y-z": {"deep": [1, null]}, "enabled": false}),
        json!({"id": "region-null", "description": null, "parent_region_id": null}),
        json!({"id": "region-blank", "description": ""}),
        json!({"id": "region-child", "parent_region_id": "coast"}),
        json!({"id": "r".repeat(255), "description": "d".repeat(255)}),
    ] {
        s.admin(201, post("/v3/regions", json!({ "region": fields })));
    }
    s.admin(201, post("/v3/regions", json!({"region": {"id": "region-more"}, "more": 1})));
    for parent in ["none", "NORTH-EAST"] {
        let region = json!({"id": "region-orphan", "parent_region_id": parent});
        s.admin(404, post("/v3/regions", json!({ "region": region })));
        s.admin(404, get("/v3/regions/region-orphan"));
    }
    s.admin(404, post("/v3/regions", json!({"region": {"id": "self", "parent_region_id": "self"}})));
    for fields in [json!({"id": "north"}), json!({"id": "coast", "parent_region_id": "none"})] {
        s.admin(409, post("/v3/regions", json!({ "region": fields })));
    }
    for fields in bad_fields() {
        s.admin(400, post("/v3/regions", json!({ "region": fields })));
    }
    for body in bad_bodies() {
        s.admin(400, post("/v3/regions", body));
    }
    for path in
        ["/v3/regions/region%20with%20spaces", "/v3/regions/r%C3%A9gion-%C3%A9", "/v3/regions/region-extra"]
    {
        s.admin(200, get(path));
    }
}

fn creates_with_id(s: &mut Session) {
    s.every_caller(put_json("/v3/regions/put-{n}", json!({"region": {"description": "put"}})));
    s.every_caller(put_json("/v3/regions/north", json!({"region": {}})));
    for (id, fields) in [
        ("put-empty", json!({})),
        ("put-same", json!({"id": "put-same"})),
        ("put-child", json!({"parent_region_id": "north", "description": null, "colour": "red"})),
    ] {
        s.admin(201, put_json(&format!("/v3/regions/{id}"), json!({ "region": fields })));
    }
    for (status, fields) in [
        (400, json!({"id": "other"})),
        (400, json!({"id": ""})),
        (400, json!({"id": null})),
        (404, json!({"parent_region_id": "none"})),
    ] {
        s.admin(status, put_json("/v3/regions/put-refused", json!({ "region": fields })));
        s.admin(404, get("/v3/regions/put-refused"));
    }
    s.admin(409, put_json("/v3/regions/put-same", json!({"region": {"id": "put-same"}})));
    for fields in bad_fields() {
        s.admin(400, put_json("/v3/regions/put-refused", json!({ "region": fields })));
    }
    for body in bad_bodies() {
        s.admin(400, put_json("/v3/regions/put-refused", body));
    }
    s.admin(400, put("/v3/regions/put-refused"));
}

fn updates(s: &mut Session) {
    s.every_caller(patch("/v3/regions/south", json!({"region": {"description": "number {n}"}})));
    s.every_caller(patch("/v3/regions/none", json!({"region": {"description": "number {n}"}})));
    s.make("region_changing", post("/v3/regions", json!({"region": {"id": "changing", "colour": "red"}})));
    let path = "/v3/regions/changing";
    for fields in [
        json!({"description": null}),
        json!({"description": ""}),
        json!({"description": "changed", "colour": "blue", "x:y-z": 1}),
        json!({"colour": null}),
        json!({"id": "changing"}),
        json!({"parent_region_id": "north"}),
        json!({"parent_region_id": "coast"}),
        json!({"description": "still there"}),
        json!({"parent_region_id": null}),
        json!({"links": {"self": "x"}, "id": null}),
    ] {
        s.admin(200, patch(path, json!({ "region": fields })));
        s.admin(200, get(path));
    }
    s.admin(404, patch(path, json!({"region": {"parent_region_id": "none"}})));
    s.admin(404, patch(path, json!({"region": {"parent_region_id": "none", "description": "kept"}})));
    for fields in [json!({}), json!({"id": "other"}), json!({"id": ""})] {
        s.admin(400, patch(path, json!({ "region": fields })));
    }
    for fields in bad_fields() {
        s.admin(400, patch(path, json!({ "region": fields })));
    }
    for body in bad_bodies() {
        s.admin(400, patch(path, body));
    }
    s.admin(400, patch(path, json!({"region": {"description": "x"}, "more": 1})));
    s.admin(200, get(path));
}

/// A region is not below itself.
fn circles(s: &mut Session) {
    for parent in ["north", "coast"] {
        s.admin(400, patch("/v3/regions/north", json!({"region": {"parent_region_id": parent}})));
        s.admin(200, get("/v3/regions/north"));
    }
    s.admin(400, patch("/v3/regions/north", json!({"region": {"parent_region_id": "region-child"}})));
    s.admin(200, patch("/v3/regions/coast", json!({"region": {"parent_region_id": "south"}})));
    s.admin(200, patch("/v3/regions/north", json!({"region": {"parent_region_id": "region-child"}})));
    s.admin(400, patch("/v3/regions/south", json!({"region": {"parent_region_id": "north"}})));
    s.admin(200, patch("/v3/regions/north", json!({"region": {"parent_region_id": null}})));
    s.admin(200, patch("/v3/regions/coast", json!({"region": {"parent_region_id": "north"}})));
}

fn deletes(s: &mut Session) {
    let region = post("/v3/regions", json!({"region": {"id": "victim-{n}"}}));
    s.every_caller_on_new("region_victim", region, delete("/v3/regions/{region_victim}"));
    s.every_caller(delete("/v3/regions/none"));
    // Those below go with it.
    for (id, parent) in [("tree", json!(null)), ("branch", json!("tree")), ("twig", json!("branch"))] {
        s.admin(201, post("/v3/regions", json!({"region": {"id": id, "parent_region_id": parent}})));
    }
    s.admin(201, post("/v3/services", json!({"service": {"type": "region-test", "name": "region"}})));
    s.find("region_service", "/v3/services?type=region-test", "/services/0/id");
    let endpoint = json!({"interface": "public", "service_id": "{region_service}", "region_id": "twig",
        "url": "http://regions.example/"});
    s.make("region_endpoint", post("/v3/endpoints", json!({ "endpoint": endpoint })));
    for id in ["twig", "branch", "tree"] {
        s.every_caller(delete(&format!("/v3/regions/{id}")));
    }
    s.admin(200, get("/v3/regions?parent_region_id=tree"));
    s.admin(204, delete("/v3/endpoints/{region_endpoint}"));
    s.admin(204, delete("/v3/regions/tree"));
    s.admin(404, get("/v3/regions/tree"));
    // Keystone's cache still has those below, for a while.
    for id in ["tree", "branch", "twig"] {
        s.admin(404, delete(&format!("/v3/regions/{id}")));
        s.admin(404, patch(&format!("/v3/regions/{id}"), json!({"region": {"description": "x"}})));
    }
    s.admin(200, get("/v3/regions?parent_region_id=tree"));
    s.admin(201, post("/v3/regions", json!({"region": {"id": "tree"}})));
    s.admin(204, delete("/v3/services/{region_service}"));
    s.admin(200, get("/v3/regions"));
}

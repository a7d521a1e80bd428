//! `/v3/roles`

use serde_json::{Value, json};

use super::request::{delete, get, patch, post, put};
use super::session::Session;

/// Fields that are invalid in a new role and in a change.
fn bad_fields() -> Vec<Value> {
    vec![
        json!({"name": ""}),
        json!({"name": "   "}),
        json!({"name": "r".repeat(256)}),
        json!({"name": 5}),
        json!({"name": null}),
        json!({"name": "role-bad", "domain_id": "no domain!"}),
        json!({"name": "role-bad", "domain_id": ""}),
        json!({"name": "role-bad", "domain_id": 5}),
        json!({"name": "role-bad", "description": 5}),
        json!({"name": "role-bad", "options": {"immutable": "yes"}}),
        json!({"name": "role-bad", "options": {"immutable": 1}}),
        json!({"name": "role-bad", "options": {"unknown": true}}),
        json!({"name": "role-bad", "options": null}),
        json!({"name": "role-bad", "options": []}),
    ]
}

/// Bodies that hold no role at all.
fn bad_bodies() -> Vec<Value> {
    vec![
        json!({}),
        json!({"role": null}),
        json!({"role": []}),
        json!({"role": "name"}),
        json!({"role": {}}),
        json!({"roles": {"name": "role-bad"}}),
        json!({"role": {"name": "role-bad"}, "more": 1}),
    ]
}

pub fn roles(s: &mut Session) {
    for (name, fields) in [
        ("role_plain", json!({"name": "role-plain", "description": "a role"})),
        ("role_home", json!({"name": "role-home", "domain_id": "{home}"})),
        ("role_away", json!({"name": "role-away", "domain_id": "{away}", "description": null})),
        ("role_fixed", json!({"name": "role-fixed", "options": {"immutable": true}})),
    ] {
        s.make(name, post("/v3/roles", json!({ "role": fields })));
    }
    reads(s);
    lists(s);
    creates(s);
    updates(s);
    immutable_roles(s);
    deletes(s);
}

fn reads(s: &mut Session) {
    for path in [
        "/v3/roles",
        "/v3/roles?domain_id={home}",
        "/v3/roles?name=role-plain",
        "/v3/roles/{role_plain}",
        "/v3/roles/{role_home}",
        "/v3/roles/none",
    ] {
        s.every_caller(get(path));
    }
}

fn lists(s: &mut Session) {
    for query in [
        "name=none",
        "name__contains=plain",
        "name__contains=PLAIN",
        "name__icontains=PLAIN",
        "name__startswith=role-",
        "name__startswith=ole-",
        "name__istartswith=ROLE-",
        "name__endswith=fixed",
        "name__iendswith=FIXED",
        "name__contains=",
        "name__contains=none",
        "name__unknown=x",
        "name=role-plain&name__contains=fixed",
        "unknown=x",
        "description=x",
        "id={role_plain}",
        "sort_key=name&sort_dir=desc",
        "domain_id={away}",
        "domain_id=none",
        "domain_id=null",
        "domain_id={home}&name=role-home",
        "domain_id={home}&name=role-plain",
        "limit=100",
        "limit=",
        "marker=",
    ] {
        s.admin(200, get(&format!("/v3/roles?{query}")));
    }
    for query in ["name=", "name=%20", "domain_id=", "domain_id=bad%21id"] {
        s.admin(400, get(&format!("/v3/roles?{query}")));
    }
    // Keystone does not look at the marker, so that each of its pages is the first.
    s.exchange("admin", &get("/v3/roles?marker=none"));
    for query in ["limit=0", "limit=-1", "limit=x"] {
        s.exchange("admin", &get(&format!("/v3/roles?{query}")).page());
    }
    for (caller, path) in [
        ("admin", "/v3/roles?limit=2"),
        ("admin", "/v3/roles?limit=3&name__startswith=role-"),
        ("admin", "/v3/roles?limit=1&domain_id={home}"),
        ("system_reader", "/v3/roles?limit=4"),
    ] {
        s.by(caller, 200, get(path).page());
    }
}

fn creates(s: &mut Session) {
    s.every_caller(post("/v3/roles", json!({"role": {"name": "role-{n}"}})));
    s.every_caller(post("/v3/roles", json!({"role": {"name": "role-{n}", "domain_id": "{home}"}})));
    s.every_caller(post("/v3/roles", json!({"role": {"name": "role-{n}", "domain_id": "{away}"}})));
    s.every_caller(post("/v3/roles", json!({"role": {"name": ""}})));
    for fields in [
        json!({"name": "role-extra", "colour": "red", "x:y-z": {"deep": [1, null]}, "id": "chosen"}),
        json!({"name": " role-spaced "}),
        json!({"name": "role-null", "domain_id": null, "description": null}),
        json!({"name": "role-plain", "domain_id": "{home}"}),
        json!({"name": "role-plain", "domain_id": "{away}"}),
        json!({"name": "role-nowhere", "domain_id": "none"}),
        json!({"name": "role-free", "options": {"immutable": false}}),
        json!({"name": "role-empty", "options": {}}),
        json!({"name": "role-unset", "options": {"immutable": null}}),
        json!({"name": "r".repeat(255)}),
        json!({"name": "rôle-é-\u{6f22}"}),
    ] {
        s.admin(201, post("/v3/roles", json!({ "role": fields })));
    }
    for fields in [
        json!({"name": "role-plain"}),
        json!({"name": "admin"}),
        json!({"name": "role-home", "domain_id": "{home}"}),
    ] {
        s.admin(409, post("/v3/roles", json!({ "role": fields })));
    }
    for fields in bad_fields() {
        s.admin(400, post("/v3/roles", json!({ "role": fields })));
    }
    for body in bad_bodies() {
        s.admin(400, post("/v3/roles", body));
    }
    s.admin(400, post("/v3/roles", json!({"role": {"description": "no name"}})));
}

fn updates(s: &mut Session) {
    for role in ["{role_plain}", "{role_home}", "{role_fixed}", "none"] {
        let change = json!({"role": {"description": "number {n}"}});
        s.every_caller(patch(&format!("/v3/roles/{role}"), change));
    }
    s.make("role_changing", post("/v3/roles", json!({"role": {"name": "role-changing", "colour": "red"}})));
    let path = "/v3/roles/{role_changing}";
    for fields in [
        json!({"name": "role-changed"}),
        json!({"name": "role-changed"}),
        json!({"description": null}),
        json!({"description": ""}),
        json!({"colour": null}),
        json!({"colour": "blue", "x:y-z": 1, "id": "{role_changing}"}),
        json!({"domain_id": null}),
        json!({"options": {}}),
        json!({"options": {"immutable": false}}),
        json!({"options": {"immutable": null}}),
        json!({"name": "role-home"}),
        json!({"links": {"self": "x"}, "id": null}),
    ] {
        s.admin(200, patch(path, json!({ "role": fields })));
        s.admin(200, get(path));
    }
    for fields in [json!({"name": "role-plain"}), json!({"name": "role-plain", "colour": "green"})] {
        s.admin(409, patch(path, json!({ "role": fields })));
        s.admin(200, get(path));
    }
    for fields in [
        json!({"id": "other"}),
        json!({"domain_id": "{home}"}),
        json!({"domain_id": "{away}", "name": "role-moved"}),
    ] {
        s.admin(400, patch(path, json!({ "role": fields })));
    }
    s.admin(400, patch("/v3/roles/{role_home}", json!({"role": {"domain_id": "{away}"}})));
    s.admin(400, patch("/v3/roles/{role_home}", json!({"role": {"domain_id": null}})));
    s.admin(200, patch("/v3/roles/{role_home}", json!({"role": {"domain_id": "{home}"}})));
    for fields in bad_fields() {
        s.admin(400, patch(path, json!({ "role": fields })));
    }
    for body in bad_bodies() {
        s.admin(400, patch(path, body));
    }
}

/// Nothing changes an immutable role but the end of its immutability, alone.
fn immutable_roles(s: &mut Session) {
    let path = "/v3/roles/{role_fixed}";
    s.every_caller(delete(path));
    s.every_caller(delete("/v3/roles/{role_member}"));
    s.every_caller(patch("/v3/roles/{role_member}", json!({"role": {"name": "role-{n}"}})));
    for fields in [
        json!({"name": "role-loose"}),
        json!({"colour": "red"}),
        json!({"options": {}}),
        json!({"options": {"immutable": true}}),
        json!({"options": {"immutable": false}, "description": "loose"}),
        json!({"options": {"immutable": null}, "name": "role-loose"}),
    ] {
        s.admin(403, patch(path, json!({ "role": fields })));
    }
    for end in [json!(false), json!(null)] {
        s.admin(200, patch(path, json!({"role": {"options": {"immutable": end}}})));
        s.admin(200, get(path));
        s.admin(200, patch(path, json!({"role": {"description": "loose"}})));
        s.admin(200, patch(path, json!({"role": {"options": {"immutable": true}}})));
        s.admin(403, delete(path));
    }
}

fn deletes(s: &mut Session) {
    let global = post("/v3/roles", json!({"role": {"name": "role-victim-{n}"}}));
    s.every_caller_on_new("role_victim", global, delete("/v3/roles/{role_victim}"));
    let specific = post("/v3/roles", json!({"role": {"name": "role-victim-{n}", "domain_id": "{home}"}}));
    s.every_caller_on_new("role_victim", specific, delete("/v3/roles/{role_victim}"));
    s.every_caller(delete("/v3/roles/none"));
    // Its grants go with it.
    s.make("role_granted", post("/v3/roles", json!({"role": {"name": "role-granted"}})));
    for place in ["projects/{other_project}", "domains/{home}", "system"] {
        s.admin(204, put(&format!("/v3/{place}/users/{{owner}}/roles/{{role_granted}}")));
        s.admin(204, put(&format!("/v3/{place}/groups/{{team}}/roles/{{role_granted}}")));
    }
    s.admin(200, get("/v3/role_assignments?role.id={role_granted}"));
    s.admin(204, delete("/v3/roles/{role_granted}"));
    s.admin(200, get("/v3/role_assignments?role.id={role_granted}"));
    s.admin(200, get("/v3/role_assignments?user.id={owner}&include_names"));
    s.admin(200, get("/v3/system/groups/{team}/roles"));
    for path in
        ["/v3/roles/{role_granted}", "/v3/projects/{other_project}/users/{owner}/roles/{role_granted}"]
    {
        s.admin(404, get(path));
        s.admin(404, delete(path));
    }
    s.admin(404, patch("/v3/roles/{role_granted}", json!({"role": {"name": "role-back"}})));
    s.admin(201, post("/v3/roles", json!({"role": {"name": "role-granted"}})));
}

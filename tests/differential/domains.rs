//! `/v3/domains`

use reqwest::Method;
use serde_json::{Value, json};

use super::request::{Request, delete, get, patch, post, put, request, with_password};
use super::resource::DOMAIN;
use super::session::Session;
use crate::support::callers::PASSWORD;

pub fn domains(s: &mut Session) {
    s.make("land", new_domain(json!({"name": "land"})));
    every_caller(s);
    create(s);
    update(s);
    remove(s);
    lists(s);
    immutable(s);
}

fn new_domain(fields: Value) -> Request {
    DOMAIN.create(fields)
}

fn change(fields: Value) -> Request {
    DOMAIN.change("land", fields)
}

fn every_caller(s: &mut Session) {
    s.every_caller(get("/v3/domains"));
    for domain in ["{home}", "{away}", "{land}", "default", "none", "{project}"] {
        s.every_caller(get(&format!("/v3/domains/{domain}")));
        s.every_caller(patch(
            &format!("/v3/domains/{domain}"),
            json!({"domain": {"description": "number {n}"}}),
        ));
    }
    s.every_caller(new_domain(json!({"name": "domain-{n}"})));
    let new = new_domain(json!({"name": "victim-domain-{n}", "enabled": false}));
    s.every_caller_on_new("victim", new, delete("/v3/domains/{victim}"));
    // An enabled one is not deleted.
    for domain in ["{land}", "{home}", "none"] {
        s.every_caller(delete(&format!("/v3/domains/{domain}")));
    }
}

fn create(s: &mut Session) {
    let domain = json!({
        "name": " full domain ", "description": "d", "enabled": false, "tags": ["b", "a"], "a-b:c": {"x": 1},
        "options": {"immutable": false},
    });
    s.make("full_domain", new_domain(domain));
    s.admin(200, get("/v3/domains/{full_domain}"));
    s.admin(200, get("/v3/projects/{full_domain}"));
    s.make("chosen", new_domain(json!({"name": "chosen", "explicit_domain_id": "a".repeat(32)})));
    s.admin(409, new_domain(json!({"name": "chosen again", "explicit_domain_id": "a".repeat(32)})));
    s.admin(409, new_domain(json!({"name": "land"})));
    s.admin(409, new_domain(json!({"name": " land "})));
    s.admin(201, new_domain(json!({"name": "d".repeat(64)})));
    s.admin(201, new_domain(json!({"name": "null description", "description": null})));
    for bad in [
        json!({"name": "d".repeat(65)}),
        json!({"name": "bad", "description": "d".repeat(256)}),
        json!({"name": "bad", "explicit_domain_id": "short"}),
        json!({"name": "bad", "explicit_domain_id": ""}),
        json!({"name": "bad", "explicit_domain_id": null}),
    ] {
        s.admin(400, new_domain(bad));
    }
    s.admin(400, post("/v3/domains", json!({})));
    DOMAIN.refuses_wrong_texts(s, "land");
    DOMAIN.refuses_wrong_settings(s, "land");
    DOMAIN.refuses_wrong_tags(s, "land");
}

fn update(s: &mut Session) {
    s.admin(200, change(json!({"name": " renamed land ", "extra attribute": [1]})));
    s.admin(200, change(json!({"name": "land", "id": "{land}", "tags": ["x"]})));
    s.admin(200, change(json!({"id": "other"})));
    s.admin(200, get("/v3/domains/{land}"));
    // Changes nothing, so that both sides stay the same.
    s.admin(500, change(json!({"enabled": "true"})));
    s.admin(409, change(json!({"name": "home"})));
    s.admin(400, change(json!({})));
    s.admin(404, patch("/v3/domains/{project}", json!({"domain": {"name": "x"}})));
}

/// A domain goes with all that is in it, once it is disabled.
fn remove(s: &mut Session) {
    let within = |fields: Value| {
        let mut fields = fields;
        fields["domain_id"] = json!("{doomed}");
        fields
    };
    s.make("doomed", new_domain(json!({"name": "doomed"})));
    s.make("doomed_user", post("/v3/users", json!({"user": within(json!({"name": "u", "password": "p"}))})));
    s.make("doomed_group", post("/v3/groups", json!({"group": within(json!({"name": "g"}))})));
    s.make("doomed_project", post("/v3/projects", json!({"project": within(json!({"name": "p"}))})));
    let child = json!({"project": within(json!({"name": "c", "parent_id": "{doomed_project}"}))});
    s.make("doomed_child", post("/v3/projects", child));
    s.admin(204, put("/v3/projects/{doomed_child}/users/{doomed_user}/roles/{role_member}"));
    s.admin(204, put("/v3/domains/{doomed}/groups/{doomed_group}/roles/{role_member}"));
    s.admin(204, put("/v3/projects/{doomed_child}/users/{owner}/roles/{role_member}"));
    s.admin(403, delete("/v3/domains/{doomed}"));
    s.admin(200, patch("/v3/domains/{doomed}", json!({"domain": {"enabled": false}})));
    let owner = json!({"id": "{owner}", "password": PASSWORD});
    s.by("nobody", 401, with_password(owner, &json!({"project": {"id": "{doomed_child}"}})));
    s.admin(204, delete("/v3/domains/{doomed}"));
    for path in [
        "domains/{doomed}",
        "users/{doomed_user}",
        "groups/{doomed_group}",
        "projects/{doomed_project}",
        "projects/{doomed_child}",
        "projects/{doomed}",
    ] {
        s.admin(404, get(&format!("/v3/{path}")));
    }
    s.admin(200, get("/v3/users/{owner}/projects"));
    s.admin(404, delete("/v3/domains/{doomed}"));
    s.admin(404, delete("/v3/domains/{project}"));
    s.admin(403, delete("/v3/domains/default"));
    s.admin(200, request(Method::OPTIONS, "/v3/domains/{land}"));
    s.admin(405, request(Method::PUT, "/v3/domains/{land}"));
}

fn lists(s: &mut Session) {
    for query in [
        "name=land",
        "name=nothing",
        "name__icontains=AND",
        "name__startswith=la",
        "enabled=false",
        "enabled=true",
        "enabled",
        "description=d",
        "nonsense=1",
        "id={land}",
    ] {
        s.admin(200, get(&format!("/v3/domains?{query}")));
    }
    s.admin(400, get("/v3/domains?enabled=maybe"));
    s.admin(400, get("/v3/domains?name="));
    s.pages("admin", "/v3/domains?limit=4", "domains");
    s.admin(404, get("/v3/domains?limit=1&marker=unknown"));
}

fn immutable(s: &mut Session) {
    s.make("firm", new_domain(json!({"name": "firm", "options": {"immutable": true}, "enabled": false})));
    DOMAIN.holds_while_immutable(s, "firm", json!({"enabled": true}));
}

//! `/v3/groups` and the membership of users.

use reqwest::Method;
use serde_json::{Value, json};

use super::request::{Request, delete, get, head, patch, post, put, request};
use super::resource::{ABSENT, GROUP};
use super::session::Session;

pub fn groups(s: &mut Session) {
    s.make("crew", new_group(json!({"name": "crew", "domain_id": "{home}"})));
    every_caller(s);
    create(s);
    update(s);
    remove(s);
    lists(s);
}

fn new_group(fields: Value) -> Request {
    GROUP.create(fields)
}

fn change(fields: Value) -> Request {
    GROUP.change("crew", fields)
}

fn every_caller(s: &mut Session) {
    for path in ["/v3/groups", "/v3/groups?domain_id={home}", "/v3/groups?domain_id={away}"] {
        s.every_caller(get(path));
    }
    for group in ["{crew}", "{away_group}", "none"] {
        s.every_caller(get(&format!("/v3/groups/{group}")));
        s.every_caller(patch(
            &format!("/v3/groups/{group}"),
            json!({"group": {"description": "number {n}"}}),
        ));
    }
    s.every_caller(new_group(json!({"name": "group-{n}", "domain_id": "{home}"})));
    s.every_caller(new_group(json!({"name": "away-group-{n}", "domain_id": "{away}"})));
    s.every_caller(new_group(json!({"name": "plain-group-{n}"})));
    for domain in ["home", "away"] {
        let new = new_group(json!({"name": "victim-group-{n}", "domain_id": format!("{{{domain}}}")}));
        s.every_caller_on_new("victim", new, delete("/v3/groups/{victim}"));
    }
    s.every_caller(delete("/v3/groups/none"));
}

fn create(s: &mut Session) {
    let group =
        json!({"name": " full group ", "domain_id": "{home}", "description": "d", "a-b:c": [1], "n": null});
    s.make("full_group", new_group(group));
    s.admin(200, get("/v3/groups/{full_group}"));
    s.admin(201, new_group(json!({"name": "null description", "description": null})));
    s.admin(201, new_group(json!({"name": "g".repeat(64)})));
    s.admin(201, new_group(json!({"name": "ü".repeat(64)})));
    s.admin(400, new_group(json!({"name": "g".repeat(65)})));
    s.admin(404, new_group(json!({"name": "g".repeat(65), "domain_id": ABSENT})));
    s.admin(400, change(json!({"name": "g".repeat(65)})));
    s.admin(409, new_group(json!({"name": "crew", "domain_id": "{home}"})));
    s.admin(201, new_group(json!({"name": "crew", "domain_id": "{away}"})));
    for bad in [json!({"name": "bad", "domain_id": null}), json!({"name": "bad", "domain_id": "a b"})] {
        s.admin(400, new_group(bad));
    }
    s.admin(400, post("/v3/groups", json!({})));
    GROUP.refuses_wrong_texts(s, "crew");
    s.admin(404, new_group(json!({"name": "in no domain", "domain_id": ABSENT})));
}

fn update(s: &mut Session) {
    s.admin(200, change(json!({"name": " renamed ", "extra attribute": {"a": 1}})));
    s.admin(200, change(json!({"name": "crew", "description": null, "id": "{crew}", "domain_id": "{home}"})));
    s.admin(200, get("/v3/groups/{crew}"));
    s.admin(409, change(json!({"name": "team"})));
    s.admin(400, change(json!({})));
    for bad in [json!({"id": "other"}), json!({"domain_id": "{away}"})] {
        s.admin(400, change(bad));
    }
}

fn remove(s: &mut Session) {
    s.make("gone_group", new_group(json!({"name": "gone"})));
    s.admin(204, delete("/v3/groups/{gone_group}"));
    s.admin(404, get("/v3/groups/{gone_group}"));
    s.admin(404, delete("/v3/groups/{gone_group}"));
    s.admin(404, get("/v3/groups/{gone_group}/users"));
    s.admin(200, request(Method::OPTIONS, "/v3/groups/{crew}"));
    s.admin(405, request(Method::PUT, "/v3/groups"));
}

fn lists(s: &mut Session) {
    for query in [
        "name=crew",
        "name__contains=re",
        "name__icontains=CRE",
        "name__startswith=cr",
        "name__iendswith=EW",
        "description=none",
        "domain_id={away}&name=crew",
        "domain_id=nowhere",
        "nonsense=1",
        "sort_key=name",
    ] {
        s.admin(200, get(&format!("/v3/groups?{query}")));
    }
    s.admin(400, get("/v3/groups?domain_id=a%20b"));
    s.pages("admin", "/v3/groups?limit=6", "groups");
    s.admin(404, get("/v3/groups?limit=1&marker=unknown"));
}

/// `/v3/groups/{group_id}/users`
pub fn memberships(s: &mut Session) {
    s.make("band", new_group(json!({"name": "band", "domain_id": "{home}"})));
    let user = json!({"name": "bob", "domain_id": "{home}", "password": "secret"});
    s.make("bob", post("/v3/users", json!({ "user": user })));
    let places = [
        ("{band}", "{bob}"),
        ("{band}", "{owner}"),
        ("{band}", "{away_user}"),
        ("{away_group}", "{bob}"),
        ("{away_group}", "{away_user}"),
        ("none", "{bob}"),
        ("{band}", "none"),
    ];
    for (group, user) in places {
        let path = format!("/v3/groups/{group}/users/{user}");
        // Not a member, then one, by each caller.
        s.every_caller(get(&path));
        s.every_caller(delete(&path));
        s.every_caller_undoing(put(&path), delete(&path));
    }
    s.admin(204, put("/v3/groups/{band}/users/{bob}"));
    s.admin(204, put("/v3/groups/{band}/users/{bob}"));
    s.admin(204, put("/v3/groups/{band}/users/{away_user}"));
    s.every_caller(get("/v3/groups/{band}/users/{bob}"));
    s.every_caller_undoing(delete("/v3/groups/{band}/users/{bob}"), put("/v3/groups/{band}/users/{bob}"));
    for group in ["{band}", "{away_group}", "none"] {
        s.every_caller(get(&format!("/v3/groups/{group}/users")));
    }
    for query in
        ["name=bob", "name__startswith=b", "enabled=false", "domain_id={away}", "idp_id=x", "nonsense"]
    {
        s.admin(200, get(&format!("/v3/groups/{{band}}/users?{query}")));
    }
    s.admin(400, get("/v3/groups/{band}/users?password_expires_at=never"));
    s.admin(200, get("/v3/groups/{band}/users?password_expires_at=lt:2030-01-01T00:00:00Z"));
    s.pages("admin", "/v3/groups/{band}/users?limit=1", "users");
    s.every_caller(get("/v3/users/{bob}/groups"));
    s.admin(200, get("/v3/users/{bob}/groups?name=band"));
    s.admin(200, get("/v3/users/{bob}/groups?name=other"));
    s.pages("admin", "/v3/users/{bob}/groups?limit=1", "groups");
    s.admin(204, head("/v3/groups/{band}/users/{bob}"));
    // Whoever is deleted is no member.
    s.admin(204, delete("/v3/users/{bob}"));
    s.admin(404, get("/v3/groups/{band}/users/{bob}"));
    s.admin(200, get("/v3/groups/{band}/users"));
    s.admin(204, delete("/v3/groups/{band}"));
    s.admin(404, get("/v3/groups/{band}/users/{away_user}"));
}

//! `/v3/users`

use reqwest::Method;
use serde_json::{Value, json};

use super::request::{Request, delete, get, patch, post, request};
use super::resource::{ABSENT, USER};
use super::session::Session;

pub fn users(s: &mut Session) {
    s.make("alice", new_user(json!({"name": "alice", "domain_id": "{home}", "password": "secret"})));
    every_caller(s);
    create(s);
    update(s);
    remove(s);
    lists(s);
    options(s);
    projects_and_groups(s);
}

fn new_user(fields: Value) -> Request {
    USER.create(fields)
}

fn change(fields: Value) -> Request {
    USER.change("alice", fields)
}

fn every_caller(s: &mut Session) {
    for path in ["/v3/users", "/v3/users?domain_id={home}", "/v3/users?domain_id={away}"] {
        s.every_caller(get(path));
    }
    for user in ["{alice}", "{owner}", "{away_user}", "none"] {
        s.every_caller(get(&format!("/v3/users/{user}")));
        s.every_caller(get(&format!("/v3/users/{user}/groups")));
        s.every_caller(get(&format!("/v3/users/{user}/projects")));
        s.every_caller(patch(&format!("/v3/users/{user}"), json!({"user": {"description": "number {n}"}})));
    }
    s.every_caller(new_user(json!({"name": "user-{n}", "domain_id": "{home}"})));
    s.every_caller(new_user(json!({"name": "away-user-{n}", "domain_id": "{away}"})));
    s.every_caller(new_user(json!({"name": "plain-user-{n}"})));
    s.every_caller(new_user(json!({"name": 7})));
    for domain in ["home", "away"] {
        let new = new_user(json!({"name": "victim-{n}", "domain_id": format!("{{{domain}}}")}));
        s.every_caller_on_new("victim", new.clone(), delete("/v3/users/{victim}"));
    }
    s.every_caller(delete("/v3/users/none"));
}

fn create(s: &mut Session) {
    let user = json!({
        "name": "  all fields ", "domain_id": "{home}", "password": "secret", "enabled": false, "description": "d",
        "default_project_id": "{project}", "email": "a@b", "x:y-z": [1, {"a": null}], "nothing": null,
    });
    s.make("full", new_user(user));
    s.admin(200, get("/v3/users/{full}"));
    s.admin(201, new_user(json!({"name": "missing project", "default_project_id": ABSENT})));
    s.admin(201, new_user(json!({"name": "null password", "password": null, "description": null})));
    s.admin(201, new_user(json!({"name": "x".repeat(255)})));
    s.admin(201, new_user(json!({"name": "Ünï ☃ \"quoted\" 'both'"})));
    s.admin(201, new_user(json!({"name": "no federation", "federated": []})));
    s.admin(409, new_user(json!({"name": "alice", "domain_id": "{home}"})));
    s.admin(409, new_user(json!({"name": " alice ", "domain_id": "{home}"})));
    s.admin(201, new_user(json!({"name": "alice", "domain_id": "{away}"})));
    for bad in [
        json!({"name": ["a"]}),
        json!({"name": {"a": true}}),
        json!({"name": "bad", "enabled": []}),
        json!({"name": "bad", "password": 12}),
        json!({"name": "bad", "password": {"a": "b"}}),
        json!({"name": "bad", "default_project_id": 7}),
        json!({"name": "bad", "default_project_id": "{home}"}),
        json!({"name": "bad", "domain_id": ""}),
        json!({"name": "bad", "domain_id": null}),
        json!({"name": "bad", "domain_id": "a/b"}),
        json!({"name": "bad", "domain_id": "x".repeat(65)}),
        json!({"name": "bad", "options": []}),
        json!({"name": "bad", "options": {"lock_password": "yes"}}),
        json!({"name": "bad", "options": {"multi_factor_auth_rules": "password"}}),
        json!({"name": "bad", "options": {"multi_factor_auth_rules": [["password", "password"]]}}),
        json!({"name": "bad", "federated": [{"idp_id": "x"}]}),
        json!({"name": "bad", "federated": "x"}),
    ] {
        s.admin(400, new_user(bad));
    }
    s.admin(400, new_user(json!("text")));
    s.admin(400, new_user(json!([])));
    s.admin(400, new_user(json!(null)));
    for bad in [json!({}), json!({"users": {}}), json!("x")] {
        s.admin(400, post("/v3/users", bad));
    }
    USER.refuses_wrong_texts(s, "alice");
    USER.refuses_wrong_settings(s, "alice");
    s.admin(404, new_user(json!({"name": "in no domain", "domain_id": ABSENT})));
}

fn update(s: &mut Session) {
    s.admin(200, change(json!({"name": " alicia ", "email": "x@y"})));
    // Changes nothing, so that both sides stay the same.
    s.admin(500, change(json!({"enabled": "True"})));
    s.admin(200, change(json!({"email": null, "description": null})));
    s.admin(200, change(json!({"id": "{alice}", "domain_id": "{home}", "name": "alice"})));
    s.admin(200, change(json!({"default_project_id": "{other_project}", "x:y-z": 1})));
    s.admin(200, change(json!({"default_project_id": null})));
    s.admin(200, get("/v3/users/{alice}"));
    s.admin(409, change(json!({"name": "owner"})));
    s.admin(400, change(json!({})));
    for bad in [
        json!({"password": 1}),
        json!({"description": []}),
        json!({"id": "other"}),
        json!({"domain_id": "{away}"}),
        json!({"domain_id": null}),
        json!({"default_project_id": "{home}"}),
        json!({"default_project_id": 4}),
        json!({"options": {"ignore_password_expiry": 1}}),
    ] {
        s.admin(400, change(bad));
    }
    for bad in
        [json!({}), json!({"user": {"name": "a"}, "more": 1}), json!({"user": null}), json!({"user": []})]
    {
        s.admin(400, patch("/v3/users/{alice}", bad));
    }
    s.admin(400, patch(&format!("/v3/users/{ABSENT}"), json!({"user": {}})));
}

fn remove(s: &mut Session) {
    s.admin(404, delete(&format!("/v3/users/{ABSENT}")));
    s.count();
    s.make("gone", new_user(json!({"name": "gone-{n}"})));
    s.admin(204, delete("/v3/users/{gone}"));
    s.admin(404, get("/v3/users/{gone}"));
    s.admin(404, delete("/v3/users/{gone}"));
    s.admin(404, patch("/v3/users/{gone}", json!({"user": {"name": "x"}})));
    s.admin(404, get("/v3/users/{gone}/groups"));
    s.admin(404, get("/v3/users/{gone}/projects"));
    s.admin(200, request(Method::OPTIONS, "/v3/users"));
    s.admin(200, request(Method::OPTIONS, "/v3/users/{alice}"));
    s.admin(405, delete("/v3/users"));
    s.admin(405, request(Method::PUT, "/v3/users/{alice}"));
    s.admin(405, request(Method::POST, "/v3/users/{alice}/groups"));
}

fn lists(s: &mut Session) {
    for name in ["Filter One", "filter two", "other_three%"] {
        let user = json!({"name": name, "domain_id": "{away}", "enabled": name != "filter two", "description": name});
        s.admin(201, new_user(user));
    }
    for query in [
        "name=filter%20two",
        "name=a&name=alice",
        "name__contains=ilter",
        "name__icontains=FILTER",
        "name__startswith=filter",
        "name__istartswith=filter",
        "name__endswith=One",
        "name__iendswith=ONE",
        "name__contains=%25",
        "name__contains=_",
        "name__unknown=x",
        "description__contains=two",
        "description=filter%20two",
        "email=none",
        "enabled",
        "enabled=",
        "enabled=true",
        "enabled=false",
        "enabled=0",
        "enabled=off",
        "enabled=no",
        "domain_id={away}&enabled=false",
        "domain_id={away}&name__icontains=filter",
        "domain_id=nowhere",
        "idp_id=none",
        "protocol_id=none",
        "unique_id=none",
        "sort_key=name&sort_dir=desc",
        "nonsense=1",
        "id={alice}",
        "password_expires_at=2030-01-01T00:00:00Z",
        "password_expires_at=lt:2030-01-01T00:00:00Z",
        "password_expires_at=gt:2030-01-01T00:00:00Z",
        "password_expires_at=neq:2030-01-01T00:00:00Z",
    ] {
        s.admin(200, get(&format!("/v3/users?{query}")));
    }
    for query in [
        "name=",
        "password_expires_at=xx:2030-01-01T00:00:00Z",
        "password_expires_at=lt:yesterday",
        "password_expires_at=lt:",
        "enabled=maybe",
        "domain_id=a%2Fb",
        "domain_id=",
    ] {
        s.admin(400, get(&format!("/v3/users?{query}")));
    }
    s.pages("admin", "/v3/users?limit=7", "users");
    s.pages("admin", "/v3/users?domain_id={away}&limit=2", "users");
    s.admin(200, get("/v3/users?limit=1000"));
    s.admin(200, get("/v3/users?limit=5000"));
    s.admin(200, get("/v3/users?limit=1").page());
    s.admin(404, get("/v3/users?limit=1&marker=unknown"));
    s.admin(404, get("/v3/users?marker=unknown"));
}

fn options(s: &mut Session) {
    let all = json!({
        "ignore_change_password_upon_first_use": true, "ignore_password_expiry": false,
        "ignore_lockout_failure_attempts": true, "ignore_user_inactivity": true, "lock_password": true,
        "multi_factor_auth_enabled": true, "multi_factor_auth_rules": [["password", "totp"], ["password"]],
    });
    s.make("optional", new_user(json!({"name": "optional", "options": all})));
    s.admin(200, get("/v3/users/{optional}"));
    let set = |options: Value| patch("/v3/users/{optional}", json!({"user": {"options": options}}));
    s.admin(200, set(json!({"lock_password": false})));
    s.admin(200, set(json!({"lock_password": null, "ignore_user_inactivity": null})));
    s.admin(200, set(json!({})));
    s.admin(200, get("/v3/users/{optional}"));
    s.admin(400, set(json!({"lock_password": 1})));
    s.admin(400, set(json!({"immutable": true})));
}

fn projects_and_groups(s: &mut Session) {
    for path in ["/v3/users/{alice}/projects", "/v3/users/{owner}/projects", "/v3/users/{reader}/projects"] {
        s.admin(200, get(path));
        s.admin(200, get(&format!("{path}?name=project")));
        s.admin(200, get(&format!("{path}?enabled=false")));
    }
    s.pages("admin", "/v3/users/{reader}/projects?limit=1", "projects");
    s.admin(200, get("/v3/users/{owner}/groups?name=team"));
    // DELETE /v3/users/{id}/tokens
    // Of users who are no callers, whose tokens have to outlive it.
    for user in ["{alice}", "{full}", "none"] {
        s.every_caller(delete(&format!("/v3/users/{user}/tokens")));
    }
}

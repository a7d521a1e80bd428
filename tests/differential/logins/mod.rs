//! `POST /v3/auth/tokens`: who proves what, the body, and the scope.

mod bodies;
mod identities;
mod scopes;

use serde_json::{Value, json};

use super::request::{Request, identified, patch, post, put, with_password};
use super::session::Session;
use crate::support::callers::PASSWORD;

/// The user `pilot`, with its right password.
pub fn pilot() -> Value {
    json!({"id": "{pilot}", "password": PASSWORD})
}

fn ask(s: &mut Session, request: Request) {
    s.try_by("nobody", request);
}

pub fn logins(s: &mut Session) {
    prepare(s);
    s.every_caller(with_password(pilot(), &Value::Null));
    s.every_caller(with_password(json!({"id": "{pilot}", "password": "wrong"}), &Value::Null));
    default_projects(s);
    identities::users(s);
    identities::methods(s);
    bodies::bodies(s);
    scopes::scopes(s);
    order_of_checks(s);
}

/// `pilot` is a member of `hangar` and of the domain `home`; others are out of order in one way each.
fn prepare(s: &mut Session) {
    s.make("shut", post("/v3/domains", json!({"domain": {"name": "logins-shut"}})));
    let project = |name: &str, more: Value| {
        let mut project = json!({"name": format!("logins-{name}"), "domain_id": "{home}"});
        project.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        post("/v3/projects", json!({ "project": project }))
    };
    s.make("hangar", project("hangar", json!({})));
    s.make("inner", project("inner", json!({"parent_id": "{hangar}"})));
    s.make("shut_project", project("shut", json!({})));
    s.make("project_in_shut", project("in-shut", json!({"domain_id": "{shut}"})));
    let user = |name: &str, more: Value| {
        let mut user = json!({"name": format!("logins-{name}"), "domain_id": "{home}", "password": PASSWORD});
        user.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        post("/v3/users", json!({ "user": user }))
    };
    s.make("pilot", user("pilot", json!({})));
    s.make("shut_user", user("shut", json!({"enabled": false})));
    s.make("user_in_shut", user("in-shut", json!({"domain_id": "{shut}"})));
    s.make("no_password", user("no-password", json!({"password": null})));
    for (name, project) in [
        ("default_good", "{hangar}"),
        ("default_without_role", "{other_project}"),
        ("default_shut", "{shut_project}"),
        ("default_missing", "0123456789abcdef0123456789abcdef"),
        ("default_in_shut", "{project_in_shut}"),
    ] {
        s.make(name, user(name, json!({"default_project_id": project})));
        for project in ["hangar", "shut_project", "project_in_shut"] {
            s.admin(204, put(&format!("/v3/projects/{{{project}}}/users/{{{name}}}/roles/{{role_member}}")));
        }
    }
    for place in
        ["projects/{hangar}", "projects/{shut_project}", "projects/{project_in_shut}", "domains/{home}"]
    {
        s.admin(204, put(&format!("/v3/{place}/users/{{pilot}}/roles/{{role_member}}")));
    }
    s.admin(204, put("/v3/system/users/{pilot}/roles/{role_reader}"));
    s.admin(204, put("/v3/domains/{shut}/users/{pilot}/roles/{role_member}"));
    s.admin(204, put("/v3/projects/{hangar}/users/{shut_user}/roles/{role_member}"));
    s.admin(204, put("/v3/projects/{hangar}/users/{user_in_shut}/roles/{role_member}"));
    s.admin(200, patch("/v3/projects/{shut_project}", json!({"project": {"enabled": false}})));
    s.admin(200, patch("/v3/domains/{shut}", json!({"domain": {"enabled": false}})));
}

fn default_projects(s: &mut Session) {
    for user in ["default_good", "default_without_role", "default_shut", "default_missing", "default_in_shut"]
    {
        let user = json!({"id": format!("{{{user}}}"), "password": PASSWORD});
        for scope in
            [Value::Null, json!("unscoped"), json!({"unscoped": {}}), json!({"project": {"id": "{hangar}"}})]
        {
            ask(s, with_password(user.clone(), &scope));
        }
    }
}

/// Log-ins with two faults, of which one is reported.
fn order_of_checks(s: &mut Session) {
    let wrong = json!({"id": "{pilot}", "password": "wrong"});
    for scope in [json!({"project": {"id": "none"}}), json!({"none": 1}), json!({"project": {}}), json!([])] {
        ask(s, with_password(wrong.clone(), &scope));
        ask(s, identified(json!({"methods": ["none"], "none": {}}), &scope));
        ask(s, identified(json!({"methods": ["token"], "token": {}}), &scope));
        ask(s, identified(json!({"methods": []}), &scope));
    }
}

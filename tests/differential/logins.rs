//! `POST /v3/auth/tokens`: who proves what, the body, and the scope.

use reqwest::Method;
use serde_json::{Value, json};

use super::request::{Request, identified, patch, post, put, request, with_password};
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
    users(s);
    methods(s);
    bodies(s);
    scopes(s);
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

fn users(s: &mut Session) {
    for user in ["pilot", "shut_user", "user_in_shut", "no_password"] {
        for password in [PASSWORD, "wrong", ""] {
            ask(s, with_password(json!({"id": format!("{{{user}}}"), "password": password}), &Value::Null));
        }
    }
    let by_name = |domain: Value| json!({"name": "logins-pilot", "domain": domain, "password": PASSWORD});
    for domain in [
        json!({"id": "{home}"}),
        json!({"name": "home"}),
        json!({"id": "{home}", "name": "home"}),
        json!({"id": "none", "name": "home"}),
        json!({"id": "{home}", "name": "none"}),
        json!({"id": "{home}", "name": ""}),
        json!({"id": "{away}"}),
        json!({"name": "none"}),
        json!({"id": "none"}),
        json!({"name": ""}),
        json!({"id": ""}),
        json!({}),
        json!("home"),
        json!([]),
        json!({"id": 5}),
        json!({"id": null, "name": "home"}),
        Value::Null,
    ] {
        ask(s, with_password(by_name(domain), &Value::Null));
    }
    let home = json!({"id": "{home}"});
    for user in [
        json!({"name": "none", "domain": home, "password": PASSWORD}),
        json!({"id": "none", "password": PASSWORD}),
        json!({"name": "logins-pilot", "password": PASSWORD}),
        json!({"id": "{pilot}", "name": "logins-pilot", "password": PASSWORD}),
        json!({"id": "{pilot}", "name": "none", "domain": home, "password": PASSWORD}),
        json!({"id": "none", "name": "logins-pilot", "domain": home, "password": PASSWORD}),
        json!({"id": "{reader}", "name": "logins-pilot", "domain": home, "password": PASSWORD}),
        json!({"id": "{pilot}", "domain": {"id": "none"}, "password": PASSWORD}),
        json!({"id": "{pilot}", "domain": {}, "password": PASSWORD}),
        json!({"id": "", "password": PASSWORD}),
        json!({"name": "", "domain": home, "password": PASSWORD}),
        json!({"id": "", "name": "logins-pilot", "domain": home, "password": PASSWORD}),
        json!({"password": PASSWORD}),
        json!({}),
        json!({"id": "{pilot}"}),
        json!({"id": "none"}),
        json!({"id": "{pilot}", "password": null}),
        json!({"id": "{pilot}", "password": 5}),
        json!({"id": "{pilot}", "password": "x".repeat(5000)}),
        json!({"id": "{pilot}", "password": PASSWORD, "more": 1}),
        json!({"id": 5, "password": PASSWORD}),
        json!({"id": null, "password": PASSWORD}),
        json!({"name": 5, "domain": home, "password": PASSWORD}),
        json!({"name": " logins-pilot", "domain": home, "password": PASSWORD}),
        json!([]),
        json!("pilot"),
        Value::Null,
    ] {
        ask(s, with_password(user, &Value::Null));
    }
}

fn methods(s: &mut Session) {
    let password = json!({ "user": pilot() });
    s.keep_login("pilot_unscoped", with_password(pilot(), &json!("unscoped")));
    s.keep_login(
        "reader_unscoped",
        with_password(json!({"id": "{reader}", "password": PASSWORD}), &json!("unscoped")),
    );
    let token = json!({"id": "{token.pilot_unscoped}"});
    let others = json!({"id": "{token.reader_unscoped}"});
    for identity in [
        json!({"methods": []}),
        json!({"methods": null}),
        json!({"methods": "password", "password": password}),
        json!({"methods": [5], "password": password}),
        json!({"methods": ["password", "password"], "password": password}),
        json!({"password": password}),
        json!({"methods": ["password"]}),
        json!({"methods": ["password"], "password": null}),
        json!({"methods": ["password"], "password": "x"}),
        json!({"methods": ["password"], "password": {}}),
        json!({"methods": ["none"]}),
        json!({"methods": ["none"], "none": {}}),
        json!({"methods": ["password", "none"], "password": password, "none": {}}),
        json!({"methods": ["totp"], "totp": {"user": {"id": "{pilot}", "passcode": "1"}}}),
        json!({"methods": ["external"]}),
        json!({"methods": ["external"], "external": {}}),
        json!({"methods": ["password", "external"], "password": password, "external": {}}),
        json!({"methods": ["token"]}),
        json!({"methods": ["token"], "token": {}}),
        json!({"methods": ["token"], "token": {"id": null}}),
        json!({"methods": ["token"], "token": {"id": ""}}),
        json!({"methods": ["token"], "token": {"id": "forged"}}),
        json!({"methods": ["token"], "token": token}),
        json!({"methods": ["token", "password"], "token": token, "password": password}),
        json!({"methods": ["password", "token"], "token": token, "password": password}),
        json!({"methods": ["password", "token"], "token": others, "password": password}),
        json!({"methods": ["token", "password"], "token": others, "password": password}),
        json!({"methods": ["password", "token"], "token": {"id": "forged"}, "password": password}),
        json!({"methods": ["password"], "token": {"id": "forged"}, "password": password}),
        json!({"methods": ["password"], "token": {}, "password": password}),
        json!({"methods": ["token"], "token": token, "password": {"user": {}}}),
        json!({"methods": ["token"], "token": token, "password": 5}),
        json!({"methods": ["password"], "password": password, "more": 1}),
    ] {
        ask(s, identified(identity, &Value::Null));
    }
}

fn bodies(s: &mut Session) {
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

fn scopes(s: &mut Session) {
    let home = json!({"id": "{home}"});
    for scope in [
        json!({"project": {"id": "{hangar}"}}),
        json!({"project": {"id": "{inner}"}}),
        json!({"project": {"id": "{other_project}"}}),
        json!({"project": {"id": "{shut_project}"}}),
        json!({"project": {"id": "{project_in_shut}"}}),
        json!({"project": {"id": "none"}}),
        json!({"project": {"id": ""}}),
        json!({"project": {"id": 5}}),
        json!({"project": {"id": "{home}"}}),
        json!({"project": {"name": "logins-hangar", "domain": home}}),
        json!({"project": {"name": "logins-hangar", "domain": {"name": "home"}}}),
        json!({"project": {"name": "logins-hangar", "domain": {"id": "none"}}}),
        json!({"project": {"name": "logins-hangar", "domain": {"name": "none"}}}),
        json!({"project": {"name": "logins-hangar", "domain": {}}}),
        json!({"project": {"name": "logins-hangar", "domain": null}}),
        json!({"project": {"name": "logins-hangar", "domain": "home"}}),
        json!({"project": {"name": "logins-hangar"}}),
        json!({"project": {"name": "logins-shut", "domain": home}}),
        json!({"project": {"name": "logins-in-shut", "domain": {"id": "{shut}"}}}),
        json!({"project": {"name": "none", "domain": home}}),
        json!({"project": {"name": "home", "domain": home}}),
        json!({"project": {"id": "{hangar}", "domain": {"id": "none"}}}),
        json!({"project": {"id": "{hangar}", "name": "none"}}),
        json!({"project": {}}),
        json!({"project": null}),
        json!({"project": "hangar"}),
        json!({"domain": {"id": "{home}"}}),
        json!({"domain": {"name": "home"}}),
        json!({"domain": {"id": "{away}"}}),
        json!({"domain": {"id": "{shut}"}}),
        json!({"domain": {"name": "logins-shut"}}),
        json!({"domain": {"id": "none"}}),
        json!({"domain": {"id": "{hangar}"}}),
        json!({"domain": {}}),
        json!({"domain": null}),
        json!({"system": {"all": true}}),
        json!({"system": {"all": false}}),
        json!({"system": {}}),
        json!({"system": null}),
        json!({"system": "all"}),
        json!("unscoped"),
        json!({"unscoped": {}}),
        json!({"unscoped": null}),
        json!("system"),
        json!("none"),
        json!(""),
        json!({}),
        json!([]),
        json!(5),
        json!({"none": {}}),
        json!({"project": {"id": "{hangar}"}, "domain": home}),
        json!({"project": {"id": "{hangar}"}, "unscoped": {}}),
        json!({"project": {"id": "{hangar}"}, "none": {}}),
        json!({"OS-TRUST:trust": {"id": "none"}}),
        json!({"OS-TRUST:trust": {}}),
    ] {
        ask(s, with_password(pilot(), &scope));
    }
    let roleless = json!({"id": "{reader}", "password": PASSWORD});
    for scope in [json!({"project": {"id": "{hangar}"}}), json!({"domain": {"id": "{away}"}})] {
        ask(s, with_password(roleless.clone(), &scope));
    }
}

/// Of two faults, which is told.
fn order_of_checks(s: &mut Session) {
    let wrong = json!({"id": "{pilot}", "password": "wrong"});
    for scope in [json!({"project": {"id": "none"}}), json!({"none": 1}), json!({"project": {}}), json!([])] {
        ask(s, with_password(wrong.clone(), &scope));
        ask(s, identified(json!({"methods": ["none"], "none": {}}), &scope));
        ask(s, identified(json!({"methods": ["token"], "token": {}}), &scope));
        ask(s, identified(json!({"methods": []}), &scope));
    }
}

//! Tokens for tokens, and the chain of audit ids that they make.

use serde_json::{Value, json};

use super::logins::pilot;
use super::pair::Pair;
use super::request::{Request, delete, get, patch, post, put, with_password, with_token};
use super::session::Session;
use crate::support::callers::PASSWORD;

fn scopes() -> [(&'static str, Value); 5] {
    [
        ("unscoped", json!("unscoped")),
        ("project", json!({"project": {"id": "{hangar}"}})),
        ("domain", json!({"domain": {"id": "{home}"}})),
        ("system", json!({"system": {"all": true}})),
        ("without", Value::Null),
    ]
}

fn exchange(token: &str, scope: &Value) -> Request {
    with_token(&format!("{{token.{token}}}"), scope)
}

pub fn exchanges(s: &mut Session) {
    for (from, scope) in &scopes()[..4] {
        let source = format!("from_{from}");
        s.keep_login(&source, with_password(pilot(), scope));
        for (_, to) in scopes() {
            s.try_by("nobody", exchange(&source, &to));
        }
    }
    chain(s);
    of_tokens_that_are_not_valid(s);
}

fn chain(s: &mut Session) {
    let project = json!({"project": {"id": "{hangar}"}});
    let first = s.keep_login("first", with_password(pilot(), &json!("unscoped")));
    // Otherwise the ends of the two lives would be the same anyway.
    s.pass_second();
    let second = s.keep_login("second", exchange("first", &project));
    let third = s.keep_login("third", exchange("second", &json!({"domain": {"id": "{home}"}})));
    for (what, pointer) in [("the end", "/token/expires_at"), ("the root", "/token/audit_ids/1")] {
        let same =
            |side: &dyn Fn(&super::response::Responses) -> Option<String>| side(&second) == side(&third);
        let theirs = same(&|responses| responses.theirs.text_at(pointer).map(str::to_owned));
        let ours = same(&|responses| responses.ours.text_at(pointer).map(str::to_owned));
        s.holds(&format!("a chain of exchanges keeps {what}"), Pair { theirs, ours });
    }
    let ends = |one: &super::response::Response, other: &super::response::Response| {
        one.text_at("/token/expires_at") == other.text_at("/token/expires_at")
    };
    let kept = Pair { theirs: ends(&first.theirs, &second.theirs), ours: ends(&first.ours, &second.ours) };
    s.holds("an exchange extends no life", kept);
    for token in ["first", "second", "third"] {
        s.admin(200, get("/v3/auth/tokens").header("X-Subject-Token", &format!("{{token.{token}}}")));
    }
    // A revoked root takes what came of it along.
    s.admin(204, delete("/v3/auth/tokens").header("X-Subject-Token", "{token.first}"));
    for token in ["first", "second", "third"] {
        s.admin(404, get("/v3/auth/tokens").header("X-Subject-Token", &format!("{{token.{token}}}")));
        s.try_by("nobody", exchange(token, &project));
    }
}

fn of_tokens_that_are_not_valid(s: &mut Session) {
    let user = json!({"user": {"name": "exchanges-user", "domain_id": "{home}", "password": PASSWORD}});
    s.make("trader", post("/v3/users", user));
    s.admin(204, put("/v3/projects/{hangar}/users/{trader}/roles/{role_member}"));
    let scope = json!({"project": {"id": "{hangar}"}});
    let log_in = with_password(json!({"id": "{trader}", "password": PASSWORD}), &scope);
    s.keep_login("trader", log_in.clone());
    s.admin(204, delete("/v3/projects/{hangar}/users/{trader}/roles/{role_member}"));
    s.try_by("nobody", exchange("trader", &json!("unscoped")));
    s.try_by("nobody", exchange("trader", &scope));
    s.admin(204, put("/v3/projects/{hangar}/users/{trader}/roles/{role_member}"));
    s.try_by("nobody", exchange("trader", &scope));
    s.admin(200, patch("/v3/users/{trader}", json!({"user": {"enabled": false}})));
    s.try_by("nobody", exchange("trader", &json!("unscoped")));
    s.try_by("nobody", log_in);
    s.admin(200, patch("/v3/users/{trader}", json!({"user": {"enabled": true}})));
    s.try_by("nobody", exchange("trader", &json!("unscoped")));
    s.admin(204, delete("/v3/users/{trader}"));
    s.try_by("nobody", exchange("trader", &json!("unscoped")));
}

//! `/v3/users`

use serde_json::json;

use super::request::{delete, get, patch, post};
use super::session::Session;

pub fn users(s: &mut Session) {
    s.make(
        "alice",
        post("/v3/users", json!({"user": {"name": "alice", "domain_id": "{home}", "password": "secret"}})),
    );
    s.every_caller(get("/v3/users"));
    s.every_caller(get("/v3/users/{alice}"));
    s.every_caller(get("/v3/users/{owner}"));
    s.every_caller(get("/v3/users/{away_user}"));
    s.every_caller(get("/v3/users/none"));
    s.every_caller(post("/v3/users", json!({"user": {"name": "user-{n}", "domain_id": "{home}"}})));
    s.every_caller(post("/v3/users", json!({"user": {"name": "away-user-{n}", "domain_id": "{away}"}})));
    s.every_caller(post("/v3/users", json!({"user": {"name": "plain-user-{n}"}})));
    s.every_caller(patch("/v3/users/{alice}", json!({"user": {"description": "number {n}"}})));
    let new = post("/v3/users", json!({"user": {"name": "victim-{n}", "domain_id": "{home}"}}));
    s.every_caller_on_new("victim", new, delete("/v3/users/{victim}"));
}

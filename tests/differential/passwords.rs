//! `POST /v3/users/{user_id}/password`, and passwords that an administrator sets.

use serde_json::{Value, json};

use super::request::{Request, get, patch, post, with_password};
use super::session::Session;

pub fn passwords(s: &mut Session) {
    let user = json!({"name": "changer", "domain_id": "{home}", "password": "first"});
    s.make("changer", post("/v3/users", json!({ "user": user })));
    s.every_caller(get("/v3/users/{changer}/password"));
    // Nobody needs a token for it; a wrong password is refused to all.
    s.every_caller(change("wrong", "other"));
    s.every_caller(post(
        "/v3/users/none/password",
        json!({"user": {"password": "a", "original_password": "b"}}),
    ));

    s.log_in_as("changer", json!({"id": "{changer}", "password": "first"}), &json!("unscoped"));
    s.by("nobody", 204, change("first", "second"));
    s.by("changer", 401, get("/v3/users/{changer}"));
    s.next_second();
    s.by("nobody", 401, log_in("first"));
    s.log_in_as("changer", json!({"id": "{changer}", "password": "second"}), &json!("unscoped"));
    s.by("changer", 200, get("/v3/users/{changer}"));
    s.by("changer", 204, change("second", "third"));
    s.next_second();
    s.by("nobody", 201, log_in("third"));
    s.every_caller_undoing(change("third", "fourth"), admin_sets("third"));

    for bad in [
        json!({}),
        json!({"user": {}}),
        json!({"user": {"password": "a"}}),
        json!({"user": {"original_password": "third"}}),
        json!({"user": {"original_password": 3, "password": "a"}}),
        json!({"user": {"original_password": "third", "password": 3}}),
        json!({"user": {"original_password": "third", "password": null}}),
        json!({"user": {"original_password": "third", "password": "a", "more": 1}}),
    ] {
        let responses = s.exchange("nobody", &post("/v3/users/{changer}/password", bad));
        s.holds("a bad change is not granted", responses.map(|response| !response.is_success()));
    }
    // What is beside the user does not count.
    let beside = json!({"user": {"original_password": "third", "password": "a"}, "more": 1});
    s.by("nobody", 204, post("/v3/users/{changer}/password", beside));
    admin(s);
    locked(s);
}

fn change(original: &str, new: &str) -> Request {
    let user = json!({"original_password": original, "password": new});
    post("/v3/users/{changer}/password", json!({ "user": user }))
}

fn admin_sets(password: &str) -> Request {
    patch("/v3/users/{changer}", json!({"user": {"password": password}}))
}

fn log_in(password: &str) -> Request {
    with_password(json!({"id": "{changer}", "password": password}), &Value::Null)
}

fn admin(s: &mut Session) {
    s.admin(200, admin_sets("of admin"));
    s.next_second();
    s.by("nobody", 201, log_in("of admin"));
    // Without a password nobody logs in.
    s.admin(200, patch("/v3/users/{changer}", json!({"user": {"password": null}})));
    s.next_second();
    s.by("nobody", 401, log_in("of admin"));
    s.by("nobody", 401, change("of admin", "x"));
    s.admin(200, admin_sets("back"));
    // Nor when disabled.
    s.admin(200, patch("/v3/users/{changer}", json!({"user": {"enabled": false}})));
    s.by("nobody", 401, log_in("back"));
    s.by("nobody", 401, change("back", "x"));
    s.by("nobody", 401, change("wrong", "x"));
    s.admin(200, patch("/v3/users/{changer}", json!({"user": {"enabled": true}})));
    s.next_second();
    s.by("nobody", 201, log_in("back"));
}

fn locked(s: &mut Session) {
    let options = |options: Value| patch("/v3/users/{changer}", json!({"user": {"options": options}}));
    s.admin(200, options(json!({"lock_password": true})));
    s.by("nobody", 400, change("back", "x"));
    s.by("nobody", 401, change("wrong", "x"));
    s.admin(200, options(json!({"lock_password": null})));
    s.by("nobody", 204, change("back", "last"));
}

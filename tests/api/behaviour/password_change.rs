//! Tokens that a change of a password ends, and those that it does not.

use std::time::Duration;

use serde_json::json;

use crate::world::{TestApi, password_login, patch, post};

/// Each change is at another time of a second.
const TURNS: usize = 5;
const STEP: Duration = Duration::from_millis(230);
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_token_got_right_after_a_password_change_is_valid_and_older_ones_are_not() {
    let api = TestApi::start().await;
    api.make("alice", post("/v3/users", json!({"user": {"name": "alice", "password": "number 0"}}))).await;
    let login = |number: usize| password_login(json!({"id": "{alice}"}), &format!("number {number}"));
    let mut old = api.log_in(login(0)).await;
    for turn in 1..=TURNS {
        api.advance(STEP).await;
        let password = json!({"user": {"password": format!("number {turn}")}});
        api.admin(patch("/v3/users/{alice}", password)).await;
        // A token of the second of the revocation would be revoked: the log-in waits for the next.
        let (new, ()) = tokio::join!(api.log_in(login(turn)), api.advance(SECOND));
        assert_eq!(api.validate(&old).await, 404, "the older token, in turn {turn}");
        assert_eq!(api.validate(&new).await, 200, "the new token, in turn {turn}");
        old = new;
    }
}

#[tokio::test]
async fn a_user_who_changes_its_password_loses_its_tokens_and_nobody_else_does() {
    let api = TestApi::start().await;
    for name in ["alice", "bob"] {
        api.make(name, post("/v3/users", json!({"user": {"name": name, "password": "old"}}))).await;
        let token = api.log_in(password_login(json!({"id": format!("{{{name}}}")}), "old")).await;
        api.names.set(&format!("token_of_{name}"), token);
    }
    let change = json!({"user": {"original_password": "old", "password": "new"}});
    api.send(post("/v3/users/{alice}/password", change)).await.expect(204);
    assert_eq!(api.validate("{token_of_alice}").await, 404);
    assert_eq!(api.validate("{token_of_bob}").await, 200);
}

//! Rules for passwords and accounts.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{TestApi, password_login, patch, post};

const RULES: &str = "
    security_compliance.lockout_failure_attempts = 3
    security_compliance.lockout_duration_s = 3600
    security_compliance.unique_last_password_count = 2
    security_compliance.password_regex = '.*\\d'
    security_compliance.password_expires_days = 30
    security_compliance.disable_user_account_days_inactive = 90
";

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The user alice, whose password is `number 0`.
async fn with_alice() -> TestApi {
    let api = TestApi::with_config(RULES).await;
    let user = json!({"user": {"name": "alice", "password": "number 0"}});
    let made = api.make("alice", post("/v3/users", user)).await;
    assert!(made.body["user"]["password_expires_at"].is_string(), "{}", made.body);
    api
}

/// The status of a log-in.
async fn try_password(api: &TestApi, password: &str) -> u16 {
    api.send(post("/v3/auth/tokens", password_login(json!({"id": "{alice}"}), password))).await.status
}

async fn change_password(api: &TestApi, original: &str, new: &str) -> u16 {
    let body = json!({"user": {"original_password": original, "password": new}});
    api.send(post("/v3/users/{alice}/password", body)).await.status
}

async fn update(api: &TestApi, change: Value) {
    api.admin(patch("/v3/users/{alice}", json!({"user": change}))).await;
}

#[tokio::test]
async fn a_user_is_locked_out_by_failures_until_it_is_enabled_anew() {
    let api = with_alice().await;
    assert_eq!(try_password(&api, "number 0").await, 201);
    for _ in 0..3 {
        assert_eq!(try_password(&api, "wrong").await, 401);
    }
    assert_eq!(try_password(&api, "number 0").await, 401);
    assert_eq!(change_password(&api, "number 0", "number 1").await, 401);
    update(&api, json!({"enabled": true})).await;
    assert_eq!(try_password(&api, "number 0").await, 201);
}

#[tokio::test]
async fn a_lockout_ends_after_its_time() {
    let api = with_alice().await;
    for _ in 0..3 {
        assert_eq!(try_password(&api, "wrong").await, 401);
    }
    api.advance(HOUR - Duration::from_secs(10)).await;
    assert_eq!(try_password(&api, "number 0").await, 401);
    api.advance(Duration::from_secs(11)).await;
    assert_eq!(try_password(&api, "number 0").await, 201);
}

#[tokio::test]
async fn a_success_between_failures_begins_their_count_anew() {
    let api = with_alice().await;
    for _ in 0..6 {
        assert_eq!(try_password(&api, "wrong").await, 401);
        assert_eq!(try_password(&api, "number 0").await, 201);
    }
    let guesses = (0..20).map(|_| try_password(&api, "wrong"));
    assert_eq!(futures::future::join_all(guesses).await, [401; 20]);
    assert_eq!(try_password(&api, "number 0").await, 401);
    update(&api, json!({"options": {"ignore_lockout_failure_attempts": true}})).await;
    assert_eq!(try_password(&api, "number 0").await, 201);
}

#[tokio::test]
async fn a_new_password_follows_the_pattern_and_is_none_of_the_last() {
    let api = with_alice().await;
    for (new, status) in
        [("no digit", 400), ("number 0", 400), ("number 1", 204), ("number 0", 401), ("number 2", 401)]
    {
        assert_eq!(change_password(&api, "number 0", new).await, status, "{new}");
    }
    assert_eq!(change_password(&api, "number 1", "number 0").await, 400);
    assert_eq!(change_password(&api, "number 1", "number 2").await, 204);
    assert_eq!(change_password(&api, "number 2", "number 0").await, 204);
    // An admin may set any.
    update(&api, json!({"password": "number 0"})).await;
    let refused = patch("/v3/users/{alice}", json!({"user": {"password": "no digit"}}));
    api.send(refused.by("{admin}")).await.expect(400);
}

#[tokio::test]
async fn a_password_that_has_expired_serves_only_to_be_changed() {
    let api = with_alice().await;
    api.advance(29 * DAY).await;
    assert_eq!(try_password(&api, "number 0").await, 201);
    api.advance(2 * DAY).await;
    let refused =
        api.send(post("/v3/auth/tokens", password_login(json!({"id": "{alice}"}), "number 0"))).await;
    let message = refused.body["error"]["message"].as_str().unwrap();
    assert!(refused.status == 401 && message.contains("expired"), "{message}");
    assert_eq!(change_password(&api, "number 0", "number 1").await, 204);
    let (status, ()) = tokio::join!(try_password(&api, "number 1"), api.advance(Duration::from_secs(1)));
    assert_eq!(status, 201);
}

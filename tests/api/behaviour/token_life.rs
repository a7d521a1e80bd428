//! The validity of tokens: its length, and what ends it.

use std::time::Duration;

use serde_json::json;

use crate::world::{TestApi, delete, get, password_login, patch, post, put, scoped, token_login};

/// The user alice, with a role in the project work, and a token for it.
async fn with_alice() -> TestApi {
    let api = TestApi::with_config("token.expiration_s = 600\ntoken.allow_expired_window_s = 3600").await;
    api.make("alice", post("/v3/users", json!({"user": {"name": "alice", "password": "secret"}}))).await;
    api.make("work", post("/v3/projects", json!({"project": {"name": "work"}}))).await;
    api.make("role", post("/v3/roles", json!({"role": {"name": "painter"}}))).await;
    api.admin(put("/v3/projects/{work}/users/{alice}/roles/{role}")).await;
    let login = password_login(json!({"id": "{alice}"}), "secret");
    api.names.set("token", api.log_in(scoped(login, json!({"project": {"id": "{work}"}}))).await);
    api
}

/// The admin's token ends with the others.
async fn enter_admin(api: &TestApi) {
    let admin = json!({"name": "admin", "domain": {"id": "default"}});
    let login = password_login(admin, crate::world::ADMIN_PASSWORD);
    let scope = json!({"project": {"name": "admin", "domain": {"id": "default"}}});
    api.names.set("admin", api.log_in(scoped(login, scope)).await);
}

#[tokio::test]
async fn a_token_ends_when_its_time_is_over_and_is_shown_on_demand_for_a_while() {
    let api = with_alice().await;
    api.advance(Duration::from_secs(590)).await;
    assert_eq!(api.validate("{token}").await, 200);
    api.advance(Duration::from_secs(11)).await;
    enter_admin(&api).await;
    assert_eq!(api.validate("{token}").await, 404);
    assert_eq!(api.send(get("/v3/auth/projects").by("{token}")).await.status, 401);
    let expired = || get("/v3/auth/tokens?allow_expired=1").by("{admin}").about("{token}");
    assert_eq!(api.send(expired()).await.status, 200);
    api.advance(Duration::from_secs(3600)).await;
    enter_admin(&api).await;
    assert_eq!(api.send(expired()).await.status, 404);
}

#[tokio::test]
async fn a_token_got_by_a_token_ends_with_it() {
    let api = with_alice().await;
    api.advance(Duration::from_secs(300)).await;
    let rescoped = api.log_in(token_login("{token}")).await;
    assert_eq!(api.validate(&rescoped).await, 200);
    api.advance(Duration::from_secs(301)).await;
    enter_admin(&api).await;
    assert_eq!(api.validate(&rescoped).await, 404);
}

#[tokio::test]
async fn a_user_may_revoke_all_of_its_own_tokens() {
    let api = with_alice().await;
    api.send(delete("/v3/users/{alice}/tokens").by("{token}")).await.expect(204);
    assert_eq!(api.validate("{token}").await, 404);
}

#[tokio::test]
async fn what_a_token_needs_is_gone_with_the_token() {
    for ends in [
        delete("/v3/projects/{work}/users/{alice}/roles/{role}"),
        delete("/v3/roles/{role}"),
        delete("/v3/projects/{work}"),
        delete("/v3/users/{alice}"),
        patch("/v3/users/{alice}", json!({"user": {"enabled": false}})),
        patch("/v3/projects/{work}", json!({"project": {"enabled": false}})),
    ] {
        let api = with_alice().await;
        assert_eq!(api.validate("{token}").await, 200);
        let shown = format!("{ends:?}");
        api.admin(ends).await;
        assert_eq!(api.validate("{token}").await, 404, "{shown}");
    }
}

//! A log-in that has to combine methods.

use serde_json::json;

use crate::world::{Request, Response, TestApi, get, password_login, patch, post, token_login};

const RECEIPT: &str = "Openstack-Auth-Receipt";

/// The users alice and bob, who have to combine their password with a token, each with a token from before.
async fn with_rules() -> TestApi {
    let api = TestApi::start().await;
    let rules = json!({"user": {"options": {"multi_factor_auth_rules": [["password", "token"]]}}});
    for name in ["alice", "bob"] {
        api.make(name, post("/v3/users", json!({"user": {"name": name, "password": "right"}}))).await;
        let token = api.log_in(password_of(name, "right")).await;
        api.names.set(&format!("token_of_{name}"), token);
        api.admin(patch(format!("/v3/users/{{{name}}}"), rules.clone())).await;
    }
    api
}

fn password_of(name: &str, password: &str) -> serde_json::Value {
    password_login(json!({"id": format!("{{{name}}}")}), password)
}

fn log_in(body: serde_json::Value) -> Request {
    post("/v3/auth/tokens", body)
}

async fn receipt_of_alice(api: &TestApi) -> Response {
    api.send(log_in(password_of("alice", "right"))).await.expect(401)
}

#[tokio::test]
async fn a_password_alone_brings_a_receipt_that_counts_it_for_its_user() {
    let api = with_rules().await;
    let partly = receipt_of_alice(&api).await;
    assert_eq!(partly.header("WWW-Authenticate"), None);
    assert_eq!(partly.body["receipt"]["methods"], json!(["password"]));
    assert_eq!(partly.body["receipt"]["user"]["id"], json!(api.names.get("alice")));
    assert_eq!(partly.body["required_auth_methods"], json!([["token", "password"]]));
    let receipt = partly.header(RECEIPT).unwrap();

    // Nobody gains anything by it, least of all who has no method to show.
    for (body, expected) in [
        (password_of("alice", "wrong"), 401),
        (password_of("bob", "right"), 401),
        (token_login("{token_of_bob}"), 401),
        (token_login(receipt), 404),
    ] {
        let refused = api.send(log_in(body).header(RECEIPT, receipt)).await.expect(expected);
        assert_eq!((refused.header(RECEIPT), refused.header("X-Subject-Token")), (None, None));
    }
    let fully = log_in(token_login("{token_of_alice}")).header(RECEIPT, receipt);
    let fully = api.send(fully).await.expect(201);
    assert_eq!(fully.body["token"]["methods"], json!(["token", "password"]));
    let own = fully.token();
    assert_eq!(api.send(get("/v3/auth/projects").by(own)).await.status, 200);
}

#[tokio::test]
async fn a_receipt_ends_and_a_refused_one_counts_nothing() {
    let api = with_rules().await;
    let receipt = receipt_of_alice(&api).await.header(RECEIPT).unwrap().to_owned();
    api.advance(std::time::Duration::from_secs(api.app.config.receipt.expiration_s + 1)).await;
    let late = log_in(token_login("{token_of_alice}")).header(RECEIPT, receipt);
    api.send(late).await.expect(401);
}

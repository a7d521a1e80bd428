//! Rules for passwords and accounts, wherever a user tries.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, DevCluster, password_login};

const RULES: &[&str] = &[
    "security_compliance.lockout_failure_attempts=3",
    "security_compliance.lockout_duration_s=3600",
    "security_compliance.unique_last_password_count=2",
    r"security_compliance.password_regex=.*\d",
    "security_compliance.password_expires_days=30",
    "security_compliance.disable_user_account_days_inactive=30",
];

struct User {
    client: Client,
    id: String,
    urls: Vec<String>,
}

impl User {
    /// The status of a log-in at a node.
    async fn try_password(&self, node: usize, password: &str) -> u16 {
        let body = password_login(json!({"id": self.id}), password);
        let path = format!("{}/v3/auth/tokens", self.urls[node % 3]);
        self.client.send(Method::POST, &path, Some(&body)).await.unwrap().status
    }

    async fn try_everywhere(&self, password: &str) -> Vec<u16> {
        let tries = (0..3).map(|node| self.try_password(node, password));
        futures::future::join_all(tries).await
    }

    async fn change_password(&self, node: usize, original: &str, new: &str) -> u16 {
        let body = json!({"user": {"original_password": original, "password": new}});
        let path = format!("{}/v3/users/{}/password", self.urls[node % 3], self.id);
        self.client.send(Method::POST, &path, Some(&body)).await.unwrap().status
    }
}

async fn update(admin: &Client, user: &User, node: usize, change: Value) {
    let path = format!("{}/v3/users/{}", user.urls[node % 3], user.id);
    let reply = admin.send(Method::PATCH, &path, Some(&json!({"user": change}))).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_for_passwords_hold_whichever_node_a_user_asks() {
    let cluster = DevCluster::start_with(RULES);
    let urls = cluster.urls();
    let admin = Client::admin(&urls[0]).await;
    let made = admin.create(&urls[0], "user", json!({"name": "alice", "password": "number 0"})).await;
    assert!(made["password_expires_at"].is_string(), "{made}");
    let id = made["id"].as_str().unwrap().to_owned();
    let user = User { client: Client::anonymous(), id, urls };

    // No node misses what fails at another.
    assert_eq!(user.try_everywhere("number 0").await, [201; 3]);
    for node in 0..3 {
        assert_eq!(user.try_password(node, "wrong").await, 401);
    }
    assert_eq!(user.try_everywhere("number 0").await, [401; 3]);
    assert_eq!(user.change_password(1, "number 0", "number 1").await, 401);
    update(&admin, &user, 1, json!({"enabled": true})).await;
    assert_eq!(user.try_everywhere("number 0").await, [201; 3]);

    // A success in between begins the count anew.
    for node in 0..6 {
        assert_eq!(user.try_password(node, "wrong").await, 401);
        assert_eq!(user.try_password(node + 1, "number 0").await, 201);
    }
    let guesses = (0..20).map(|node| user.try_password(node, "wrong"));
    assert_eq!(futures::future::join_all(guesses).await, [401; 20]);
    assert_eq!(user.try_everywhere("number 0").await, [401; 3]);
    update(&admin, &user, 2, json!({"options": {"ignore_lockout_failure_attempts": true}})).await;
    assert_eq!(user.try_everywhere("number 0").await, [201; 3]);

    for (new, status) in
        [("no digit", 400), ("number 0", 400), ("number 1", 204), ("number 0", 401), ("number 2", 401)]
    {
        assert_eq!(user.change_password(2, "number 0", new).await, status, "{new}");
    }
    assert_eq!(user.change_password(0, "number 1", "number 0").await, 400);
    assert_eq!(user.change_password(0, "number 1", "number 2").await, 204);
    assert_eq!(user.change_password(1, "number 2", "number 0").await, 204);
    update(&admin, &user, 0, json!({"password": "number 0"})).await;
}

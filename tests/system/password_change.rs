//! Tokens that a change of a password ends, and those that it does not.

use serde_json::json;

use crate::support::{Client, DevCluster, password_login};

/// Enough to meet the end of a second in some turns and not in others.
const TURNS: usize = 5;

/// A token got right after a password change is valid, and older ones are not.
pub async fn ends_older_tokens_alone(cluster: &DevCluster) {
    let urls = cluster.urls();
    let admin = Client::admin(&urls[0]).await;
    let user = admin.create(&urls[0], "user", json!({"name": "changer", "password": "number 0"})).await;
    let id = user["id"].as_str().unwrap();
    for turn in 1..=TURNS {
        let [changed_at, used_at] = [turn % 3, (turn + 1) % 3].map(|node| &urls[node]);
        let login = |number: usize| password_login(json!({"id": id}), &format!("number {number}"));
        let old = admin.log_in(used_at, &login(turn - 1)).await;
        let password = json!({"user": {"password": format!("number {turn}")}});
        let path = format!("{changed_at}/v3/users/{id}");
        let changed = admin.send(reqwest::Method::PATCH, &path, Some(&password)).await.unwrap();
        assert_eq!(changed.status, 200, "{}", changed.body);
        let new = admin.log_in(used_at, &login(turn)).await;
        for url in &urls {
            assert_eq!(admin.validate(url, &old).await.unwrap().status, 404, "the older token on {url}");
            assert_eq!(admin.validate(url, &new).await.unwrap().status, 200, "the new token on {url}");
        }
    }
}

//! Hashes of passwords after the configuration asks for others.

use std::time::Duration;

use serde_json::json;

use crate::support::{Client, DevCluster, eventually, password_login};

const LIMIT: Duration = Duration::from_secs(30);
const UPGRADED: &str = "keyraft_password_hashes_upgraded_total";

/// A log-in makes a weak hash anew, once, and ends no token. Nothing else may log in meanwhile.
pub async fn log_in_makes_a_weak_hash_anew(cluster: &mut DevCluster) {
    let urls = cluster.urls();
    let admin = Client::admin(&urls[0]).await;
    let user = admin.create(&urls[0], "user", json!({ "name": "weak", "password": "right" })).await;
    let login = password_login(json!({ "id": user["id"] }), "right");
    let old = admin.log_in(&urls[0], &login).await;
    assert_eq!(upgraded(&urls[0]).await, 0, "a hash as it is configured stays");

    let other = "password_hash_algorithm = \"pbkdf2_sha512\"\npassword_hash_rounds = 1000";
    cluster.reconfigure(|_, text| text.replace("password_hash_rounds = 4", other));

    let new = admin.log_in(&urls[0], &login).await;
    eventually("the hash is made anew", LIMIT, async || (upgraded(&urls[0]).await == 1).then_some(())).await;
    for url in &urls {
        admin.log_in(url, &login).await;
        for token in [&old, &new] {
            assert_eq!(admin.validate(url, token).await.unwrap().status, 200, "on {url}");
        }
    }
    let all = [upgraded(&urls[0]).await, upgraded(&urls[1]).await, upgraded(&urls[2]).await];
    assert_eq!(all, [1, 0, 0], "the new hash is as it is configured");
}

async fn upgraded(url: &str) -> u64 {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let text = http.get(format!("{url}/metrics")).send().await.unwrap().text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(UPGRADED));
    line.map_or(0, |count| count.trim().parse().unwrap())
}

//! A log-in that has to combine methods, with each part sent to another node.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::support::{Client, DevCluster, password_login, token_login};

const RECEIPT: &str = "Openstack-Auth-Receipt";

/// A receipt of one node is taken up by another, and only for its user.
pub async fn receipt_is_taken_up_by_another_node(cluster: &DevCluster) {
    let urls = cluster.urls();
    let admin = Client::admin(&urls[0]).await;
    let mut people = Vec::new();
    for name in ["alice", "bob"] {
        let user = admin.create(&urls[0], "user", json!({ "name": name, "password": "right" })).await;
        let id = user["id"].as_str().unwrap().to_owned();
        let token = admin.log_in(&urls[1], &password_login(json!({ "id": id }), "right")).await;
        let rules = json!({ "user": { "options": { "multi_factor_auth_rules": [["password", "token"]] } } });
        let path = format!("{}/v3/users/{id}", urls[2]);
        let changed = admin.send(reqwest::Method::PATCH, &path, Some(&rules)).await.unwrap();
        assert_eq!(changed.status, 200, "{}", changed.body);
        people.push((id, token));
    }
    let (alice, alices_token) = &people[0];
    let (bob, bobs_token) = &people[1];

    let (status, headers, body) =
        log_in(&urls[0], &password_login(json!({ "id": alice }), "right"), None).await;
    assert_eq!(status, 401, "{body}");
    assert_eq!(headers.get("WWW-Authenticate"), None);
    assert_eq!(body["receipt"]["methods"], json!(["password"]));
    assert_eq!(body["receipt"]["user"]["id"], json!(alice));
    assert_eq!(body["required_auth_methods"], json!([["token", "password"]]));
    let receipt = headers[RECEIPT].to_str().unwrap();

    // Nobody gains anything by it, least of all who has no method to show.
    for (login, expected) in [
        (password_login(json!({ "id": alice }), "wrong"), 401),
        (password_login(json!({ "id": bob }), "right"), 401),
        (token_login(bobs_token), 401),
        (token_login(receipt), 404),
    ] {
        let (status, headers, body) = log_in(&urls[1], &login, Some(receipt)).await;
        assert_eq!(status, expected, "{body}");
        assert!(!headers.contains_key(RECEIPT) && !headers.contains_key("X-Subject-Token"));
    }
    let (status, headers, body) = log_in(&urls[2], &token_login(alices_token), Some(receipt)).await;
    assert_eq!(status, 201, "{body}");
    assert!(headers.contains_key("X-Subject-Token"));
    assert_eq!(body["token"]["methods"], json!(["token", "password"]));
}

async fn log_in(url: &str, body: &Value, receipt: Option<&str>) -> (u16, HeaderMap, Value) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = http.post(format!("{url}/v3/auth/tokens")).json(body);
    if let Some(receipt) = receipt {
        request = request.header(RECEIPT, receipt);
    }
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    (status, headers, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
}

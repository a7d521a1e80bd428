//! A node whose cluster key is not the one that its cluster's secrets are sealed under.

use keyraft::keys::seal::ClusterKey;
use keyraft::ops::admin::{AdminError, AdminOperations, RotateRequest};
use keyraft::ops::operations::Operations;
use keyraft_cluster::SeededRandom;
use serde_json::{Value, json};

use crate::world::{ADMIN_PASSWORD, TestApi, cluster_key, get, password_login, post};

/// The status and the reasons of `/ready`.
async fn readiness(api: &TestApi) -> (u16, Vec<String>) {
    let response = api.send(get("/ready")).await;
    let reasons = response.body["reasons"].as_array().unwrap();
    (response.status, reasons.iter().map(|reason| reason.as_str().unwrap().to_owned()).collect())
}

async fn log_in(api: &TestApi) -> (u16, Value) {
    let user = json!({"name": "admin", "domain": {"id": "default"}});
    let response = api.send(post("/v3/auth/tokens", password_login(user, ADMIN_PASSWORD))).await;
    (response.status, response.body)
}

async fn rotate(api: &TestApi, compromised: bool) -> Result<usize, AdminError> {
    let rotated = Operations(api.app.clone()).fernet_rotate(RotateRequest { compromised }).await;
    rotated.map(|keys| keys.keys.len())
}

#[tokio::test]
async fn a_node_with_another_cluster_key_serves_and_writes_nothing_and_names_the_file() {
    let api = TestApi::start().await;
    assert_eq!(readiness(&api).await, (200, vec![]));
    let other = ClusterKey::generate(&SeededRandom::from_seed(2));
    let ids = [cluster_key().id(), other.id()].map(|id| id.to_string());
    let api = api.restart_with_key(other).await;

    let (status, reasons) = readiness(&api).await;
    assert_eq!((status, reasons.len()), (503, 1), "{reasons:?}");
    let file = api.app.config.node.cluster_key_file.display().to_string();
    let names_all = |text: &str| text.contains(&file) && ids.iter().all(|id| text.contains(id));
    assert!(names_all(&reasons[0]), "{reasons:?}");

    let (status, body) = log_in(&api).await;
    assert_eq!(status, 503, "{body}");
    assert!(names_all(&body.to_string()), "{body}");
    for request in [get("/v3/users"), get("/v3/auth/tokens").about("{admin}")] {
        assert_eq!(api.send(request.by("{admin}")).await.status, 503);
    }
    let keys = || api.app.node.publication().load().state.keys.fernet_keys().cloned();
    let before = keys();
    let refused = rotate(&api, false).await.unwrap_err();
    assert!(matches!(&refused, AdminError::Unavailable(reason) if names_all(reason)), "{refused:?}");
    assert_eq!(keys(), before);

    let api = api.restart_with_key(cluster_key()).await;
    assert_eq!((readiness(&api).await, log_in(&api).await.0), ((200, vec![]), 201));
    assert_eq!(rotate(&api, false).await.unwrap(), 3);
}

/// All nodes have one key, and it is another than the keys are sealed under: the way out.
#[tokio::test]
async fn compromised_keys_can_be_replaced_that_this_nodes_key_does_not_open() {
    let api = TestApi::start().await;
    let api = api.restart_with_key(ClusterKey::generate(&SeededRandom::from_seed(2))).await;
    assert_eq!(readiness(&api).await.0, 503);
    assert_eq!(rotate(&api, true).await.unwrap(), 2);
    tokio::time::sleep(std::time::Duration::from_millis(501)).await;
    assert_eq!(readiness(&api).await, (200, vec![]));
}

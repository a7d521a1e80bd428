//! What operators and load balancers see of a node.

use serde_json::json;

use crate::world::{TestApi, get};

#[tokio::test]
async fn a_node_that_stops_is_not_ready_and_serves_on() {
    let api = TestApi::start().await;
    assert_eq!(api.send(get("/ready")).await.status, 200);
    api.app.stopping.cancel();
    let response = api.send(get("/ready")).await;
    assert_eq!(response.status, 503);
    assert_eq!(response.body, json!({"ready": false, "reasons": ["stopping"], "options_differ": null}));
    assert_eq!(api.validate("{admin}").await, 200);
}

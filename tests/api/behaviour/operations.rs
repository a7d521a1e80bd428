//! What operators and load balancers see of a node.

use keyraft::ops::admin::AdminOperations;
use keyraft::ops::operations::Operations;
use keyraft::ops::status::Quorum;
use serde_json::json;

use crate::world::{TestApi, get, lone_node};

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

#[tokio::test]
async fn the_administrator_sees_the_cluster_without_a_token() {
    let api = TestApi::start().await;
    let status = Operations(api.app.clone()).status().await.unwrap();
    assert_eq!((status.node, status.ready, status.leader), (Some(0), Some(true), Some(0)));
    assert_eq!(status.quorum, Some(Quorum { is_there: true, voters: 1, responding: 1, may_fail: 0 }));
    let [node] = status.nodes.as_slice() else { panic!("{status:?}") };
    assert_eq!((node.role.as_str(), node.is_voter, node.is_configured), ("leader", Some(true), Some(true)));
    assert_eq!(node.is_lease_held, Some(true));
    assert_eq!(node.version.as_deref(), Some(env!("CARGO_PKG_VERSION")));
    assert!(node.formats.contains_key("snapshot"), "{node:?}");
    assert!(node.uptime_ms.is_some() && node.digest.is_some() && node.fault.is_none());
    let shown = api.send(get("/keyraft/status").by("{admin}")).await;
    assert_eq!(shown.body["quorum"]["voters"], 1, "the API shows the same");
}

#[tokio::test]
async fn a_node_that_waits_for_the_others_to_form_a_cluster_has_a_status() {
    let peers = "[{ id = 0, address = '127.0.0.1:5100' }, { id = 1, address = '127.0.0.1:5101' }]";
    let app = lone_node(&format!("cluster.peers = {peers}")).await;
    let status = Operations(app.clone()).status().await.unwrap();
    assert_eq!((status.ready, status.leader, status.quorum), (Some(false), None, None));
    assert_eq!(status.reasons, ["no leader confirms what may be read"]);
    let roles: Vec<_> = status.nodes.iter().map(|node| (node.number, node.role.as_str())).collect();
    assert_eq!(roles, [(0, "starting"), (1, "unreachable")]);
    app.node.shutdown().await;
}

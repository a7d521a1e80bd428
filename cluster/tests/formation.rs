//! The first start of a cluster, and starts that must not succeed.

mod support;

use std::time::Duration;

use keyraft_cluster::{Environment, Fault, Node, NodeConfig, ReadError, StartError};
use support::kv::{KeyValue, get, set};
use support::{TestCluster, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_forms_only_when_every_member_has_come() {
    let mut cluster = TestCluster::prepare(1..=3, |config| config.read_timeout_ms = 1_500).await;
    cluster.start_node(2).await;
    cluster.start_node(1).await;
    let read = cluster.node(1).read().await;
    assert_eq!(read.err(), Some(ReadError::NoLeader { waited_ms: 1_500 }));
    let roles: Vec<_> = cluster.node(1).status().await.nodes.into_iter().map(|node| node.role).collect();
    assert_eq!(roles, ["starting", "starting", "unreachable"]);

    // The founder is cut off between two steps, at any of them.
    cluster.stop_node(1).await;
    cluster.start_node(3).await;
    cluster.start_node(1).await;
    cluster.leader().await;
    cluster.node(3).propose(set("key", "value")).await.unwrap();
    let state = cluster.node(2).read().await.unwrap();
    assert_eq!(get(&state.state, "key"), Some("value".into()));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_founder_that_stops_half_way_ends_with_one_cluster() {
    for round in 0..4_u64 {
        let mut cluster = TestCluster::prepare(1..=3, |_| {}).await;
        for node in 1..=3 {
            cluster.start_node(node).await;
        }
        tokio::time::sleep(Duration::from_millis(round * 4)).await;
        cluster.stop_node(1).await;
        cluster.start_node(1).await;
        cluster.leader().await;
        cluster.node(1).propose(set("key", "value")).await.unwrap();
        for node in 1..=3 {
            let state = cluster.node(node).read().await.unwrap();
            assert_eq!(get(&state.state, "key"), Some("value".into()), "node {node}, round {round}");
        }
        cluster.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_port_is_named() {
    let cluster = TestCluster::start(1).await;
    let config = NodeConfig { directory: cluster.directory.path().join("other"), ..cluster.config(1) };
    let address = config.listen;
    let refused =
        Node::start(config, KeyValue::default(), Environment::system().unwrap()).await.err().unwrap();
    assert!(matches!(refused, StartError::Listen { address: named, .. } if named == address));
    assert!(refused.to_string().contains(&address.to_string()), "{refused}");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_alone_that_has_lost_its_log_does_not_begin_anew() {
    let mut cluster = TestCluster::start(1).await;
    cluster.node(1).propose(set("key", "value")).await.unwrap();
    cluster.stop_node(1).await;
    for file in std::fs::read_dir(cluster.folder(1).join("wal")).unwrap().flatten() {
        if file.file_name() != "identity" {
            support::remove(&file.path());
        }
    }
    cluster.start_node(1).await;
    let fault = eventually("a fault", || async { cluster.node(1).fault().borrow().clone() }).await;
    assert!(matches!(fault, Fault::Lost { .. }), "{fault}");
    assert!(matches!(cluster.node(1).read().await, Err(ReadError::Faulty(_))));
    assert!(cluster.node(1).propose(set("key", "new")).await.is_err());
    cluster.stop().await;
}

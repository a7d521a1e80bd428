//! Writes and reads through any node, on real sockets, threads and files.

use std::time::Duration;

use futures::FutureExt;
use keyraft_cluster::storage::StorageError;
use keyraft_cluster::{Environment, Host, NodeConfig, ProposeError, StartError};
use keyraft_cluster_testing::start;
use tokio::time::Instant;

use crate::cluster::TestCluster;
use crate::kv::{KeyValue, get, increment, panicking, set};
use crate::observed::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_on_one_node_is_read_at_once_on_every_other() {
    let cluster = TestCluster::start(3).await;
    for round in 0..30_u64 {
        let writer = round % 3 + 1;
        let value = round.to_string();
        let proposed = cluster.node(writer).propose(set("key", &value)).await.unwrap();
        let applied_index = cluster.node(writer).publication().load().applied_index;
        assert!(applied_index >= proposed.log_index);
        for reader in 1..=3 {
            let state = cluster.node(reader).read().await.unwrap();
            assert_eq!(get(&state.state, "key"), Some(value.clone()), "node {reader}, round {round}");
        }
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writes_are_each_applied_once() {
    let cluster = TestCluster::start(3).await;
    let writes = (0..300_u64).map(|n| {
        let node = cluster.node(n % 3 + 1).clone();
        async move { node.propose(increment("count")).await.unwrap().answer }
    });
    let mut answers: Vec<u64> = futures::future::join_all(writes)
        .await
        .iter()
        .map(|answer| std::str::from_utf8(answer).unwrap().parse().unwrap())
        .collect();
    answers.sort_unstable();
    assert_eq!(answers, (1..=300).collect::<Vec<_>>());
    let state = cluster.node(1).read().await.unwrap();
    assert_eq!(get(&state.state, "count"), Some("300".into()));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_nodes_end_as_if_killed_and_lose_nothing() {
    let mut cluster = TestCluster::start(3).await;
    for n in 0..30 {
        cluster.node(n % 3 + 1).propose(increment("count")).await.unwrap();
    }
    for node in 1..=3 {
        cluster.kill_node(node).await;
    }
    cluster.leader().await;
    let state = cluster.node(1).read().await.unwrap();
    assert_eq!(get(&state.state, "count"), Some("30".into()));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn consensus_may_share_the_runtime_of_its_process() {
    let cluster = TestCluster::start_with(3, |config| config.consensus_threads = 0).await;
    cluster.node(1).propose(set("key", "value")).await.unwrap();
    let state = cluster.node(3).read().await.unwrap();
    assert_eq!(get(&state.state, "key"), Some("value".into()));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_at_which_the_application_panics_stops_no_node() {
    let mut cluster = TestCluster::start(3).await;
    cluster.node(1).propose(set("key", "before")).await.unwrap();
    for node in 1..=3 {
        let refused = cluster.node(node).propose(panicking("key")).await.unwrap_err();
        assert!(matches!(refused, ProposeError::Panicked { .. }), "{refused}");
    }
    for is_restarted in [false, true] {
        if is_restarted {
            cluster.restart_all().await;
            cluster.leader().await;
        }
        for node in 1..=3 {
            let state = cluster.node(node).read().await.unwrap();
            let expected = if is_restarted { "3" } else { "before" };
            assert_eq!(get(&state.state, "key").as_deref(), Some(expected), "node {node}");
        }
        for node in 1..=3 {
            cluster.node(node).propose(set("key", &node.to_string())).await.unwrap();
        }
    }
    let digests = cluster.settled_digests().await;
    assert_eq!(digests, vec![digests[0]; 3]);
    for (number, node) in cluster.running() {
        assert_eq!(*node.fault().borrow(), None, "node {number}");
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_does_not_start_in_the_folder_of_another() {
    let mut cluster = TestCluster::start(3).await;
    cluster.node(3).propose(set("key", "value")).await.unwrap();
    cluster.stop_node(3).await;
    cluster.stop_node(2).await;
    let config = NodeConfig { directory: cluster.folder(3), ..cluster.config(2) };
    let refused = start(config, KeyValue::default(), Environment::system().unwrap(), Host::system()).await;
    let refused = refused.err().unwrap();
    assert!(
        matches!(refused, StartError::Storage(StorageError::OtherNode { stored: 3, configured: 2, .. })),
        "{refused}"
    );
    cluster.start_node(2).await;
    cluster.start_node(3).await;
    cluster.leader().await;
    let state = cluster.node(3).read().await.unwrap();
    assert_eq!(get(&state.state, "key").as_deref(), Some("value"));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_port_is_named() {
    let cluster = TestCluster::start(1).await;
    let config = NodeConfig { directory: cluster.directory.path().join("other"), ..cluster.config(1) };
    let address = config.listen;
    let refused = start(config, KeyValue::default(), Environment::system().unwrap(), Host::system())
        .await
        .err()
        .unwrap();
    assert!(matches!(refused, StartError::Listen { address: named, .. } if named == address));
    assert!(refused.to_string().contains(&address.to_string()), "{refused}");
    cluster.stop().await;
}

/// Those who hold leases report what they have applied as soon as they have, whatever their threads do meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_write_waits_for_a_heartbeat() {
    const HEARTBEAT: Duration = Duration::from_millis(4_000);
    const LIMIT: Duration = Duration::from_millis(1_000);
    let cluster = TestCluster::start_with(3, |config| {
        let heartbeat_ms = u64::try_from(HEARTBEAT.as_millis()).unwrap();
        config.heartbeat_ms = heartbeat_ms;
        (config.election_timeout_min_ms, config.election_timeout_max_ms) =
            (heartbeat_ms + 100, heartbeat_ms + 200);
        (config.leader_lease_ms, config.follower_lease_ms) = (2 * heartbeat_ms, 6 * heartbeat_ms);
    })
    .await;
    for node in 1..=3 {
        let reads_by_itself = || async { cluster.node(node).read().now_or_never()?.ok() };
        eventually("a read that waits for nobody", reads_by_itself).await;
    }
    let mut slowest = Duration::ZERO;
    // One report in a thousand may come at a wrong moment.
    for round in 0..3_000_u64 {
        let started = Instant::now();
        cluster.node(1 + round % 3).propose(set("key", "value")).await.unwrap();
        slowest = slowest.max(started.elapsed());
        assert!(slowest < LIMIT, "write {round} took {slowest:?}");
    }
    println!("the slowest of 3000 writes took {slowest:?}");
    cluster.stop().await;
}

//! Writes and reads through any node; nothing acknowledged is lost.

mod support;

use std::time::Duration;

use support::kv::{get, increment, set};
use support::{TestCluster, eventually};

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
async fn a_stopped_leader_is_replaced_and_no_acknowledged_write_is_lost() {
    let mut cluster = TestCluster::start(3).await;
    let leader = cluster.leader().await;
    let writer = cluster.node(cluster.follower().await).clone();
    let writing = tokio::spawn(async move {
        let mut acknowledged = Vec::new();
        for n in 0..400_u64 {
            if writer.propose(set(&format!("key{n}"), "v")).await.is_ok() {
                acknowledged.push(n);
            }
        }
        acknowledged
    });
    eventually("some writes", || async {
        (cluster.node(leader).publication().load().applied_index > 30).then_some(())
    })
    .await;
    cluster.stop_node(leader).await;
    let replaced = tokio::time::timeout(Duration::from_secs(3), async {
        loop {
            let next = cluster.leader().await;
            if next != leader {
                return next;
            }
        }
    });
    let next = replaced.await.expect("a new leader within 3 s");
    let acknowledged = writing.await.unwrap();
    assert_eq!(acknowledged.len(), 400);
    let state = cluster.node(next).read().await.unwrap();
    for n in acknowledged {
        assert_eq!(get(&state.state, &format!("key{n}")), Some("v".into()), "write {n}");
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_numbers_may_start_at_0() {
    let mut cluster = TestCluster::start_numbered(0..=2, |_| {}).await;
    cluster.node(0).propose(set("key", "value")).await.unwrap();
    cluster.restart_all().await;
    cluster.leader().await;
    for node in 0..=2 {
        let state = cluster.node(node).read().await.unwrap();
        assert_eq!(get(&state.state, "key"), Some("value".into()));
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_alone_is_a_cluster() {
    let mut cluster = TestCluster::start(1).await;
    cluster.node(1).propose(set("key", "value")).await.unwrap();
    cluster.restart_all().await;
    let state = cluster.node(1).read().await.unwrap();
    assert_eq!(get(&state.state, "key"), Some("value".into()));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_all_nodes_keeps_everything_and_elects_anew() {
    let mut cluster = TestCluster::start(3).await;
    for n in 0..50 {
        cluster.node(1).propose(set(&format!("key{n}"), &n.to_string())).await.unwrap();
    }
    let before = cluster.settled_digests().await;
    let status = cluster.status().await;
    cluster.restart_all().await;
    cluster.leader().await;
    let state = cluster.node(2).read().await.unwrap();
    for n in 0..50 {
        assert_eq!(get(&state.state, &format!("key{n}")), Some(n.to_string()));
    }
    assert_eq!(cluster.settled_digests().await, before);
    let after = cluster.status().await;
    assert!(after.term > status.term, "a leader was elected anew: {} then {}", status.term, after.term);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_node_never_resumes_as_leader_in_its_old_vote() {
    let mut cluster = TestCluster::start(3).await;
    let leader = cluster.leader().await;
    let term = cluster.status().await.term;
    for node in 1..=3 {
        cluster.stop_node(node).await;
    }
    cluster.start_node(leader).await;
    let node = cluster.node(leader);
    // Long enough for it to have stood for election several times, had it been let.
    let resumed = tokio::time::timeout(Duration::from_secs(2), async {
        let mut leaders = node.leader_changes();
        leaders.wait_for(|now| *now == Some(leader)).await.unwrap();
    });
    assert!(resumed.await.is_err(), "node {leader} leads without having been elected");
    assert_eq!(node.status().await.term, term, "it did not even raise its vote");
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

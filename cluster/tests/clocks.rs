//! Cluster time is that of no single node.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests compare with the clock of the machine"
)]

mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use support::TestCluster;
use support::kv::set;

const HOUR_MS: u64 = 3_600_000;

fn wall_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Three nodes, of which the one with this clock leads.
async fn led_by_clock(offset_ms: i64) -> TestCluster {
    let mut cluster = TestCluster::start(3).await;
    cluster.node(1).propose(set("key", "value")).await.unwrap();
    let wrong = cluster.follower().await;
    cluster.stop_node(wrong).await;
    cluster.start_node_with_wall_offset(wrong, offset_ms).await;
    loop {
        let leader = cluster.leader().await;
        if leader == wrong {
            return cluster;
        }
        cluster.stop_node(leader).await;
        cluster.leader().await;
        cluster.start_node(leader).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_leader_whose_clock_is_ahead_takes_nobody_with_it() {
    let cluster = led_by_clock(i64::try_from(2 * HOUR_MS).unwrap()).await;
    for node in 1..=3 {
        cluster.node(node).propose(set("key", "later")).await.unwrap();
        let shown_ms = cluster.node(node).cluster_time_ms();
        assert!(shown_ms < wall_ms() + HOUR_MS / 4, "node {node} is ahead by {} ms", shown_ms - wall_ms());
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_leader_whose_clock_is_behind_holds_nobody_back() {
    let cluster = led_by_clock(-i64::try_from(2 * HOUR_MS).unwrap()).await;
    for node in 1..=3 {
        cluster.node(node).propose(set("key", "later")).await.unwrap();
        let shown_ms = cluster.node(node).cluster_time_ms();
        assert!(shown_ms + HOUR_MS / 4 > wall_ms(), "node {node} is behind by {} ms", wall_ms() - shown_ms);
    }
    cluster.stop().await;
}

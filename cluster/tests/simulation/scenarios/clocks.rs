//! Cluster time is that of no single node.

use crate::cluster::Cluster;
use crate::kv::set;
use crate::scenario::Scenario;

const HOUR_MS: u64 = 3_600_000;

/// Makes a node lead whose time of day is wrong by so many milliseconds.
async fn elect_with_clock(cluster: &Cluster, offset_ms: i64) {
    cluster.node(1).propose(set("key", "value")).await.unwrap();
    let wrong = cluster.follower().await;
    cluster.stop_node(wrong).await;
    cluster.set_wall_offset_ms(wrong, offset_ms);
    cluster.start_node(wrong).await;
    loop {
        let leader = cluster.leader().await;
        if leader == wrong {
            return;
        }
        cluster.stop_node(leader).await;
        cluster.leader().await;
        cluster.start_node(leader).await;
    }
}

#[test]
fn a_leader_whose_clock_is_ahead_takes_nobody_with_it() {
    Scenario::of(3).run(async |cluster| {
        elect_with_clock(&cluster, i64::try_from(2 * HOUR_MS).unwrap()).await;
        for node in 1..=3 {
            cluster.node(node).propose(set("key", "later")).await.unwrap();
            let (wall_ms, shown_ms) = (cluster.wall_ms(), cluster.node(node).cluster_time_ms());
            assert!(shown_ms < wall_ms + HOUR_MS / 4, "node {node} is ahead by {} ms", shown_ms - wall_ms);
        }
    });
}

#[test]
fn a_leader_whose_clock_is_behind_holds_nobody_back() {
    Scenario::of(3).run(async |cluster| {
        elect_with_clock(&cluster, -i64::try_from(2 * HOUR_MS).unwrap()).await;
        for node in 1..=3 {
            cluster.node(node).propose(set("key", "later")).await.unwrap();
            let (wall_ms, shown_ms) = (cluster.wall_ms(), cluster.node(node).cluster_time_ms());
            assert!(shown_ms + HOUR_MS / 4 > wall_ms, "node {node} is behind by {} ms", wall_ms - shown_ms);
        }
    });
}

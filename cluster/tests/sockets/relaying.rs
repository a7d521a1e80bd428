//! A node that does not reach the leader, and another that does.

use std::time::Duration;

use tokio::time::Instant;

use crate::cluster::TestCluster;
use crate::kv::{get, increment};

/// Far less than a write may take, and more than one on a busy machine.
const LIMIT: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_and_reads_go_through_another_node_while_the_way_to_the_leader_is_lost() {
    // Every read asks the leader.
    let cluster = TestCluster::start_with(3, |config| config.leases = false).await;
    let leader = cluster.leader().await;
    let follower = if leader == 1 { 2 } else { 1 };
    let node = cluster.node(follower);
    node.propose(increment("count")).await.unwrap();
    let mut expected = 2..;
    for is_cut in [true, false, true] {
        let link = cluster.link(follower, leader);
        if is_cut {
            link.cut()
        } else {
            link.heal()
        }
        for number in expected.by_ref().take(5) {
            let started = Instant::now();
            let proposed = node.propose(increment("count")).await.unwrap();
            assert_eq!(proposed.answer, number.to_string());
            let state = node.read().await.unwrap();
            assert_eq!(get(&state.state, "count"), Some(number.to_string()));
            assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());
        }
    }
    assert_eq!(cluster.leader().await, leader);
    cluster.stop().await;
}

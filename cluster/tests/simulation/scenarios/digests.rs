//! States that differ: which one is right, and what becomes of the others.

use keyraft_cluster::storage::Fault as StorageFault;
use keyraft_cluster::{Fault, NodeConfig, NodeId};

use crate::cluster::Cluster;
use crate::kv::{KeyValue, get, set};
use crate::observed::{PATIENCE, eventually};
use crate::scenario::Scenario;

/// Elections within which node 1 leads.
const ELECTIONS: usize = 50;

fn compared_often(config: &mut NodeConfig) {
    config.digest_interval_ms = 200;
}

async fn fault_of(cluster: &Cluster, node: NodeId) -> Fault {
    let mut faults = cluster.node(node).fault();
    let fault = tokio::time::timeout(PATIENCE, faults.wait_for(Option::is_some)).await.unwrap();
    fault.unwrap().clone().unwrap()
}

/// Returns true if a node remembers that its state was wrong.
fn has_diverged(cluster: &Cluster, node: NodeId) -> bool {
    cluster.files(node, "").iter().any(|file| file == "diverged")
}

async fn has_led(cluster: &Cluster, node: NodeId) -> bool {
    for _ in 0..ELECTIONS {
        let leader = cluster.leader().await;
        if leader == node {
            return true;
        }
        cluster.isolate(leader);
        let mut leaders = cluster.node(node).leader_changes();
        let elected = leaders.wait_for(|now| now.is_some_and(|now| now != leader));
        tokio::time::timeout(PATIENCE, elected).await.unwrap().unwrap();
        cluster.heal(leader);
    }
    false
}

#[test]
fn a_leader_with_a_wrong_state_gives_way_to_the_majority_and_is_mended() {
    Scenario::of(3).configured(compared_often).run(async |cluster| {
        cluster.allow_faults();
        cluster.node(2).propose(set("key", "value")).await.unwrap();
        cluster.stop_node(1).await;
        cluster.start_node_with(1, KeyValue { misapplied: Some("key5") }).await;
        assert!(has_led(&cluster, 1).await);
        // The leader may stop before it responds.
        let _ = cluster.node(1).propose(set("key5", "value")).await;

        let fault = fault_of(&cluster, 1).await;
        assert!(matches!(fault, Fault::Storage(StorageFault::Diverged { .. })), "{fault}");
        let right = eventually("the others serve", || async {
            let state = cluster.node(2).read().await.ok()?;
            get(&state.state, "key5")
        });
        assert_eq!(right.await, "value");
        for node in 2..=3 {
            assert_eq!(*cluster.node(node).fault().borrow(), None, "node {node} is right");
            assert!(!has_diverged(&cluster, node));
        }

        cluster.stop_node(1).await;
        assert!(has_diverged(&cluster, 1));
        cluster.start_node(1).await;
        let state = cluster.node(1).read().await.unwrap();
        assert_eq!(get(&state.state, "key5"), Some("value".into()));
        let digests = cluster.settled_digests().await;
        assert_eq!(digests, vec![digests[0]; 3]);
    });
}

#[test]
fn where_no_state_is_a_majoritys_nodes_stop_and_keep_what_they_have() {
    let seldom = |config: &mut NodeConfig| config.digest_interval_ms = 2_000;
    Scenario::of(3).unstarted().configured(seldom).run(async |cluster| {
        cluster.allow_faults();
        for (node, misapplied) in [(1, Some("key1")), (2, Some("key2")), (3, None)] {
            cluster.start_node_with(node, KeyValue { misapplied }).await;
        }
        let first = cluster.leader().await;
        let leading = cluster.node(first);
        // At once: between the two, two states would agree.
        let written =
            futures::join!(leading.propose(set("key1", "value")), leading.propose(set("key2", "value")));
        assert!(written.0.is_ok() && written.1.is_ok());
        let fault = fault_of(&cluster, first).await;
        assert!(
            matches!(&fault, Fault::NoMajority { digests, .. } if digests.contains("node 3: ")),
            "{fault}"
        );
        for node in 1..=3 {
            assert!(!has_diverged(&cluster, node), "nothing is set aside");
            assert!(node == first || cluster.node(node).fault().borrow().is_none());
        }
    });
}

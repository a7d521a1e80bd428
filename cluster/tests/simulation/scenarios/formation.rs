//! The first start of a cluster, and starts that must not succeed.

use std::time::Duration;

use crate::kv::{get, set};
use crate::observed::eventually;
use crate::scenario::Scenario;
use keyraft_cluster::{Fault, ReadError};

/// Moments at which a founder is stopped, over all that founding takes.
const MOMENTS: u64 = 12;
const BETWEEN: Duration = Duration::from_millis(25);

#[test]
fn a_cluster_forms_only_when_every_member_has_come() {
    Scenario::of(3).configured(|config| config.read_timeout_ms = 1_500).unstarted().run(async |cluster| {
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
    });
}

#[test]
fn a_founder_that_stops_half_way_ends_with_one_cluster() {
    Scenario::of(3).unstarted().with_seeds(MOMENTS).run(async |cluster| {
        for node in 1..=3 {
            cluster.start_node(node).await;
        }
        let moment = u32::try_from(cluster.seed() % MOMENTS).unwrap();
        tokio::time::sleep(moment * BETWEEN).await;
        cluster.stop_node(1).await;
        cluster.start_node(1).await;
        cluster.leader().await;
        cluster.node(1).propose(set("key", "value")).await.unwrap();
        for node in 1..=3 {
            let state = cluster.node(node).read().await.unwrap();
            assert_eq!(get(&state.state, "key"), Some("value".into()), "node {node}");
        }
    });
}

#[test]
fn a_node_alone_that_has_lost_its_log_does_not_begin_anew() {
    Scenario::of(1).run(async |cluster| {
        cluster.node(1).propose(set("key", "value")).await.unwrap();
        cluster.stop_node(1).await;
        cluster.lose_log(1);
        cluster.allow_faults();
        cluster.start_node(1).await;
        let fault = eventually("a fault", || async { cluster.node(1).fault().borrow().clone() }).await;
        assert!(matches!(fault, Fault::Lost { .. }), "{fault}");
        assert!(matches!(cluster.node(1).read().await, Err(ReadError::Faulty(_))));
        assert!(cluster.node(1).propose(set("key", "new")).await.is_err());
    });
}

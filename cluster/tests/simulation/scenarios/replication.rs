//! Writes and reads through any node; nothing acknowledged is lost.

use std::time::Duration;

use crate::kv::{get, set};
use crate::observed::eventually;
use crate::scenario::Scenario;

#[test]
fn a_stopped_leader_is_replaced_and_no_acknowledged_write_is_lost() {
    Scenario::of(3).run(async |cluster| {
        let leader = cluster.leader().await;
        let writer = cluster.node(cluster.follower().await);
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
        let next = replaced.await.unwrap();
        let acknowledged = writing.await.unwrap();
        assert_eq!(acknowledged.len(), 400);
        let state = cluster.node(next).read().await.unwrap();
        for n in acknowledged {
            assert_eq!(get(&state.state, &format!("key{n}")), Some("v".into()), "write {n}");
        }
    });
}

#[test]
fn node_numbers_may_start_at_0() {
    Scenario::numbered(0..=2).run(async |cluster| {
        cluster.node(0).propose(set("key", "value")).await.unwrap();
        cluster.restart_all().await;
        cluster.leader().await;
        for node in 0..=2 {
            let state = cluster.node(node).read().await.unwrap();
            assert_eq!(get(&state.state, "key"), Some("value".into()));
        }
    });
}

#[test]
fn one_node_alone_is_a_cluster() {
    Scenario::of(1).run(async |cluster| {
        cluster.node(1).propose(set("key", "value")).await.unwrap();
        cluster.restart_all().await;
        let state = cluster.node(1).read().await.unwrap();
        assert_eq!(get(&state.state, "key"), Some("value".into()));
    });
}

#[test]
fn a_restart_of_all_nodes_keeps_everything_and_elects_anew() {
    Scenario::of(3).run(async |cluster| {
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
    });
}

#[test]
fn a_lone_node_never_resumes_as_leader_in_its_old_vote() {
    Scenario::of(3).run(async |cluster| {
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
    });
}

//! Writes that somebody holds up: a holder of a lease that is slow, a leader that cannot apply, a change that never ends.

use std::time::Duration;

use keyraft_cluster::{Fault, NodeConfig, NodeId};
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::kv::{get, set};
use crate::observed::eventually;
use crate::scenario::Scenario;

const ROUNDS: &str = "keyraft_read_index_rounds_total";
const BY_LEASE: &str = "keyraft_reads_total/lease";
const FOLLOWER_LEASE: Duration = Duration::from_millis(1_800);
/// Delay of a slow node. More than two heartbeats hold up a write.
const LATE: Duration = Duration::from_millis(600);

/// Returns true if a node reads by itself.
async fn holds_lease(cluster: &Cluster, node: NodeId) -> bool {
    let (rounds, by_lease) = (cluster.count(ROUNDS), cluster.count(BY_LEASE));
    let is_read = cluster.node(node).read().await.is_ok();
    is_read && cluster.count(ROUNDS) == rounds && cluster.count(BY_LEASE) > by_lease
}

async fn until_lease(cluster: &Cluster, node: NodeId) {
    eventually("a lease", || async { holds_lease(cluster, node).await.then_some(()) }).await;
}

/// Returns the time that a write at the leader takes which another node applies late.
async fn late_write(cluster: &Cluster, leader: NodeId, slow: NodeId) -> Duration {
    cluster.hang_rows(slow, true);
    let started = Instant::now();
    let writing = tokio::spawn({
        let node = cluster.node(leader);
        async move {
            node.propose(set("key", "value")).await.unwrap();
            started.elapsed()
        }
    });
    tokio::time::sleep(LATE).await;
    cluster.hang_rows(slow, false);
    writing.await.unwrap()
}

#[test]
fn a_holder_that_keeps_delaying_writes_loses_its_lease_for_longer_and_longer() {
    Scenario::of(3).run(async |cluster| {
        cluster.node(1).propose(set("key", "old")).await.unwrap();
        let (leader, slow) = (cluster.leader().await, cluster.follower().await);
        let suspensions = || cluster.count(&format!("keyraft_lease_suspensions_total/{slow}"));
        for hold_up in 0..3_u64 {
            until_lease(&cluster, slow).await;
            assert_eq!(suspensions(), hold_up.saturating_sub(1), "the first hold-up is forgiven");
            let took = late_write(&cluster, leader, slow).await;
            assert!(took > LATE / 2, "hold-up {hold_up}: nobody waited for the holder: {took:?}");
            if hold_up == 0 {
                continue;
            }
            // It is as slow as before, but once its last grant is over nobody waits for it. It reads through the leader.
            let suspended = Instant::now();
            let expected = FOLLOWER_LEASE * (1_u32 << hold_up);
            tokio::time::sleep(FOLLOWER_LEASE).await;
            while suspended.elapsed() + LATE * 2 < expected {
                let took = late_write(&cluster, leader, slow).await;
                assert!(took < LATE / 2, "hold-up {hold_up}: a write was delayed again: {took:?}");
                assert!(!holds_lease(&cluster, slow).await, "hold-up {hold_up}");
            }
            let state = cluster.node(slow).read().await.unwrap();
            assert_eq!(get(&state.state, "key"), Some("value".into()));
        }
        assert_eq!(suspensions(), 2);
        assert!(holds_lease(&cluster, cluster.leader().await).await);
    });
}

#[test]
fn a_leader_that_cannot_apply_gives_up_and_another_leads() {
    Scenario::of(3).run(async |cluster| {
        cluster.node(1).propose(set("key", "old")).await.unwrap();
        let (leader, follower) = (cluster.leader().await, cluster.follower().await);
        cluster.allow_faults();
        let mut fault = cluster.node(leader).fault();
        cluster.hang_rows(leader, true);
        let started = Instant::now();
        let writing = tokio::spawn({
            let node = cluster.node(follower);
            async move { node.propose(set("key", "new")).await }
        });
        let raised = fault.wait_for(Option::is_some).await.unwrap().clone().unwrap();
        let gave_up = started.elapsed();
        match raised {
            Fault::Stalled { committed, applied, for_ms, .. } => {
                assert!(committed > applied && for_ms >= 10_000, "{committed}, {applied}, {for_ms} ms");
            }
            other => panic!("{other}"),
        }
        let range = Duration::from_secs(9)..Duration::from_secs(13);
        assert!(range.contains(&gave_up), "it stopped after {gave_up:?}");
        let next = cluster.leader().await;
        assert_ne!(next, leader);
        cluster.node(follower).propose(set("key", "newer")).await.unwrap();
        let resumed = started.elapsed() - gave_up;
        assert!(resumed < Duration::from_secs(5), "writes were away for {resumed:?} more");
        let _ = writing.await.unwrap();

        // Its owner starts it again, on a disk that does not hang.
        cluster.crash_node(leader);
        cluster.hang_rows(leader, false);
        cluster.start_node(leader).await;
        let digests = cluster.settled_digests().await;
        assert_eq!(digests, vec![digests[0]; 3]);
    });
}

#[test]
fn a_follower_that_cannot_apply_is_waited_for_no_longer_than_its_lease_and_goes_on() {
    Scenario::of(3).run(async |cluster| {
        cluster.node(1).propose(set("key", "old")).await.unwrap();
        let (leader, slow) = (cluster.leader().await, cluster.follower().await);
        until_lease(&cluster, slow).await;
        cluster.hang_rows(slow, true);
        let until = Instant::now() + Duration::from_secs(30);
        while Instant::now() < until {
            let started = Instant::now();
            cluster.node(leader).propose(set("key", "new")).await.unwrap();
            assert!(started.elapsed() < Duration::from_millis(2_000), "{:?}", started.elapsed());
            tokio::time::sleep(LATE).await;
        }
        assert_eq!(*cluster.node(slow).fault().borrow(), None);
        cluster.hang_rows(slow, false);
        let digests = cluster.settled_digests().await;
        assert_eq!(digests, vec![digests[0]; 3]);
    });
}

/// Learners hold leases too.
fn lent_to_learners(config: &mut NodeConfig) {
    config.learner_leases = true;
}

#[test]
fn a_node_whose_readmission_was_given_up_is_granted_leases_once_it_is_back() {
    Scenario::of(3).configured(lent_to_learners).run(async |cluster| {
        cluster.node(1).propose(set("key", "value")).await.unwrap();
        let (leader, lost) = (cluster.leader().await, cluster.follower().await);
        let other = (1..=3).find(|node| ![leader, lost].contains(node)).unwrap();
        cluster.stop_node(lost).await;
        cluster.lose_disk(lost);
        // The leader cannot have the node leave: without the other one nothing is committed.
        cluster.stop_node(other).await;
        cluster.start_node(lost).await;
        // By then the leader does not wait for that any more.
        tokio::time::sleep(Duration::from_secs(12)).await;
        cluster.start_node(other).await;
        eventually("the node is a learner", || async {
            (cluster.role(leader, lost).await == "learner").then_some(())
        })
        .await;
        assert!(cluster.node(leader).is_leader(), "another leader bars nobody");
        until_lease(&cluster, lost).await;
    });
}

//! Nodes that lose some or all of their files, or lag behind the log.
#![allow(clippy::unwrap_used, reason = "a failure of a step is a failed test")]

mod support;

use std::path::Path;
use std::time::Duration;

use keyraft_cluster::storage::Fault as StorageFault;
use keyraft_cluster::{Fault, NodeConfig, NodeId, ReadError};
use keyraft_proto::cluster as proto;
use keyraft_proto::cluster::consensus_client::ConsensusClient;
use support::kv::{KeyValue, get, increment, set, unset};
use support::{PATIENCE, TestCluster, eventually, remove};
use tonic::Code;

/// Snapshots after a few writes, and hardly any log below them.
fn short_log(config: &mut NodeConfig) {
    config.snapshot_min_log_bytes = 16 * 1024;
    config.log_entries_kept = 5;
}

async fn write_much(cluster: &TestCluster, node: NodeId, writes: u64) {
    for n in 0..writes {
        let value = format!("{n}-{}", "x".repeat(1_000));
        cluster.node(node).propose(set(&format!("key{}", n % 40), &value)).await.unwrap();
    }
}

fn has_snapshot(folder: &Path) -> bool {
    let Ok(files) = std::fs::read_dir(folder.join("snapshots")) else { return false };
    files.flatten().any(|file| file.file_name().to_string_lossy().ends_with(".snapshot"))
}

async fn role(cluster: &TestCluster, asked: NodeId, node: NodeId) -> String {
    let status = cluster.node(asked).status().await;
    status.nodes.into_iter().find(|status| status.number == node).unwrap().role
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_its_folder_votes_for_nobody_and_comes_back_as_a_learner() {
    let mut cluster = TestCluster::start(3).await;
    cluster.node(1).propose(set("key", "value")).await.unwrap();
    let leader = cluster.leader().await;
    let (lost, other) = match leader {
        1 => (2, 3),
        2 => (1, 3),
        _ => (1, 2),
    };
    cluster.stop_node(lost).await;
    cluster.node(leader).propose(set("key", "value 2")).await.unwrap();
    cluster.stop_node(leader).await;
    remove(&cluster.folder(lost));
    cluster.start_node(lost).await;

    // One node remembers, one has forgotten: with its vote there would be a leader.
    let mut leaders = cluster.node(other).leader_changes();
    let elected = leaders.wait_for(|now| now.is_some_and(|now| now != leader));
    let elected = tokio::time::timeout(Duration::from_millis(2_500), elected).await;
    assert!(elected.is_err(), "a leader was elected by a node that has forgotten");
    let mut client =
        ConsensusClient::connect(format!("http://{}", cluster.config(lost).listen)).await.unwrap();
    let vote = client.request_vote(proto::VoteRequest::default()).await.unwrap_err();
    assert_eq!(vote.code(), Code::FailedPrecondition);
    let pre_vote = client.pre_vote(proto::PreVoteRequest::default()).await.unwrap_err();
    assert_eq!(pre_vote.code(), Code::FailedPrecondition);

    cluster.start_node(leader).await;
    eventually("the node is a learner", || async {
        (role(&cluster, other, lost).await == "learner").then_some(())
    })
    .await;
    cluster.node(lost).propose(set("key", "value 3")).await.unwrap();
    let state = cluster.node(lost).read().await.unwrap();
    assert_eq!(get(&state.state, "key"), Some("value 3".into()));
    let digests = cluster.settled_digests().await;
    assert_eq!(digests, vec![digests[0]; 3]);

    // It is a learner for good, and a restart changes nothing about that.
    cluster.stop_node(lost).await;
    cluster.start_node(lost).await;
    let state = cluster.node(lost).read().await.unwrap();
    assert_eq!(get(&state.state, "key"), Some("value 3".into()));
    assert_eq!(role(&cluster, other, lost).await, "learner");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_has_lost_its_log_sets_the_rest_aside_and_becomes_a_learner() {
    let mut cluster = TestCluster::start(3).await;
    for n in 0..20 {
        cluster.node(1).propose(set(&format!("key{n}"), "value")).await.unwrap();
    }
    let lost = cluster.follower().await;
    cluster.stop_node(lost).await;
    for file in std::fs::read_dir(cluster.folder(lost).join("wal")).unwrap().flatten() {
        if file.file_name() != "identity" {
            remove(&file.path());
        }
    }
    cluster.start_node(lost).await;
    let asked = cluster.leader().await;
    eventually("the node is a learner", || async {
        (role(&cluster, asked, lost).await == "learner").then_some(())
    })
    .await;
    let state = cluster.node(lost).read().await.unwrap();
    assert_eq!(get(&state.state, "key19"), Some("value".into()));
    assert!(cluster.folder(lost).join("forgotten-1").is_dir());
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_are_missing_or_garbage_are_rebuilt() {
    let mut cluster = TestCluster::start(3).await;
    for n in 0..40 {
        cluster.node(1).propose(set(&format!("key{n}"), &n.to_string())).await.unwrap();
    }
    let before = cluster.settled_digests().await;
    assert_eq!(before, vec![before[0]; 3]);
    for node in 1..=3 {
        cluster.stop_node(node).await;
    }
    let state = |node| cluster.folder(node).join("state");
    remove(&state(1));
    for file in std::fs::read_dir(state(2)).unwrap().flatten().filter(|file| file.path().is_file()) {
        std::fs::write(file.path(), vec![0xa5; 4096]).unwrap();
    }
    for node in 1..=3 {
        cluster.start_node(node).await;
    }
    cluster.leader().await;
    assert_eq!(cluster.settled_digests().await, before);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lags_behind_the_log_gets_a_snapshot() {
    let mut cluster = TestCluster::start_with(3, |config| {
        short_log(config);
        if config.node_id == 3 {
            // What lies in its folder then came from the leader.
            config.snapshot_min_log_bytes = u64::MAX;
        }
    })
    .await;
    cluster.stop_node(3).await;
    write_much(&cluster, 1, 60).await;
    for node in 1..=2 {
        let folder = cluster.folder(node);
        eventually("a snapshot", || async { has_snapshot(&folder).then_some(()) }).await;
    }
    write_much(&cluster, 1, 30).await;
    assert!(!has_snapshot(&cluster.folder(3)));
    // A follower drops its log at once, a leader not while it tries to send it.
    let leader = cluster.leader().await;
    cluster.stop_node(leader).await;
    cluster.start_node(3).await;
    let state = cluster.node(3).read().await.unwrap();
    assert!(get(&state.state, "key29").unwrap().starts_with("29-"));
    assert!(has_snapshot(&cluster.folder(3)));
    cluster.start_node(leader).await;
    let digests = cluster.settled_digests().await;
    assert_eq!(digests, vec![digests[0]; 3]);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_state_is_lost_below_a_short_log_fetches_a_snapshot() {
    let mut cluster = TestCluster::start_with(3, short_log).await;
    write_much(&cluster, 1, 60).await;
    let lost = cluster.follower().await;
    let folder = cluster.folder(lost);
    eventually("a snapshot", || async { has_snapshot(&folder).then_some(()) }).await;
    write_much(&cluster, 1, 10).await;
    let before = cluster.settled_digests().await;
    cluster.stop_node(lost).await;
    remove(&folder.join("state"));
    remove(&folder.join("snapshots"));
    cluster.start_node(lost).await;
    let state = cluster.node(lost).read().await.unwrap();
    assert_eq!(state.digest, before[0]);
    let asked = cluster.leader().await;
    assert_eq!(role(&cluster, asked, lost).await, "follower", "its promises were kept: it votes");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digests_agree_after_a_random_workload_a_snapshot_and_a_restart() {
    let mut cluster = TestCluster::start_with(3, |config| {
        short_log(config);
        config.digest_interval_ms = 100;
    })
    .await;
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..300_u64 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let key = format!("key{}", seed % 50);
        let command = match seed >> 32 & 3 {
            0 => unset(&key),
            1 => increment(&format!("count{}", seed % 7)),
            _ => set(&key, &"y".repeat((seed >> 40) as usize % 700)),
        };
        let node = round % 3 + 1;
        if (100..200).contains(&round) && node == 3 {
            cluster.stop_node(3).await;
            continue;
        }
        if round == 200 {
            cluster.start_node(3).await;
        }
        cluster.node(node).propose(command).await.unwrap();
    }
    cluster.restart_all().await;
    cluster.leader().await;
    let digests = eventually("equal states", || async {
        let states: Vec<_> = cluster.running().map(|(_, node)| node.publication().load()).collect();
        let same = states.iter().all(|state| state.applied_index == states[0].applied_index);
        same.then(|| states.iter().map(|state| state.digest).collect::<Vec<_>>())
    })
    .await;
    assert_eq!(digests, vec![digests[0]; 3]);
    for (number, node) in cluster.running() {
        assert_eq!(*node.fault().borrow(), None, "node {number}");
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_diverges_stops_serving_and_starts_again_from_a_peers_snapshot() {
    let mut cluster = TestCluster::start_with(3, |config| config.digest_interval_ms = 100).await;
    let diverging = || KeyValue { misapplied: Some("key5") };
    let leader = cluster.leader().await;
    let wrong = cluster.follower().await;
    cluster.stop_node(wrong).await;
    cluster.start_node_with(wrong, diverging()).await;
    for n in 0..10 {
        cluster.node(leader).propose(set(&format!("key{n}"), "value")).await.unwrap();
    }

    let mut fault = cluster.node(wrong).fault();
    let fault = tokio::time::timeout(PATIENCE, fault.wait_for(Option::is_some)).await.unwrap();
    let fault = fault.unwrap().clone().unwrap();
    assert!(matches!(fault, Fault::Storage(StorageFault::Diverged { .. })), "{fault}");
    assert_eq!(cluster.node(wrong).read().await.err(), Some(ReadError::Faulty(fault)));
    cluster.stop_node(wrong).await;
    assert!(cluster.folder(wrong).join("diverged").exists());
    assert!(!has_snapshot(&cluster.folder(wrong)));

    // Its log is whole, and would lead this application to the same state again.
    cluster.start_node_with(wrong, diverging()).await;
    let state = cluster.node(wrong).read().await.unwrap();
    assert_eq!(get(&state.state, "key5"), Some("value".into()));
    assert!(has_snapshot(&cluster.folder(wrong)));
    assert!(!cluster.folder(wrong).join("diverged").exists());
    cluster.node(leader).propose(set("key", "value")).await.unwrap();
    let digests = eventually("equal states", || async {
        let states: Vec<_> = cluster.running().map(|(_, node)| node.publication().load()).collect();
        let same = states.iter().all(|state| state.applied_index == states[0].applied_index);
        same.then(|| states.iter().map(|state| state.digest).collect::<Vec<_>>())
    })
    .await;
    assert_eq!(digests, vec![digests[0]; 3]);
    assert_eq!(role(&cluster, leader, wrong).await, "follower", "its log was sound: it votes");

    // With the right application it stays, and agrees.
    cluster.stop_node(wrong).await;
    cluster.start_node(wrong).await;
    let written = cluster.node(leader).propose(set("key5", "value 2")).await.unwrap().log_index;
    // What comes behind the write is the comparison.
    let publication = cluster.node(wrong).publication();
    tokio::time::timeout(PATIENCE, publication.wait_applied(written + 1)).await.unwrap();
    for (number, node) in cluster.running() {
        assert_eq!(*node.fault().borrow(), None, "node {number}");
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_divergence_that_the_replay_of_the_log_finds_is_told_as_one() {
    let mut cluster = TestCluster::start_with(3, |config| config.digest_interval_ms = 100).await;
    let leader = cluster.leader().await;
    let wrong = cluster.follower().await;
    let written = cluster.node(leader).propose(set("key5", "value")).await.unwrap().log_index;
    let publication = cluster.node(wrong).publication();
    tokio::time::timeout(PATIENCE, publication.wait_applied(written + 1)).await.unwrap();
    cluster.stop_node(wrong).await;
    remove(&cluster.folder(wrong).join("state"));

    cluster.start_node_with(wrong, KeyValue { misapplied: Some("key5") }).await;
    let mut fault = cluster.node(wrong).fault();
    let fault = tokio::time::timeout(PATIENCE, fault.wait_for(Option::is_some)).await.unwrap();
    let fault = fault.unwrap().clone().unwrap();
    assert!(matches!(fault, Fault::Storage(StorageFault::Diverged { .. })), "{fault}");

    cluster.stop_node(wrong).await;
    cluster.start_node(wrong).await;
    let state = cluster.node(wrong).read().await.unwrap();
    assert_eq!(get(&state.state, "key5"), Some("value".into()));
    assert!(has_snapshot(&cluster.folder(wrong)));
    cluster.stop().await;
}

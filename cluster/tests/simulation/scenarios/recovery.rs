//! Nodes that lose some or all of their files, or lag behind the log.

use std::time::Duration;

use futures::StreamExt;
use keyraft_cluster::storage::Fault as StorageFault;
use keyraft_cluster::{Fault, NodeConfig, NodeId, ReadError};
use keyraft_proto::cluster as proto;
use keyraft_proto::cluster::consensus_client::ConsensusClient;
use tonic::Code;

use crate::cluster::Cluster;
use crate::kv::{KeyValue, get, set};
use crate::observed::{PATIENCE, digests_of_one_moment, eventually};
use crate::scenario::Scenario;

/// Snapshots after a few writes, and hardly any log below them.
fn short_log(config: &mut NodeConfig) {
    config.snapshot_min_log_bytes = 16 * 1024;
    config.log_entries_kept = 5;
}

async fn write_much(cluster: &Cluster, node: NodeId, writes: u64) {
    for n in 0..writes {
        let value = format!("{n}-{}", "x".repeat(1_000));
        cluster.node(node).propose(set(&format!("key{}", n % 40), &value)).await.unwrap();
    }
}

fn has_snapshot(cluster: &Cluster, node: NodeId) -> bool {
    cluster.files(node, "snapshots").iter().any(|file| file.ends_with(".snapshot"))
}

/// Returns true if a node remembers that its state was wrong.
fn has_diverged(cluster: &Cluster, node: NodeId) -> bool {
    cluster.files(node, "").iter().any(|file| file == "diverged")
}

#[test]
fn a_node_without_its_folder_votes_for_nobody_and_comes_back_as_a_learner() {
    Scenario::of(3).run(async |cluster| {
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
        cluster.lose_disk(lost);
        cluster.start_node(lost).await;

        // One node remembers, one has forgotten: with its vote there would be a leader.
        let mut leaders = cluster.node(other).leader_changes();
        let elected = leaders.wait_for(|now| now.is_some_and(|now| now != leader));
        let elected = tokio::time::timeout(Duration::from_millis(2_500), elected).await;
        assert!(elected.is_err(), "a leader was elected by a node that has forgotten");
        let (channel, envelope) = cluster.channel(lost);
        let mut client = ConsensusClient::new(channel);
        let vote = client.request_vote(envelope.wrap(proto::VoteRequest::default())).await.unwrap_err();
        assert_eq!(vote.code(), Code::FailedPrecondition);
        let pre_vote = client.pre_vote(envelope.wrap(proto::PreVoteRequest::default())).await.unwrap_err();
        assert_eq!(pre_vote.code(), Code::FailedPrecondition);

        cluster.start_node(leader).await;
        eventually("the node is a learner", || async {
            (cluster.role(other, lost).await == "learner").then_some(())
        })
        .await;
        cluster.node(lost).propose(set("key", "value 3")).await.unwrap();
        let state = cluster.node(lost).read().await.unwrap();
        assert_eq!(get(&state.state, "key"), Some("value 3".into()));
        let digests = cluster.settled_digests().await;
        assert_eq!(digests, vec![digests[0]; 3]);

        // A restart alone makes it no voter.
        cluster.stop_node(lost).await;
        cluster.start_node(lost).await;
        let state = cluster.node(lost).read().await.unwrap();
        assert_eq!(get(&state.state, "key"), Some("value 3".into()));
        assert_eq!(cluster.role(other, lost).await, "learner");
    });
}

#[test]
fn a_node_that_has_lost_its_log_sets_the_rest_aside_and_becomes_a_learner() {
    Scenario::of(3).run(async |cluster| {
        for n in 0..20 {
            cluster.node(1).propose(set(&format!("key{n}"), "value")).await.unwrap();
        }
        let lost = cluster.follower().await;
        cluster.stop_node(lost).await;
        cluster.lose_log(lost);
        cluster.start_node(lost).await;
        let asked = cluster.leader().await;
        eventually("the node is a learner", || async {
            (cluster.role(asked, lost).await == "learner").then_some(())
        })
        .await;
        let state = cluster.node(lost).read().await.unwrap();
        assert_eq!(get(&state.state, "key19"), Some("value".into()));
        assert!(!cluster.files(lost, "forgotten-1").is_empty());
    });
}

#[test]
fn a_node_that_lags_behind_the_log_gets_a_snapshot() {
    Scenario::of(3)
        .configured(|config| {
            short_log(config);
            if config.node_id == 3 {
                // What lies in its folder then came from the leader.
                config.snapshot_min_log_bytes = u64::MAX;
            }
        })
        .run(async |cluster| {
            cluster.stop_node(3).await;
            write_much(&cluster, 1, 60).await;
            for node in 1..=2 {
                eventually("a snapshot", || async { has_snapshot(&cluster, node).then_some(()) }).await;
            }
            write_much(&cluster, 1, 30).await;
            assert!(!has_snapshot(&cluster, 3));
            // A follower drops its log at once, a leader not while it tries to send it.
            let leader = cluster.leader().await;
            cluster.stop_node(leader).await;
            cluster.start_node(3).await;
            let state = cluster.node(3).read().await.unwrap();
            assert!(get(&state.state, "key29").unwrap().starts_with("29-"));
            assert!(has_snapshot(&cluster, 3));
            cluster.start_node(leader).await;
            let digests = cluster.settled_digests().await;
            assert_eq!(digests, vec![digests[0]; 3]);
        });
}

#[test]
fn a_node_whose_state_is_lost_below_a_short_log_fetches_a_snapshot() {
    Scenario::of(3).configured(short_log).run(async |cluster| {
        write_much(&cluster, 1, 60).await;
        let lost = cluster.follower().await;
        eventually("a snapshot", || async { has_snapshot(&cluster, lost).then_some(()) }).await;
        write_much(&cluster, 1, 10).await;
        let before = cluster.settled_digests().await;
        cluster.stop_node(lost).await;
        cluster.lose_rows(lost);
        cluster.lose_snapshots(lost);
        cluster.start_node(lost).await;
        let state = cluster.node(lost).read().await.unwrap();
        assert_eq!(state.digest, before[0]);
        let asked = cluster.leader().await;
        assert_eq!(cluster.role(asked, lost).await, "follower", "its promises were kept: it votes");
    });
}

#[test]
fn a_node_that_diverges_stops_serving_and_starts_again_from_a_peers_snapshot() {
    Scenario::of(3).configured(|config| config.digest_interval_ms = 100).run(async |cluster| {
        cluster.allow_faults();
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
        assert!(has_diverged(&cluster, wrong));
        assert!(!has_snapshot(&cluster, wrong));

        // Its log is whole, and would lead this application to the same state again.
        cluster.start_node_with(wrong, diverging()).await;
        let state = cluster.node(wrong).read().await.unwrap();
        assert_eq!(get(&state.state, "key5"), Some("value".into()));
        assert!(has_snapshot(&cluster, wrong));
        assert!(!has_diverged(&cluster, wrong));
        cluster.node(leader).propose(set("key", "value")).await.unwrap();
        let digests =
            eventually("equal states", || async { digests_of_one_moment(&cluster.running()) }).await;
        assert_eq!(digests, vec![digests[0]; 3]);
        assert_eq!(cluster.role(leader, wrong).await, "follower", "its log was sound: it votes");

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
    });
}

#[test]
fn a_divergence_that_the_replay_of_the_log_finds_is_told_as_one() {
    Scenario::of(3).configured(|config| config.digest_interval_ms = 100).run(async |cluster| {
        cluster.allow_faults();
        let leader = cluster.leader().await;
        let wrong = cluster.follower().await;
        let written = cluster.node(leader).propose(set("key5", "value")).await.unwrap().log_index;
        let publication = cluster.node(wrong).publication();
        tokio::time::timeout(PATIENCE, publication.wait_applied(written + 1)).await.unwrap();
        cluster.stop_node(wrong).await;
        cluster.lose_rows(wrong);

        cluster.start_node_with(wrong, KeyValue { misapplied: Some("key5") }).await;
        let mut fault = cluster.node(wrong).fault();
        let fault = tokio::time::timeout(PATIENCE, fault.wait_for(Option::is_some)).await.unwrap();
        let fault = fault.unwrap().clone().unwrap();
        assert!(matches!(fault, Fault::Storage(StorageFault::Diverged { .. })), "{fault}");

        cluster.stop_node(wrong).await;
        cluster.start_node(wrong).await;
        let state = cluster.node(wrong).read().await.unwrap();
        assert_eq!(get(&state.state, "key5"), Some("value".into()));
        assert!(has_snapshot(&cluster, wrong));
    });
}

#[test]
fn the_log_below_a_snapshot_is_bounded_in_bytes() {
    let config = |config: &mut NodeConfig| {
        config.snapshot_min_log_bytes = 64 * 1024;
        config.log_entries_kept = 5_000;
        config.log_bytes_kept = 16 * 1024;
    };
    Scenario::of(3).configured(config).run(async |cluster| {
        write_much(&cluster, 1, 400).await;
        for node in 1..=3 {
            eventually("the log is short", || async {
                let log = cluster.files(node, "wal");
                log.iter().all(|file| file != "0000000000000001.wal").then_some(())
            })
            .await;
        }
    });
}

/// The first chunk of a snapshot that only a newer version could read.
fn newer_snapshot() -> proto::SnapshotChunk {
    proto::SnapshotChunk {
        vote: Some(proto::Vote { term: 900, node_id: 9, committed: true }),
        meta: Some(proto::SnapshotMeta { format: 900, ..proto::SnapshotMeta::default() }),
        data: bytes::Bytes::new(),
    }
}

#[test]
fn a_snapshot_of_another_version_stops_the_node_at_its_first_chunk() {
    Scenario::of(3).run(async |cluster| {
        cluster.allow_faults();
        cluster.node(1).propose(set("key", "value")).await.unwrap();
        let follower = cluster.follower().await;
        let (channel, mut envelope) = cluster.channel(follower);
        let mut client = ConsensusClient::new(channel);
        let asked = envelope.wrap(proto::IdentifyRequest { node_id: follower });
        envelope.cluster_id = client.identify(asked).await.unwrap().into_inner().cluster_id;
        // More would follow without end.
        let chunks = futures::stream::once(async { newer_snapshot() }).chain(futures::stream::pending());
        let refused = client.install_snapshot(envelope.wrap(chunks)).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
        assert!(refused.message().contains("snapshot version 900"), "{refused}");
        let node = cluster.node(follower);
        let mut faults = node.fault();
        let fault = faults.wait_for(Option::is_some).await.unwrap().clone();
        assert!(matches!(fault, Some(Fault::Storage(StorageFault::Unsupported { .. }))), "{fault:?}");
        assert!(cluster.files(follower, "snapshots").is_empty());
        cluster.stop_node(follower).await;
    });
}

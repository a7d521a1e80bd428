//! Who is a voter: nodes that come back without their disk, and processes that claim to be a member.

use keyraft_cluster::storage::Fault as StorageFault;
use keyraft_cluster::{Fault, NodeConfig, NodeId};
use keyraft_proto::cluster as proto;
use keyraft_proto::cluster::consensus_client::ConsensusClient;
use tonic::Code;

use crate::cluster::Cluster;
use crate::kv::{get, set};
use crate::observed::{PATIENCE, eventually};
use crate::scenario::Scenario;

/// Learners become voters soon.
fn early_promotion(config: &mut NodeConfig) {
    config.promotion_delay_ms = 1_000;
}

async fn becomes(cluster: &Cluster, asked: NodeId, node: NodeId, role: &str) {
    eventually(&format!("node {node} is a {role}"), || async {
        (cluster.role(asked, node).await == role).then_some(())
    })
    .await;
}

async fn replace_disk(cluster: &Cluster, node: NodeId) {
    cluster.stop_node(node).await;
    cluster.lose_disk(node);
    cluster.start_node(node).await;
}

#[test]
fn two_disks_replaced_in_turn_leave_three_voters() {
    Scenario::of(3).configured(early_promotion).run(async |cluster| {
        cluster.node(1).propose(set("key", "value")).await.unwrap();
        let leader = cluster.leader().await;
        for node in (1..=3).filter(|node| *node != leader) {
            replace_disk(&cluster, node).await;
            becomes(&cluster, leader, node, "learner").await;
            becomes(&cluster, leader, node, "follower").await;
        }
        // Those that have come back are a quorum of three.
        cluster.stop_node(leader).await;
        let next = cluster.leader().await;
        cluster.node(next).propose(set("key", "value 2")).await.unwrap();
        cluster.start_node(leader).await;
        becomes(&cluster, next, leader, "follower").await;
        let digests = cluster.settled_digests().await;
        assert_eq!(digests, vec![digests[0]; 3]);
    });
}

#[test]
fn the_second_of_two_lost_disks_waits_until_the_first_is_a_voter_again() {
    Scenario::of(5).configured(early_promotion).run(async |cluster| {
        cluster.node(1).propose(set("key", "value")).await.unwrap();
        let leader = cluster.leader().await;
        let lost: Vec<NodeId> = (1..=5).filter(|node| *node != leader).take(2).collect();
        for node in &lost {
            cluster.stop_node(*node).await;
            cluster.lose_disk(*node);
        }
        for node in &lost {
            cluster.start_node(*node).await;
        }
        for node in &lost {
            becomes(&cluster, leader, *node, "follower").await;
        }
        cluster.node(lost[1]).propose(set("key", "value 2")).await.unwrap();
        let state = cluster.node(lost[0]).read().await.unwrap();
        assert_eq!(get(&state.state, "key"), Some("value 2".into()));
    });
}

#[test]
fn a_process_that_claims_to_be_a_member_that_lives_takes_no_vote() {
    Scenario::of(3).run(async |cluster| {
        cluster.node(1).propose(set("key", "value")).await.unwrap();
        let leader = cluster.leader().await;
        let member = cluster.follower().await;
        let (channel, envelope) = cluster.channel_as(member, leader);
        let mut client = ConsensusClient::new(channel);
        let claim =
            |node_id| envelope.wrap(proto::RejoinRequest { node_id, address: "stray:1".into(), process: 7 });
        let refused = client.rejoin(claim(member)).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert!(refused.message().contains(&format!("node {member}")), "{refused}");
        assert_eq!(cluster.role(leader, member).await, "follower");

        // Also when the leader has not heard the member for a while, as long as that responds.
        cluster.lose(member, leader);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        cluster.stop_losing(member, leader);
        assert_eq!(client.rejoin(claim(member)).await.unwrap_err().code(), Code::FailedPrecondition);
        assert_eq!(cluster.role(leader, member).await, "follower");

        // Nobody joins for another.
        let other = 6 - leader - member;
        assert_eq!(client.rejoin(claim(other)).await.unwrap_err().code(), Code::PermissionDenied);
        assert_eq!(cluster.role(leader, other).await, "follower");
    });
}

#[test]
fn the_last_two_voters_stay_until_an_operator_decides() {
    Scenario::of(3).configured(|config| config.promotion_delay_ms = 3_600_000).run(async |cluster| {
        cluster.node(1).propose(set("key", "value")).await.unwrap();
        let leader = cluster.leader().await;
        let (first, second) = match leader {
            1 => (2, 3),
            2 => (1, 3),
            _ => (1, 2),
        };
        replace_disk(&cluster, first).await;
        becomes(&cluster, leader, first, "learner").await;
        cluster.stop_node(second).await;
        // The leader hears the learner, and no quorum: it must not become the only voter.
        cluster.lose_disk(second);
        cluster.start_node(second).await;
        let claim = proto::RejoinRequest { node_id: second, address: String::new(), process: 0 };
        let (channel, envelope) = cluster.channel_as(second, leader);
        let client = ConsensusClient::new(channel);
        // Before that, the member is not taken back because it may hold a lease.
        let refused = eventually("the leader has not heard the member for a lease", || async {
            let status = client.clone().rejoin(envelope.wrap(claim.clone())).await.err()?;
            (!status.message().contains("within the last")).then_some(status)
        });
        assert!(refused.await.message().contains("an operator has to decide"));
        assert_ne!(cluster.role(leader, second).await, "learner");
    });
}

#[test]
fn a_founder_whose_log_has_begun_founds_nothing_anew() {
    Scenario::of(3).run(async |cluster| {
        cluster.node(1).propose(set("key", "value")).await.unwrap();
        let (channel, envelope) = cluster.channel(2);
        let mut client = ConsensusClient::new(channel);
        let own =
            client.identify(envelope.wrap(proto::IdentifyRequest { node_id: 1 })).await.unwrap().into_inner();
        let members = (1..=3).map(|node_id| proto::Member { node_id, address: String::new() }).collect();
        let request = proto::FormRequest { cluster_id: own.cluster_id, members };
        let response = client.form(envelope.wrap(request)).await.unwrap().into_inner();
        assert!(!response.accepted && response.reason.contains("has begun"), "{response:?}");
    });
}

#[test]
fn a_node_with_a_new_disk_and_a_clock_that_is_behind_writes() {
    Scenario::of(3).configured(early_promotion).run(async |cluster| {
        let lost = cluster.follower().await;
        cluster.node(lost).propose(set("key", "value")).await.unwrap();
        cluster.stop_node(lost).await;
        cluster.lose_disk(lost);
        cluster.set_wall_offset_ms(lost, -3_600_000);
        cluster.start_node(lost).await;
        let asked = cluster.leader().await;
        becomes(&cluster, asked, lost, "learner").await;
        cluster.node(lost).propose(set("key", "value 2")).await.unwrap();
        let state = cluster.node(asked).read().await.unwrap();
        assert_eq!(get(&state.state, "key"), Some("value 2".into()));
    });
}

#[test]
fn a_follower_that_has_lost_acknowledged_entries_sets_them_aside_and_comes_back() {
    Scenario::of(3).configured(early_promotion).run(async |cluster| {
        cluster.allow_faults();
        let leader = cluster.leader().await;
        let lost = cluster.follower().await;
        for n in 0..30 {
            cluster.node(leader).propose(set(&format!("key{n}"), "value")).await.unwrap();
        }
        cluster.settled_digests().await;
        cluster.stop_node(lost).await;
        cluster.lose_tail(lost);
        cluster.lose_rows(lost);
        cluster.lose_snapshots(lost);
        cluster.start_node(lost).await;
        let mut fault = cluster.node(lost).fault();
        let fault = tokio::time::timeout(PATIENCE, fault.wait_for(Option::is_some)).await.unwrap();
        let fault = fault.unwrap().clone().unwrap();
        assert!(matches!(fault, Fault::Storage(StorageFault::Forgot { .. })), "{fault}");

        cluster.stop_node(lost).await;
        cluster.start_node(lost).await;
        becomes(&cluster, leader, lost, "follower").await;
        assert!(cluster.files(lost, "forgotten-1").iter().any(|file| file == "forgot"));
        let state = cluster.node(lost).read().await.unwrap();
        assert_eq!(get(&state.state, "key29"), Some("value".into()));
    });
}

#[test]
fn nobody_leaves_the_voters_while_those_that_would_stay_are_no_quorum() {
    Scenario::of(3).configured(early_promotion).run(async |cluster| {
        cluster.node(1).propose(set("key", "value")).await.unwrap();
        let leader = cluster.leader().await;
        let (away, lost) = match leader {
            1 => (2, 3),
            2 => (1, 3),
            _ => (1, 2),
        };
        // One is out of the leader's reach and somebody claims to be it, while the other has no log to vote with.
        cluster.stop_node(lost).await;
        cluster.lose_disk(lost);
        cluster.cut(leader, away);
        let (channel, envelope) = cluster.channel_as(away, leader);
        let client = ConsensusClient::new(channel);
        let claim = proto::RejoinRequest { node_id: away, address: "stray:1".into(), process: 7 };
        let refused = eventually("the leader has not heard the member for a lease", || async {
            let status = client.clone().rejoin(envelope.wrap(claim.clone())).await.err()?;
            (!status.message().contains("within the last")).then_some(status)
        });
        assert!(refused.await.message().contains("no majority"));
        cluster.heal_link(leader, away);
        cluster.start_node(lost).await;
        let asked = cluster.leader().await;
        becomes(&cluster, asked, lost, "follower").await;
        cluster.node(lost).propose(set("key", "value 2")).await.unwrap();
    });
}

/// A learner calls nobody by itself, so nothing else would show it that keys which it found to be wrong have been corrected.
#[test]
fn a_node_looks_by_itself_whether_the_keys_of_others_are_right_again() {
    let forever = |config: &mut NodeConfig| config.promotion_delay_ms = 3_600_000;
    Scenario::of(3).configured(forever).run(async |cluster| {
        cluster.node(1).propose(set("key", "value")).await.unwrap();
        let (leader, learner) = (cluster.leader().await, cluster.follower().await);
        replace_disk(&cluster, learner).await;
        becomes(&cluster, leader, learner, "learner").await;
        let voters: Vec<NodeId> = (1..=3).filter(|node| *node != learner).collect();
        for voter in &voters {
            cluster.stop_node(*voter).await;
            cluster.start_node_with_other_key(*voter).await;
        }
        eventually("the learner finds the other keys", || async {
            cluster.node(learner).status().await;
            cluster.node(learner).outvoted()
        })
        .await;
        for voter in &voters {
            cluster.stop_node(*voter).await;
            cluster.start_node(*voter).await;
        }
        eventually("the learner finds that they are right", || async {
            cluster.node(learner).outvoted().is_none().then_some(())
        })
        .await;
        assert_eq!(cluster.node(learner).propose(set("key", "value 2")).await.map(drop), Ok(()));
    });
}

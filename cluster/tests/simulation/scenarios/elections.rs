//! Elections are held when a quorum has no leader, and not otherwise.

use std::time::Duration;

use crate::cluster::Cluster;
use crate::kv::{get, set};
use crate::observed::eventually;
use crate::scenario::Scenario;
use keyraft_cluster::{NodeId, ReadError};

/// Long enough for a node without pre-vote to have raised its vote several times.
const SEVERAL_ELECTIONS: Duration = Duration::from_millis(2_500);
/// The number of times that a link is cut and healed.
const CUTS: usize = 5;

/// The first running node but `except` that no longer obeys `leader` after it had heard of it, and whom it
/// obeys then.
async fn deposition(
    cluster: &Cluster,
    leader: NodeId,
    except: &[NodeId],
) -> Option<(NodeId, Option<NodeId>)> {
    let watched = || cluster.running().into_iter().filter(|(number, _)| !except.contains(number));
    eventually("all obey the leader", || async {
        watched().all(|(_, node)| *node.leader_changes().borrow() == Some(leader)).then_some(())
    })
    .await;
    let changes = watched().map(|(number, node)| {
        let mut leaders = node.leader_changes();
        Box::pin(async move {
            let now = leaders.wait_for(|now| *now != Some(leader)).await;
            (number, now.ok().and_then(|now| *now))
        })
    });
    let change = tokio::time::timeout(SEVERAL_ELECTIONS, futures::future::select_all(changes)).await;
    change.ok().map(|(first, ..)| first)
}

#[test]
fn a_follower_that_was_cut_off_deposes_nobody_on_its_return() {
    Scenario::of(3).run(async |cluster| {
        let (leader, follower) = (cluster.leader().await, cluster.follower().await);
        let term = cluster.status().await.term;
        cluster.isolate(follower);
        assert_eq!(deposition(&cluster, leader, &[follower]).await, None);
        cluster.node(leader).propose(set("key", "while it was away")).await.unwrap();
        cluster.heal(follower);
        let state = cluster.node(follower).read().await.unwrap();
        assert_eq!(get(&state.state, "key"), Some("while it was away".into()));
        assert_eq!(deposition(&cluster, leader, &[]).await, None);
        assert_eq!(cluster.status().await.term, term, "no vote was raised");
    });
}

#[test]
fn one_cut_link_deposes_nobody() {
    Scenario::of(3).run(async |cluster| {
        let (leader, follower) = (cluster.leader().await, cluster.follower().await);
        let term = cluster.status().await.term;
        for round in 0..CUTS {
            let value = round.to_string();
            cluster.cut(leader, follower);
            assert_eq!(deposition(&cluster, leader, &[follower]).await, None);
            cluster.node(leader).propose(set("key", &value)).await.unwrap();
            cluster.heal_link(leader, follower);
            let state = cluster.node(follower).read().await.unwrap();
            assert_eq!(get(&state.state, "key"), Some(value));
        }
        assert_eq!(cluster.node(leader).status().await.term, term, "no vote was raised");
    });
}

#[test]
fn a_leader_that_is_cut_off_is_replaced_and_answers_no_read() {
    Scenario::of(3).configured(|config| config.read_timeout_ms = 1_500).run(async |cluster| {
        let old = cluster.leader().await;
        cluster.node(old).propose(set("key", "old")).await.unwrap();
        cluster.isolate(old);
        let other = (1..=3).find(|node| *node != old).unwrap();
        let new = eventually("another leader", || async {
            let leader = *cluster.node(other).leader_changes().borrow();
            leader.filter(|leader| *leader != old)
        })
        .await;
        cluster.node(new).propose(set("key", "new")).await.unwrap();
        assert!(matches!(cluster.node(old).read().await, Err(ReadError::NoLeader { .. })));
        cluster.heal(old);
        let state =
            eventually("a read on the deposed leader", || async { cluster.node(old).read().await.ok() });
        assert_eq!(get(&state.await.state, "key"), Some("new".into()));
        assert_eq!(cluster.leader().await, new);
    });
}

#[test]
fn without_a_quorum_a_write_fails_in_time_and_a_read_too() {
    Scenario::of(3)
        .configured(|config| {
            config.read_timeout_ms = 700;
            config.write_timeout_ms = 900;
        })
        .run(async |cluster| {
            let leader = cluster.leader().await;
            for node in (1..=3).filter(|node| *node != leader) {
                cluster.stop_node(node).await;
            }
            eventually("the end of its leader lease", || async {
                cluster.node(leader).read().await.is_err().then_some(())
            })
            .await;
            let node = cluster.node(leader);
            let (read, write) = tokio::join!(node.read(), node.propose(set("key", "value")));
            assert_eq!(read.err(), Some(ReadError::NoLeader { waited_ms: 700 }));
            let unknown = keyraft_cluster::ProposeError::Unknown { waited_ms: 900 };
            assert_eq!(write.err(), Some(unknown));
        });
}

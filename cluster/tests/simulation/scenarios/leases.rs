//! Reads stay on their nodes, whatever happens to the others; writes wait for who may still read without them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use keyraft_cluster::NodeId;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::kv::{get, set};
use crate::observed::{KvNode, eventually};
use crate::scenario::Scenario;

const ROUNDS: &str = "keyraft_read_index_rounds_total";
const BY_LEASE: &str = "keyraft_reads_total/lease";

/// Waits until all running nodes read by a lease.
async fn leases_are_held(cluster: &Cluster) {
    eventually("a lease on every node", || async {
        for (_, node) in cluster.running() {
            let (rounds, by_lease) = (cluster.count(ROUNDS), cluster.count(BY_LEASE));
            node.read().await.ok()?;
            if cluster.count(ROUNDS) > rounds || cluster.count(BY_LEASE) == by_lease {
                return None;
            }
        }
        Some(())
    })
    .await;
}

/// Callers that read one key on one node without a pause, and what they saw.
struct Readers {
    is_over: Arc<AtomicBool>,
    reads: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
    slowest_us: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<()>>,
}

impl Readers {
    fn start(nodes: &[KvNode], each: usize, pause: Duration) -> Self {
        let readers = Self {
            is_over: Arc::default(),
            reads: Arc::default(),
            failed: Arc::default(),
            slowest_us: Arc::default(),
            tasks: Vec::new(),
        };
        let tasks = nodes.iter().flat_map(|node| (0..each).map(move |_| node.clone())).map(|node| {
            let (is_over, reads) = (Arc::clone(&readers.is_over), Arc::clone(&readers.reads));
            let (failed, slowest_us) = (Arc::clone(&readers.failed), Arc::clone(&readers.slowest_us));
            tokio::spawn(async move {
                while !is_over.load(Ordering::SeqCst) {
                    let started = Instant::now();
                    if !validates(&node).await {
                        failed.fetch_add(1, Ordering::SeqCst);
                    }
                    let took_us = u64::try_from(started.elapsed().as_micros()).unwrap();
                    slowest_us.fetch_max(took_us, Ordering::SeqCst);
                    reads.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(pause).await;
                }
            })
        });
        let tasks = tasks.collect();
        Self { tasks, ..readers }
    }

    /// The slowest read, and how many there were. None may have failed.
    async fn stop(self, what: &str) -> (Duration, u64) {
        self.is_over.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await.unwrap();
        }
        let slowest = Duration::from_micros(self.slowest_us.load(Ordering::SeqCst));
        let reads = self.reads.load(Ordering::SeqCst);
        println!("{what}: {reads} reads, the slowest took {slowest:?}");
        assert_eq!(self.failed.load(Ordering::SeqCst), 0, "{what}: failed reads");
        (slowest, reads)
    }
}

/// Reads a key that nobody changes, as a validation does: it waits only if what it reads is being changed.
async fn validates(node: &KvNode) -> bool {
    let Ok(view) = node.view().await else { return false };
    let found = |state| get(state, "still");
    let newest = found(&view.newest().state);
    let is_same =
        view.others().is_some_and(|others| others.iter().all(|other| found(&other.state) == newest));
    let shown = match is_same {
        true => newest,
        false => match node.settle(&view).await {
            Ok(settled) => found(&settled.state),
            Err(_) => return false,
        },
    };
    shown.as_deref() == Some("value")
}

/// Writes what readers read, and waits until they can by a lease.
async fn prepare(cluster: &Cluster) {
    cluster.node(1).propose(set("still", "value")).await.unwrap();
    leases_are_held(cluster).await;
}

fn nodes(cluster: &Cluster, except: NodeId) -> Vec<KvNode> {
    cluster.running().into_iter().filter(|(number, _)| *number != except).map(|(_, node)| node).collect()
}

#[test]
fn in_the_steady_state_no_read_leaves_its_node() {
    Scenario::of(3).run(async |cluster| {
        prepare(&cluster).await;
        let rounds = cluster.count(ROUNDS);
        let nodes = nodes(&cluster, 0);
        for round in 0..100_000 {
            assert!(validates(&nodes[round % 3]).await);
            if round % 1_000 == 0 {
                // As a request between others does: the streams need their turn.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        println!("{} read index rounds during 100000 reads", cluster.count(ROUNDS) - rounds);
        assert_eq!(cluster.count(ROUNDS), rounds);
    });
}

#[test]
fn reads_go_on_through_the_death_of_the_leader() {
    Scenario::of(3).run(async |cluster| {
        prepare(&cluster).await;
        for round in 0..3 {
            let leader = cluster.leader().await;
            leases_are_held(&cluster).await;
            let followers = nodes(&cluster, leader);
            let readers = Readers::start(&followers, 16, Duration::from_millis(1));
            let started = Instant::now();
            cluster.crash_node(leader);
            followers[0].propose(set("key", "after")).await.unwrap();
            let resumed = started.elapsed();
            let (slowest, _) = readers.stop("the leader dies").await;
            println!("round {round}: writes resumed after {resumed:?}");
            assert!(slowest < Duration::from_millis(200), "a read was delayed: {slowest:?}");
            assert!(resumed < Duration::from_millis(2_500), "writes were away for {resumed:?}");
            drop(followers);
            cluster.start_node(leader).await;
        }
    });
}

#[test]
fn the_death_of_a_follower_delays_writes_by_its_lease_and_other_reads_not_at_all() {
    Scenario::of(3).run(async |cluster| {
        prepare(&cluster).await;
        let (leader, follower) = (cluster.leader().await, cluster.follower().await);
        let readers = Readers::start(&nodes(&cluster, follower), 16, Duration::from_millis(1));
        cluster.crash_node(follower);
        let mut slowest_write = Duration::ZERO;
        let until = Instant::now() + Duration::from_secs(4);
        let mut writes = 0;
        while Instant::now() < until {
            let started = Instant::now();
            cluster.node(leader).propose(set("key", "value")).await.unwrap();
            slowest_write = slowest_write.max(started.elapsed());
            writes += 1;
        }
        let (slowest_read, _) = readers.stop("a follower dies").await;
        println!("{writes} writes, the slowest took {slowest_write:?}");
        assert!(slowest_write < Duration::from_millis(2_000), "a write was delayed: {slowest_write:?}");
        assert!(slowest_read < Duration::from_millis(200), "a read was delayed: {slowest_read:?}");
        assert!(slowest_write > Duration::from_millis(500), "the follower's lease was not waited for");
    });
}

#[test]
fn a_follower_that_stops_is_not_waited_for() {
    Scenario::of(3).run(async |cluster| {
        prepare(&cluster).await;
        let (leader, follower) = (cluster.leader().await, cluster.follower().await);
        cluster.stop_node(follower).await;
        let started = Instant::now();
        cluster.node(leader).propose(set("key", "value")).await.unwrap();
        let took = started.elapsed();
        assert!(took < Duration::from_millis(500), "the write took {took:?}");
    });
}

#[test]
fn a_follower_that_is_cut_off_reads_until_its_lease_ends_and_nothing_new_is_released_before() {
    Scenario::of(3).configured(|config| config.read_timeout_ms = 300).run(async |cluster| {
        cluster.node(1).propose(set("key", "old")).await.unwrap();
        let (leader, follower) = (cluster.leader().await, cluster.follower().await);
        eventually("a lease on the follower", || async { cluster.node(follower).read().await.ok() }).await;
        cluster.isolate(follower);
        let writing = tokio::spawn({
            let node = cluster.node(leader);
            async move { node.propose(set("key", "new")).await }
        });
        let mut shown = 0;
        loop {
            let was_written = writing.is_finished();
            match cluster.node(follower).read().await {
                Ok(state) => {
                    assert_eq!(get(&state.state, "key"), Some("old".into()));
                    assert!(!was_written, "the old value was read after the write had been acknowledged");
                    shown += 1;
                }
                Err(_) => break,
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(shown > 0);
        writing.await.unwrap().unwrap();
        cluster.heal(follower);
        let state = eventually("a read", || async { cluster.node(follower).read().await.ok() }).await;
        assert_eq!(get(&state.state, "key"), Some("new".into()));
    });
}

#[test]
fn without_leases_every_read_asks_the_leader() {
    Scenario::of(3).configured(|config| config.leases = false).run(async |cluster| {
        for round in 0..20_u64 {
            let value = round.to_string();
            cluster.node(1 + round % 3).propose(set("key", &value)).await.unwrap();
            for node in 1..=3 {
                let state = cluster.node(node).read().await.unwrap();
                assert_eq!(get(&state.state, "key"), Some(value.clone()), "node {node}, round {round}");
            }
        }
        let follower = cluster.follower().await;
        cluster.isolate(follower);
        let read = tokio::time::timeout(Duration::from_millis(400), cluster.node(follower).read()).await;
        assert!(read.is_err(), "a node without leases has read by itself");
    });
}

#[test]
fn cluster_time_runs_on_every_node_and_never_back() {
    Scenario::of(3).run(async |cluster| {
        let mut last_ms = 0;
        for _ in 0..3 {
            for (number, node) in cluster.running() {
                node.wait_cluster_time(last_ms + 150).await.unwrap();
                let state = node.read().await.unwrap();
                assert!(node.cluster_time_ms() >= state.log_time_ms.max(last_ms), "node {number}");
                last_ms = last_ms.max(node.cluster_time_ms());
            }
            let leader = cluster.leader().await;
            let written = cluster.node(leader).propose(set("key", "value")).await.unwrap();
            let state = cluster.node(leader).read().await.unwrap();
            assert!(state.applied_index >= written.log_index && state.log_time_ms >= last_ms);
            cluster.stop_node(leader).await;
            cluster.start_node(leader).await;
            cluster.leader().await;
        }
    });
}

//! Reads stay on their nodes, whatever happens to the others; writes wait for who may still read without them.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failure of a step is a failed test, which measures by the clock of the machine"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use keyraft_cluster::NodeId;
use support::counters::{self, count};
use support::kv::{get, set};
use support::{KvNode, TestCluster, eventually};
use tokio::task::JoinHandle;

const ROUNDS: &str = "keyraft_read_index_rounds_total";
const BY_LEASE: &str = "keyraft_reads_total/lease";

/// Waits until all running nodes read by a lease.
async fn leases_are_held(cluster: &TestCluster) {
    eventually("a lease on every node", || async {
        for (_, node) in cluster.running() {
            let (rounds, by_lease) = (count(ROUNDS), count(BY_LEASE));
            node.read().await.ok()?;
            if count(ROUNDS) > rounds || count(BY_LEASE) == by_lease {
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

async fn started(nodes: u64) -> TestCluster {
    counters::install();
    let cluster = TestCluster::start(nodes).await;
    cluster.node(1).propose(set("still", "value")).await.unwrap();
    leases_are_held(&cluster).await;
    cluster
}

fn nodes(cluster: &TestCluster, except: NodeId) -> Vec<KvNode> {
    cluster.running().filter(|(number, _)| *number != except).map(|(_, node)| node.clone()).collect()
}

/// What this process counts is counted for all its tests, so those that look at it are one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_steady_state_no_read_leaves_its_node() {
    let cluster = started(3).await;
    let rounds = count(ROUNDS);
    for round in 0..100_000_u64 {
        let node = cluster.node(1 + round % 3);
        assert!(validates(node).await);
        if round % 1_000 == 0 {
            // As a request between others does: the streams need their turn.
            tokio::task::yield_now().await;
        }
    }
    println!("{} read index rounds during 100000 reads", count(ROUNDS) - rounds);
    assert_eq!(count(ROUNDS), rounds);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_go_on_through_the_death_of_the_leader() {
    let mut cluster = started(3).await;
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
        cluster.start_crashed_node(leader).await;
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_death_of_a_follower_delays_writes_by_its_lease_and_other_reads_not_at_all() {
    let mut cluster = started(3).await;
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
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_stops_is_not_waited_for() {
    let mut cluster = started(3).await;
    let (leader, follower) = (cluster.leader().await, cluster.follower().await);
    cluster.stop_node(follower).await;
    let started = Instant::now();
    cluster.node(leader).propose(set("key", "value")).await.unwrap();
    let took = started.elapsed();
    assert!(took < Duration::from_millis(500), "the write took {took:?}");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_is_cut_off_reads_until_its_lease_ends_and_nothing_new_is_released_before() {
    let cluster = TestCluster::start_with(3, |config| config.read_timeout_ms = 300).await;
    cluster.node(1).propose(set("key", "old")).await.unwrap();
    let (leader, follower) = (cluster.leader().await, cluster.follower().await);
    eventually("a lease on the follower", || async { cluster.node(follower).read().await.ok() }).await;
    cluster.isolate(follower);
    let writing = tokio::spawn({
        let node = cluster.node(leader).clone();
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
    cluster.stop().await;
}

/// Those who hold leases tell what they have applied as soon as they have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_write_waits_for_a_heartbeat() {
    const HEARTBEAT: Duration = Duration::from_millis(8_000);
    const LIMIT: Duration = Duration::from_millis(1_000);
    counters::install();
    let cluster = TestCluster::start_with(3, |config| {
        let heartbeat_ms = u64::try_from(HEARTBEAT.as_millis()).unwrap();
        config.heartbeat_ms = heartbeat_ms;
        (config.election_timeout_min_ms, config.election_timeout_max_ms) =
            (heartbeat_ms + 100, heartbeat_ms + 200);
        (config.leader_lease_ms, config.follower_lease_ms) = (2 * heartbeat_ms, 6 * heartbeat_ms);
    })
    .await;
    leases_are_held(&cluster).await;
    let mut slowest = Duration::ZERO;
    // One report in a thousand may come at a wrong moment.
    for round in 0..3_000_u64 {
        let started = Instant::now();
        cluster.node(1 + round % 3).propose(set("key", "value")).await.unwrap();
        slowest = slowest.max(started.elapsed());
        assert!(slowest < LIMIT, "write {round} took {slowest:?}");
    }
    println!("the slowest of 3000 writes took {slowest:?}");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_leases_every_read_asks_the_leader() {
    let cluster = TestCluster::start_with(3, |config| config.leases = false).await;
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
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cluster_time_runs_on_every_node_and_never_back() {
    let mut cluster = TestCluster::start(3).await;
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
    cluster.stop().await;
}

//! Reads and writes through all nodes while links are cut and nodes are killed: all of them behave as one
//! copy. The history is one counter, of which every answer shows when it was taken.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyraft_cluster::{Environment, NodeId, Random, SeededRandom};
use tokio::sync::RwLock;

use crate::cluster::TestCluster;
use crate::kv::{get, increment};
use crate::observed::KvNode;
use crate::tally::Tally;

const NODES: u64 = 3;
const DISTURBANCES: u64 = 10;

#[derive(Default)]
struct History {
    /// What each node has shown.
    tally: Mutex<Tally<NodeId>>,
    attempts: AtomicU64,
    reads: AtomicU64,
    is_over: AtomicBool,
}

type Shared = Arc<(RwLock<TestCluster>, History)>;

async fn node_of(shared: &Shared, node: NodeId) -> Option<KvNode> {
    shared.0.read().await.running().get(&node).cloned()
}

async fn write(shared: Shared, node: NodeId) {
    let history = &shared.1;
    while !history.is_over.load(Ordering::SeqCst) {
        let Some(running) = node_of(&shared, node).await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let before = history.tally.lock().unwrap().begin();
        history.attempts.fetch_add(1, Ordering::SeqCst);
        let Ok(proposed) = running.propose(increment("count")).await else { continue };
        let count: u64 = std::str::from_utf8(&proposed.answer).unwrap().parse().unwrap();
        let told = history.tally.lock().unwrap().incremented(&before, count, node);
        told.unwrap();
    }
}

async fn read(shared: Shared, node: NodeId) {
    let history = &shared.1;
    while !history.is_over.load(Ordering::SeqCst) {
        let Some(running) = node_of(&shared, node).await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let before = history.tally.lock().unwrap().begin();
        let Ok(state) = running.read().await else { continue };
        let count: u64 = get(&state.state, "count").map_or(0, |count| count.parse().unwrap());
        let told = history.tally.lock().unwrap().read(&before, count, &node);
        told.unwrap();
        history.reads.fetch_add(1, Ordering::SeqCst);
    }
}

async fn disturb(shared: &Shared, random: &SeededRandom) {
    let draw = |limit: u64| random.next_u64() % limit;
    let pause = Duration::from_millis(300 + draw(1_200));
    let node = 1 + draw(NODES);
    let other = 1 + (node + draw(NODES - 1)) % NODES;
    match draw(4) {
        0 => {
            shared.0.read().await.isolate(node);
            tokio::time::sleep(pause).await;
            shared.0.read().await.heal(node);
        }
        1 => {
            shared.0.read().await.link(node, other).cut();
            tokio::time::sleep(pause).await;
            shared.0.read().await.link(node, other).heal();
        }
        2 => {
            shared.0.write().await.stop_node(node).await;
            tokio::time::sleep(pause).await;
            shared.0.write().await.start_node(node).await;
        }
        _ => {
            let leader = shared.0.read().await.leader().await;
            shared.0.write().await.stop_node(leader).await;
            shared.0.write().await.start_node(leader).await;
        }
    }
    tokio::time::sleep(Duration::from_millis(draw(600))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_nodes_behave_as_one_copy_while_links_and_nodes_fail() {
    let seed = Environment::system().unwrap().random.next_u64();
    println!("seed {seed}");
    let random = SeededRandom::from_seed(seed);
    let cluster = TestCluster::start_with(NODES, |config| {
        config.read_timeout_ms = 2_000;
        config.write_timeout_ms = 3_000;
        config.snapshot_min_log_bytes = 32 * 1024;
        config.log_entries_kept = 50;
        config.digest_interval_ms = 200;
    })
    .await;
    let shared: Shared = Arc::new((RwLock::new(cluster), History::default()));
    let mut callers = Vec::new();
    for node in 1..=NODES {
        for _ in 0..2 {
            callers.push(tokio::spawn(write(Arc::clone(&shared), node)));
            callers.push(tokio::spawn(read(Arc::clone(&shared), node)));
        }
    }
    for _ in 0..DISTURBANCES {
        disturb(&shared, &random).await;
    }
    shared.1.is_over.store(true, Ordering::SeqCst);
    for caller in callers {
        caller.await.unwrap();
    }

    let Some((cluster, history)) = Arc::into_inner(shared) else { panic!("a caller is still there") };
    let cluster = cluster.into_inner();
    cluster.leader().await;
    let state = cluster.node(1).read().await.unwrap();
    let count: u64 = get(&state.state, "count").unwrap().parse().unwrap();
    let (answered, attempts) =
        (history.tally.into_inner().unwrap().answers().len() as u64, history.attempts.into_inner());
    println!(
        "{answered} of {attempts} writes answered, {count} applied, {} reads",
        history.reads.into_inner()
    );
    assert!((answered..=attempts).contains(&count), "{answered} answered, {count} applied, {attempts} tried");
    // Each disturbance of a node that holds a lease delays writes by that lease.
    assert!(answered > 30, "hardly anything was written: {answered}");
    let digests = cluster.settled_digests().await;
    assert_eq!(digests, vec![digests[0]; 3]);
    for (number, node) in cluster.running() {
        assert_eq!(*node.fault().borrow(), None, "node {number}");
    }
    cluster.stop().await;
}

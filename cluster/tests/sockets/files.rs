//! Nodes that lose the files of their rows, and nodes that come back behind the log.

use keyraft_cluster::NodeConfig;

use crate::cluster::TestCluster;
use crate::kv::{increment, set, unset};
use crate::observed::{digests_of_one_moment, eventually};

/// Snapshots after a few writes, and hardly any log below them.
fn short_log(config: &mut NodeConfig) {
    config.snapshot_min_log_bytes = 16 * 1024;
    config.log_entries_kept = 5;
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
    std::fs::remove_dir_all(state(1)).unwrap();
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
    let digests = eventually("equal states", || async { digests_of_one_moment(cluster.running()) }).await;
    assert_eq!(digests, vec![digests[0]; 3]);
    for (number, node) in cluster.running() {
        assert_eq!(*node.fault().borrow(), None, "node {number}");
    }
    cluster.stop().await;
}

//! Reads that may rather be stale than fail. What a process counts is counted for all its tests, so this file has one.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure of a step is a failed test"
)]

mod support;

use std::time::Duration;

use keyraft_cluster::ReadError;
use support::counters::{self, count};
use support::kv::{get, set};
use support::{TestCluster, eventually};

const READ_TIMEOUT_MS: u64 = 50;
const LONG: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(1);

/// How many reads were let by a lease, let stale, and refused.
fn counted() -> [u64; 3] {
    ["keyraft_reads_total/lease", "keyraft_reads_total/staleness", "keyraft_reads_refused_total"].map(count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_may_be_stale_is_counted_once_as_what_it_became() {
    counters::install();
    let cluster = TestCluster::start_with(3, |config| config.read_timeout_ms = READ_TIMEOUT_MS).await;
    let follower = cluster.follower().await;
    let node = cluster.node(follower);
    node.propose(set("key", "value")).await.unwrap();
    let fresh = eventually("a lease", || async {
        let before = counted();
        let view = node.view_within(LONG).await.ok()?;
        (counted() == [before[0] + 1, before[1], before[2]]).then_some(view)
    });
    assert_eq!(fresh.await.staleness(), None);

    cluster.isolate(follower);
    eventually("the end of its lease", || async { node.read().await.err() }).await;
    let before = counted();
    let view = node.view_within(LONG).await.unwrap();
    assert!(view.staleness().is_some());
    assert_eq!(get(&view.newest().state, "key"), Some("value".into()));
    assert_eq!(counted(), [before[0], before[1] + 1, before[2]]);

    let Err(refusal) = node.view_within(SHORT).await else { panic!("the lease was over for longer") };
    assert_eq!(refusal, ReadError::NoLeader { waited_ms: READ_TIMEOUT_MS });
    assert_eq!(counted(), [before[0], before[1] + 1, before[2] + 1]);
    cluster.stop().await;
}

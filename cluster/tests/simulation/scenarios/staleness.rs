//! Reads that may rather be stale than fail.

use std::time::Duration;

use crate::cluster::Cluster;
use crate::kv::{get, set};
use crate::observed::eventually;
use crate::scenario::Scenario;
use keyraft_cluster::ReadError;

const READ_TIMEOUT_MS: u64 = 50;
const LONG: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(1);

/// Counts of reads by a lease, stale reads, and refused ones.
fn counted(cluster: &Cluster) -> [u64; 3] {
    ["keyraft_reads_total/lease", "keyraft_reads_total/staleness", "keyraft_reads_refused_total"]
        .map(|name| cluster.count(name))
}

#[test]
fn a_read_that_may_be_stale_is_counted_once_as_what_it_became() {
    Scenario::of(3).configured(|config| config.read_timeout_ms = READ_TIMEOUT_MS).run(async |cluster| {
        let follower = cluster.follower().await;
        let node = cluster.node(follower);
        node.propose(set("key", "value")).await.unwrap();
        let fresh = eventually("a lease", || async {
            let before = counted(&cluster);
            let view = node.view_within(LONG).await.ok()?;
            (counted(&cluster) == [before[0] + 1, before[1], before[2]]).then_some(view)
        });
        assert_eq!(fresh.await.staleness(), None);

        cluster.isolate(follower);
        // A read may fail before, for want of a release.
        eventually("the end of its lease", || async { node.view().await.err() }).await;
        let before = counted(&cluster);
        let view = node.view_within(LONG).await.unwrap();
        assert!(view.staleness().is_some());
        assert_eq!(get(&view.newest().state, "key"), Some("value".into()));
        assert_eq!(counted(&cluster), [before[0], before[1] + 1, before[2]]);

        let Err(refusal) = node.view_within(SHORT).await else { panic!("the lease was over for longer") };
        assert_eq!(refusal, ReadError::NoLeader { waited_ms: READ_TIMEOUT_MS });
        assert_eq!(counted(&cluster), [before[0], before[1] + 1, before[2] + 1]);
    });
}

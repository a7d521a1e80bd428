//! `kill -9` of the leader under a load of writes.

use std::time::{Duration, Instant};

use crate::support::{Client, DevCluster};
use crate::write_load::{WriteLoad, assert_all_there_once, first_acknowledged, unknown};

/// The promise: writes go on by then.
const RESUME_LIMIT: Duration = Duration::from_secs(3);

/// Killing the leader loses no acknowledged write and applies none twice.
pub async fn under_a_load_of_writes(cluster: &mut DevCluster) {
    let leader = cluster.leader(0).await;
    let urls = cluster.urls();
    let admin = Client::admin(&urls[0]).await;

    let load = WriteLoad::start("leader", &urls, &admin);
    load.wait_for(300).await;
    let killed_at = Instant::now();
    cluster.kill(leader);
    load.wait_for(300).await;
    let survivors: Vec<_> = cluster.numbers().filter(|number| *number != leader).collect();
    load.wait_for_new_ones_through(&survivors).await;
    let writes = load.stop().await;

    let (unknown, reason) = unknown(&writes);
    eprintln!("{} writes, {unknown} of unknown outcome, such as: {reason:?}", writes.len());

    for survivor in &survivors {
        let node = usize::try_from(*survivor).unwrap();
        let resumed = first_acknowledged(&writes, node, killed_at);
        eprintln!("writes through node {survivor} went on after {resumed:?}");
        assert!(resumed.is_some_and(|after| after <= RESUME_LIMIT), "node {survivor}: {resumed:?}");
        assert_all_there_once(&writes, &cluster.url(*survivor), &admin).await;
    }
    assert!(survivors.contains(&cluster.leader(survivors[0]).await), "the dead node is still the leader");

    cluster.restart(leader);
    cluster.wait_same_state(survivors[0]).await;
    assert_all_there_once(&writes, &cluster.url(leader), &admin).await;
}

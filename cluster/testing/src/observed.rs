//! Properties of a cluster that show on its nodes, and waiting for them.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use keyraft_cluster::{Node, NodeId};

use crate::kv::KeyValue;

/// A node of the application for tests.
pub type KvNode = Node<KeyValue>;

/// The longest wait for any event; then the test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for something to become true, and panics with what was awaited if it does not.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut check: impl FnMut() -> F) -> T {
    let awaited = async {
        loop {
            if let Some(found) = check().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, awaited).await {
        Ok(found) => found,
        Err(_) => panic!("not in {PATIENCE:?}: {what}"),
    }
}

/// The leader that a majority of the members obeys, itself included.
pub fn obeyed_leader(running: &BTreeMap<NodeId, KvNode>, members: usize) -> Option<NodeId> {
    let mut votes: BTreeMap<NodeId, usize> = BTreeMap::new();
    for node in running.values() {
        if let Some(leader) = *node.leader_changes().borrow() {
            *votes.entry(leader).or_default() += 1;
        }
    }
    let (leader, _) = votes.into_iter().find(|(leader, count)| {
        *count > members / 2 && running.get(leader).is_some_and(|node| node.is_leader())
    })?;
    Some(leader)
}

/// The digests of all running nodes, once they have applied all that any of them has logged.
pub async fn settled_digests(running: &BTreeMap<NodeId, KvNode>) -> Option<Vec<u128>> {
    let states: Vec<_> = running.values().map(|node| node.publication().load()).collect();
    let status = running.values().next()?.status().await;
    let longest = status.nodes.iter().map(|node| node.last_log_index).max();
    let is_settled = states.iter().all(|state| Some(state.applied_index) == longest);
    is_settled.then(|| states.iter().map(|state| state.digest).collect())
}

/// The digests of all running nodes, while they have applied the same entries.
pub fn digests_of_one_moment(running: &BTreeMap<NodeId, KvNode>) -> Option<Vec<u128>> {
    let states: Vec<_> = running.values().map(|node| node.publication().load()).collect();
    let is_one = states.windows(2).all(|two| two[0].applied_index == two[1].applied_index);
    is_one.then(|| states.iter().map(|state| state.digest).collect())
}

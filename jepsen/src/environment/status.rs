//! How the nodes say that they are.

use std::time::Duration;

use futures::future::join_all;
use serde_json::Value as Json;

use super::{Environment, EnvironmentError, Node};
use crate::client::{Address, Connection, Request};

/// A node that does not answer within this time counts as down. One that knows no leader waits a second for one before
/// it says how it is.
const ANSWER_LIMIT: Duration = Duration::from_millis(1_500);
/// Pause between two looks at something that is waited for.
const PAUSE: Duration = Duration::from_millis(100);

/// What a node tells of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Whether it answered.
    pub is_up: bool,
    /// Whether it leads.
    pub is_leader: bool,
    /// Whether it can answer reads by itself, if it says so.
    pub has_lease: Option<bool>,
    /// Its term.
    pub term: Option<u64>,
}

/// Asks one node for its metrics.
pub async fn look(node: &Node) -> Seen {
    let mut connection = Connection::new(Address::Tcp(node.http()));
    match connection.send(&Request::get("/metrics"), ANSWER_LIMIT).await {
        Ok(reply) if reply.status == 200 => parse(&String::from_utf8_lossy(&reply.bytes)),
        _ => Seen::default(),
    }
}

/// The index of the last entry in the log of a node.
pub async fn last_log_index(node: &Node) -> Option<u64> {
    let mut connection = Connection::new(Address::Tcp(node.http()));
    let reply = connection.send(&Request::get("/metrics"), ANSWER_LIMIT).await.ok()?;
    value(&String::from_utf8_lossy(&reply.bytes), "keyraft_raft_last_log_index").map(whole)
}

fn value(metrics: &str, name: &str) -> Option<f64> {
    let mut lines = metrics.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    lines.next_back().and_then(|value| value.trim().parse().ok())
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a term or an index is a whole number"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

fn parse(metrics: &str) -> Seen {
    let value = |name| value(metrics, name);
    let term = value("keyraft_raft_term").map(whole);
    Seen {
        is_up: true,
        is_leader: value("keyraft_raft_role{role=\"leader\"}") == Some(1.0),
        has_lease: value("keyraft_lease_held").map(|held| held > 0.0),
        term,
    }
}

/// The node that leads in the highest term that any node knows of; two may believe that they lead.
pub async fn leader(environment: &Environment) -> Option<usize> {
    let seen = join_all(environment.nodes().iter().map(look)).await;
    let leading = seen.into_iter().enumerate().filter(|(_, seen)| seen.is_leader);
    leading.max_by_key(|(_, seen)| seen.term).map(|(node, _)| node)
}

/// Whether a node says that it is ready.
pub async fn is_ready(node: &Node) -> bool {
    let mut connection = Connection::new(Address::Tcp(node.http()));
    let asked = connection.send(&Request::get("/ready"), ANSWER_LIMIT * 2).await;
    asked.is_ok_and(|reply| reply.status == 200)
}

/// Waits until every node says that it may be sent requests.
///
/// # Errors
/// One does not within the limit; the text has its reasons.
pub async fn wait_ready(environment: &Environment, limit: Duration) -> Result<(), EnvironmentError> {
    let waits = environment.nodes().iter().map(|node| async move {
        let mut reason = "it does not answer".to_owned();
        let look = async {
            loop {
                let mut connection = Connection::new(Address::Tcp(node.http()));
                match connection.send(&Request::get("/ready"), ANSWER_LIMIT * 2).await {
                    Ok(reply) if reply.status == 200 => return,
                    Ok(reply) => reason = String::from_utf8_lossy(&reply.bytes).into_owned(),
                    Err(error) => reason = error.to_string(),
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        let looked = tokio::time::timeout(limit, look).await;
        looked.map_err(|_| EnvironmentError::Late {
            what: format!("n{} is ready: {reason}", node.number() + 1),
            limit_s: limit.as_secs(),
        })
    });
    join_all(waits).await.into_iter().collect()
}

/// A node, the index of the last entry that it has applied, and the digest of its state.
pub type Digest = (usize, u64, String);

/// Waits until all nodes have applied as much, and returns their digests. If they never do, whatever was seen last.
pub async fn digests(environment: &Environment, limit: Duration) -> Vec<Digest> {
    let nodes = environment.nodes();
    level_digests(nodes.len(), limit, async |place| match nodes.get(place) {
        Some(node) => digests_seen_by(node).await,
        None => Vec::new(),
    })
    .await
}

/// The same of so many nodes, each of which sees the digests of all.
async fn level_digests(
    count: usize,
    limit: Duration,
    see: impl AsyncFn(usize) -> Vec<Digest>,
) -> Vec<Digest> {
    let mut last = Vec::new();
    let look = async {
        loop {
            for node in 0..count {
                let found = see(node).await;
                if found.len() < last.len() {
                    continue;
                }
                last = found;
                let first = last.first().map(|(_, index, _)| *index);
                if last.len() == count && last.iter().all(|(_, index, _)| Some(*index) == first) {
                    return;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let _ = tokio::time::timeout(limit, look).await;
    last
}

async fn digests_seen_by(node: &Node) -> Vec<Digest> {
    let mut connection = Connection::new(Address::Tcp(node.http()));
    let Ok(reply) = connection.send(&Request::get("/keyraft/status"), ANSWER_LIMIT * 2).await else {
        return Vec::new();
    };
    let members = reply.json();
    let members = members.get("nodes").and_then(Json::as_array).cloned().unwrap_or_default();
    let digest = |member: &Json| {
        let number = usize::try_from(member.get("number")?.as_u64()?).ok()?;
        Some((number, member.get("applied_index")?.as_u64()?, member.get("digest")?.as_str()?.to_owned()))
    };
    members.iter().filter_map(digest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_tell_of_leadership_lease_and_term() {
        let text = "# TYPE keyraft_raft_term gauge\nkeyraft_raft_role{role=\"leader\"} 1\n\
                    keyraft_raft_role{role=\"follower\"} 0\nkeyraft_raft_term 7\nkeyraft_lease_held 0\n";
        let expected = Seen { is_up: true, is_leader: true, has_lease: Some(false), term: Some(7) };
        assert_eq!(parse(text), expected);
        let without_leases = "keyraft_raft_role{role=\"leader\"} 0\n";
        assert_eq!(parse(without_leases), Seen { is_up: true, ..Seen::default() });
    }

    #[tokio::test]
    async fn a_node_that_sees_nobody_does_not_make_the_others_level() {
        let at = |indexes: [u64; 2]| -> Vec<Digest> {
            (0..).zip(indexes).map(|(node, index)| (node, index, format!("of {index}"))).collect()
        };
        let soon = Duration::from_millis(200);
        let seen = std::sync::Mutex::new(vec![at([9, 9]), at([8, 9]), Vec::new(), at([8, 7])]);
        let see = async |_: usize| seen.lock().unwrap().pop().unwrap_or_default();
        assert_eq!(level_digests(2, Duration::from_secs(10), see).await, at([9, 9]));
        let never = async |node: usize| if node == 0 { at([8, 7]) } else { Vec::new() };
        assert_eq!(level_digests(2, soon, never).await, at([8, 7]), "the last that was seen");
    }
}

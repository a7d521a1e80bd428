//! How every member of the cluster does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use keyraft_proto::cluster as proto;
use serde::Serialize;

use crate::application::Application;
use crate::network::peers::Lane;
use crate::node::core::Core;
use crate::node::follow::role_name;
use crate::types::{LogIndex, NodeId};

/// How long a member may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(750);

/// The cluster, as one node sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClusterStatus {
    /// Who leads, according to the answer with the highest term.
    pub leader: Option<NodeId>,
    /// The highest term that was answered.
    pub term: u64,
    /// All members, by number.
    pub nodes: Vec<NodeStatus>,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeStatus {
    /// Its number.
    pub number: NodeId,
    /// `host:port` of its cluster service.
    pub address: String,
    /// Where clients reach it; empty when it is unreachable.
    pub public_url: String,
    /// `leader`, `follower`, `candidate`, `learner`; `starting` before it belongs to a cluster, `stopped`
    /// after a failure, `unreachable` when it does not answer.
    pub role: String,
    /// The end of its log.
    pub last_log_index: LogIndex,
    /// What it has applied.
    pub applied_index: LogIndex,
    /// How many entries it is behind the longest log that was answered.
    pub lag: u64,
    /// Digest of its state after `applied_index`, in hexadecimal; empty when it is unreachable.
    pub digest: String,
}

/// What this node says of itself.
pub(crate) fn own<A: Application>(core: &Core<A>) -> proto::NodeStatusResponse {
    let published = core.publication().load();
    let mut answer = proto::NodeStatusResponse {
        node_id: core.site.me(),
        role: "starting".to_owned(),
        applied_index: published.applied_index,
        public_url: core.site.config.public_url.clone(),
        digest: format!("{:032x}", published.digest),
        leader: core.site.leader(),
        ..proto::NodeStatusResponse::default()
    };
    if let Some(member) = core.member() {
        let metrics = member.raft.metrics();
        let now = metrics.borrow();
        answer.role = role_name(now.state).to_owned();
        answer.term = now.current_term;
        answer.last_log_index = now.last_log_index.unwrap_or_default();
    }
    if core.site.faults.first().is_some() {
        answer.role = "stopped".to_owned();
    }
    answer
}

/// Asks every member.
pub(crate) async fn ask_all<A: Application>(core: Arc<Core<A>>) -> ClusterStatus {
    let mut asked: FuturesUnordered<_> = members(&core)
        .into_iter()
        .map(|(node_id, address)| {
            let core = Arc::clone(&core);
            async move { (node_id, address, ask(&core, node_id).await) }
        })
        .collect();
    let mut answers = BTreeMap::new();
    while let Some((node_id, address, answer)) = asked.next().await {
        answers.insert(node_id, (address, answer));
    }
    compose(answers)
}

/// All members: of the log's membership, and those the configuration names besides.
fn members<A: Application>(core: &Core<A>) -> BTreeMap<NodeId, String> {
    let mut members: BTreeMap<NodeId, String> = BTreeMap::new();
    if let Some(member) = core.member() {
        let metrics = member.raft.server_metrics();
        for (node_id, node) in metrics.borrow().membership_config.membership().nodes() {
            members.insert(*node_id, node.addr.clone());
        }
    }
    for peer in core.site.config.members() {
        members.insert(peer.node_id, peer.address);
    }
    members
}

async fn ask<A: Application>(core: &Core<A>, node_id: NodeId) -> Option<proto::NodeStatusResponse> {
    if node_id == core.site.me() {
        return Some(own(core));
    }
    let mut client = core.site.peers.client(node_id, Lane::Bulk).ok()?;
    let call = core.site.peers.request(proto::NodeStatusRequest {}, Some(ANSWER_TIMEOUT));
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, client.node_status(call)).await.ok()?.ok()?;
    Some(answer.into_inner()).filter(|answer| answer.node_id == node_id)
}

type Answers = BTreeMap<NodeId, (String, Option<proto::NodeStatusResponse>)>;

fn compose(answers: Answers) -> ClusterStatus {
    let given = || answers.values().filter_map(|(_, answer)| answer.as_ref());
    let term = given().map(|answer| answer.term).max().unwrap_or_default();
    let newest = || given().filter(|answer| answer.term == term);
    let leading = newest().find(|answer| answer.role == "leader").map(|answer| answer.node_id);
    let leader = leading.or_else(|| newest().find_map(|answer| answer.leader));
    let longest = given().map(|answer| answer.last_log_index).max().unwrap_or_default();
    let nodes = answers
        .into_iter()
        .map(|(number, (address, answer))| match answer {
            Some(answer) => NodeStatus {
                number,
                address,
                public_url: answer.public_url,
                role: answer.role,
                last_log_index: answer.last_log_index,
                applied_index: answer.applied_index,
                lag: longest.saturating_sub(answer.applied_index),
                digest: answer.digest,
            },
            None => NodeStatus {
                number,
                address,
                public_url: String::new(),
                role: "unreachable".to_owned(),
                last_log_index: 0,
                applied_index: 0,
                lag: longest,
                digest: String::new(),
            },
        })
        .collect();
    ClusterStatus { leader, term, nodes }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(node_id: NodeId, role: &str, term: u64, index: LogIndex) -> proto::NodeStatusResponse {
        proto::NodeStatusResponse {
            node_id,
            role: role.into(),
            term,
            last_log_index: index,
            applied_index: index,
            ..Default::default()
        }
    }

    #[test]
    fn the_leader_of_the_highest_term_is_named_and_lag_is_counted_from_the_longest_log() {
        let answers = BTreeMap::from([
            (1, ("a:1".to_owned(), Some(answer(1, "leader", 3, 10)))),
            (2, ("b:1".to_owned(), Some(answer(2, "leader", 4, 15)))),
            (3, ("c:1".to_owned(), None)),
        ]);
        let status = compose(answers);
        assert_eq!((status.leader, status.term), (Some(2), 4));
        assert_eq!(status.nodes.iter().map(|node| node.lag).collect::<Vec<_>>(), [5, 0, 15]);
        assert_eq!(status.nodes[2].role, "unreachable");
        assert_eq!(status.nodes[2].address, "c:1");
    }
}

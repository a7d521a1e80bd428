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
    /// Its [`Announcement::options_digest`](crate::Announcement), in hexadecimal; empty when it is
    /// unreachable or has told none.
    pub options_digest: String,
    /// Whether that digest is another than the leader's; `None` when one of the two is not known.
    pub options_differ: Option<bool>,
    /// Its [`Announcement::notice`](crate::Announcement).
    pub notice: String,
}

/// What this node says of itself.
pub(crate) fn own<A: Application>(core: &Core<A>) -> proto::NodeStatusResponse {
    let published = core.publication().load();
    let announcement = core.site.announcement.load();
    let mut answer = proto::NodeStatusResponse {
        node_id: core.site.me(),
        role: "starting".to_owned(),
        applied_index: published.applied_index,
        public_url: core.site.config.public_url.clone(),
        digest: format!("{:032x}", published.digest),
        leader: core.site.leader(),
        options_digest: announcement.options_digest.clone(),
        notice: announcement.notice.clone(),
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

/// Whether this node's options are the leader's; `None` when one of the two is not known.
pub(crate) async fn options_agree<A: Application>(core: Arc<Core<A>>) -> Option<bool> {
    let leader = core.site.leader()?;
    let answer = ask(&core, leader).await?;
    let differ = options_differ(&core.site.announcement.load().options_digest, &answer.options_digest);
    differ.map(|differ| !differ)
}

fn options_differ(one: &[u8], other: &[u8]) -> Option<bool> {
    if one.is_empty() || other.is_empty() { None } else { Some(one != other) }
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
    let leaders_options =
        leader.and_then(|number| answers.get(&number)).and_then(|(_, answer)| answer.as_ref());
    let leaders_options = leaders_options.map(|answer| answer.options_digest.clone()).unwrap_or_default();
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
                options_differ: options_differ(&answer.options_digest, &leaders_options),
                options_digest: hexadecimal(&answer.options_digest),
                notice: answer.notice,
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
                options_digest: String::new(),
                options_differ: None,
                notice: String::new(),
            },
        })
        .collect();
    ClusterStatus { leader, term, nodes }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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

    #[test]
    fn a_node_with_other_options_than_the_leader_is_told_from_one_that_has_told_none() {
        let with_options = |node_id, role: &str, options: &[u8]| {
            let answer = proto::NodeStatusResponse {
                options_digest: options.to_vec().into(),
                ..answer(node_id, role, 1, 1)
            };
            (node_id, (String::new(), Some(answer)))
        };
        let status = compose(BTreeMap::from([
            with_options(1, "follower", &[0xab]),
            with_options(2, "leader", &[0xab]),
            with_options(3, "follower", &[0x0c]),
            with_options(4, "follower", &[]),
        ]));
        let differ: Vec<_> = status.nodes.iter().map(|node| node.options_differ).collect();
        assert_eq!(differ, [Some(false), Some(false), Some(true), None]);
        assert_eq!(status.nodes[2].options_digest, "0c");
    }
}

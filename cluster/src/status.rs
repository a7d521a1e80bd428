//! The status of every member of the cluster.

mod composition;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use keyraft_proto::cluster as proto;
use serde::Serialize;

use self::composition::{compose, milliseconds, options_differ};
use crate::application::Application;
use crate::network::peers::Lane;
use crate::node::core::Core;
use crate::node::follow::role_name;
use crate::quorum::Quorum;
use crate::storage::formats;
use crate::types::{LogIndex, NodeId};

/// Time that a member may take to respond.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(750);
/// Members that are asked at the same time.
const ASKED_AT_ONCE: usize = 16;

/// The cluster, as one node sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ClusterStatus {
    /// The leader according to the response with the highest term.
    pub leader: Option<NodeId>,
    /// The highest term of all responses.
    pub term: u64,
    /// The voters of the newest membership of all responses; `None`: no node that responds belongs to a cluster.
    pub quorum: Option<Quorum>,
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
    /// The URL at which clients reach it; empty when it is unreachable.
    pub public_url: String,
    /// `leader`, `follower`, `candidate`, `learner`; `starting` before it belongs to a cluster, `stopped`
    /// after a failure, `unreachable` when it does not respond.
    pub role: String,
    /// The end of its log.
    pub last_log_index: LogIndex,
    /// The last entry that it has applied.
    pub applied_index: LogIndex,
    /// Number of entries that it is behind the longest log of all responses.
    pub lag: u64,
    /// Digest of its state after `applied_index`, in hexadecimal; empty when it is unreachable.
    pub digest: String,
    /// Its [`Announcement::options_digest`](crate::Announcement), in hexadecimal; empty when it is
    /// unreachable or has announced none.
    pub options_digest: String,
    /// True if that digest is another than the leader's; `None` when one of the two is not known.
    pub options_differ: Option<bool>,
    /// Its [`Announcement::notice`](crate::Announcement); of one that is unreachable, the reason, if it is known.
    pub notice: String,
    /// True if it has a vote; `None`: no membership is known.
    pub is_voter: Option<bool>,
    /// True if its state is another than that of a node that has applied as much: the leader, if that is one of them.
    /// `None`: no node that responds has applied as much.
    pub state_differs: Option<bool>,
    /// Details that only the node itself knows; `None`: it does not respond.
    pub details: Option<NodeDetails>,
}

/// A node's report on its process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NodeDetails {
    /// Version of its software; empty: not reported.
    pub version: String,
    /// The formats of files that its software writes, with their versions.
    pub formats: BTreeMap<String, u32>,
    /// Time that its process has run.
    pub uptime_ms: Option<u64>,
    /// Entries of its log that it has not applied.
    pub unapplied: u64,
    /// True if it may respond to reads by itself; `None`: not reported.
    pub is_lease_held: Option<bool>,
    /// Time for which it has held its lease without a break.
    pub lease_age_ms: Option<u64>,
    /// The fault for which it has stopped serving; empty: it serves.
    pub fault: String,
}

/// This node's response about itself.
pub(crate) fn own<A: Application>(core: &Core<A>) -> proto::NodeStatusResponse {
    let published = core.publication().load();
    let announcement = core.site.announcement.load();
    let mut response = proto::NodeStatusResponse {
        node_id: core.site.me(),
        role: "starting".to_owned(),
        applied_index: published.applied_index,
        public_url: core.site.config.public_url.clone(),
        digest: format!("{:032x}", published.digest),
        leader: core.site.leader(),
        options_digest: announcement.options_digest.clone(),
        notice: announcement.notice.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_ms: Some(milliseconds(core.site.contact.now().saturating_sub(core.site.started))),
        formats: formats()
            .map(|(name, version)| proto::FormatVersion { name: name.to_owned(), version })
            .to_vec(),
        ..proto::NodeStatusResponse::default()
    };
    if let Some(member) = core.member() {
        let metrics = member.raft.metrics();
        let now = metrics.borrow();
        response.role = role_name(now.state).to_owned();
        response.term = now.current_term;
        response.last_log_index = now.last_log_index.unwrap_or_default();
        let voter_sets = now.membership_config.membership().get_joint_config().iter();
        response.voter_sets =
            voter_sets.map(|set| proto::VoterSet { node_ids: set.iter().copied().collect() }).collect();
        response.membership_index = now.membership_config.log_id().map_or(0, |log_id| log_id.index);
        let lease_age = member.lease.age();
        response.lease_held = Some(lease_age.is_some());
        response.lease_age_ms = lease_age.map(milliseconds);
    }
    if let Some(fault) = core.site.faults.first() {
        response.role = "stopped".to_owned();
        response.fault = fault.to_string();
    }
    response
}

/// Returns true if this node's options are the leader's; `None` when one of the two is not known.
pub(crate) async fn options_agree<A: Application>(core: Arc<Core<A>>) -> Option<bool> {
    let leader = core.site.leader()?;
    let response = ask(&core, leader).await?;
    let differ = options_differ(&core.site.announcement.load().options_digest, &response.options_digest);
    differ.map(|differ| !differ)
}

/// Asks every member.
pub(crate) async fn ask_all<A: Application>(core: Arc<Core<A>>) -> ClusterStatus {
    let questions = members(&core).into_iter().map(|(node_id, address)| {
        let core = Arc::clone(&core);
        async move { (node_id, (address, ask(&core, node_id).await)) }
    });
    let responses = futures::stream::iter(questions).buffer_unordered(ASKED_AT_ONCE).collect().await;
    compose(responses, |node_id| core.site.peers.introductions().failure(node_id))
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
    let call = core.site.peers.request(proto::NodeStatusRequest {}, Some(RESPONSE_TIMEOUT));
    let response = tokio::time::timeout(RESPONSE_TIMEOUT, client.node_status(call)).await.ok()?.ok()?;
    Some(response.into_inner()).filter(|response| response.node_id == node_id)
}

//! The cluster as one node sees it: what `GET /keyraft/status` and `GET /status` of the admin channel return.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::ready;
use crate::app::App;
use crate::auth::Caller;
use crate::config::Config;
use crate::http::ApiError;
use crate::http::operation::{self, Operation};
use crate::token::model::Token;

/// The path of the status, below the URL of a node.
pub const STATUS_PATH: &str = "/keyraft/status";

/// The role of a node that reads its files and does not speak to the others yet.
pub const LOADING: &str = "loading";

/// The role of a node that does not respond.
pub const UNREACHABLE: &str = "unreachable";

/// The role of a node that was not asked.
pub const UNKNOWN: &str = "unknown";

/// The cluster as one node sees it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct ClusterStatus {
    /// Number of the node that reports.
    #[serde(default)]
    pub node: Option<u64>,
    /// Whether that node is to be sent requests.
    #[serde(default)]
    pub ready: Option<bool>,
    /// What there is against it, each in one line.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// Number of the leader; `None` when the node knows of none.
    pub leader: Option<u64>,
    /// The highest term of the nodes that respond.
    pub term: u64,
    /// The voters; `None` when no node that responds belongs to a cluster.
    #[serde(default)]
    pub quorum: Option<Quorum>,
    /// All members, by number.
    pub nodes: Vec<NodeStatus>,
}

/// The voters of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Quorum {
    /// Whether a majority of the voters responds.
    pub is_there: bool,
    /// How many nodes have a vote.
    pub voters: usize,
    /// How many of them respond and run.
    pub responding: usize,
    /// How many of those may fail before a majority is missing.
    pub may_fail: usize,
}

/// One member. What is `None` the answering node does not know, because it cannot reach the member.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct NodeStatus {
    /// Its `node.id`.
    pub number: u64,
    /// Host and port of its cluster gRPC service.
    pub address: String,
    /// `leader`, `follower`, `candidate`, `learner`; `starting` before it belongs to a cluster, `stopped` after a
    /// fault, [`LOADING`], [`UNREACHABLE`] or [`UNKNOWN`].
    pub role: String,
    /// Index of the last entry of its log.
    pub last_log_index: Option<u64>,
    /// Index of the last entry it has applied.
    pub applied_index: Option<u64>,
    /// How many entries its state lies behind the leader's log.
    pub lag: Option<u64>,
    /// The URL by which clients reach it.
    pub public_url: Option<String>,
    /// Digest of its state after `applied_index`; the same on all nodes for the same index.
    pub digest: Option<String>,
    /// Digest of its options that have to be the same on all nodes.
    #[serde(default)]
    pub options_digest: Option<String>,
    /// Whether these options are not those of the leader.
    #[serde(default)]
    pub options_differ: Option<bool>,
    /// What the operator should know of it.
    #[serde(default)]
    pub notice: Option<String>,
    /// Whether it has a vote.
    #[serde(default)]
    pub is_voter: Option<bool>,
    /// Whether the configuration of the reporting node lists it under `cluster.peers`.
    #[serde(default)]
    pub is_configured: Option<bool>,
    /// Whether its state is another than that of nodes that have applied as much.
    #[serde(default)]
    pub state_differs: Option<bool>,
    /// Entries of its log that it has not applied.
    #[serde(default)]
    pub unapplied: Option<u64>,
    /// Whether it may serve reads by itself.
    #[serde(default)]
    pub is_lease_held: Option<bool>,
    /// For how long it has held its lease without a break.
    #[serde(default)]
    pub lease_age_ms: Option<u64>,
    /// Version of its software.
    #[serde(default)]
    pub version: Option<String>,
    /// The formats of files that its software writes, with their versions.
    #[serde(default)]
    pub formats: BTreeMap<String, u32>,
    /// How long its process has run.
    #[serde(default)]
    pub uptime_ms: Option<u64>,
    /// Why it has stopped serving.
    #[serde(default)]
    pub fault: Option<String>,
}

/// What may be done on [`STATUS_PATH`].
pub fn operations() -> Vec<Operation> {
    let show = operation::get(show, "Show the cluster as this node sees it").array("nodes");
    vec![show.fails(StatusCode::UNAUTHORIZED).fails(StatusCode::FORBIDDEN)]
}

/// Shows the cluster as this node sees it; a leader is not needed for it.
/// Policy: none with `operations.status_without_credentials`, else a caller with the role `admin`.
///
/// # Errors
/// 401, 403, 503.
pub async fn show(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    if !app.config.operations.status_without_credentials {
        let published = app.node.read().await?;
        let caller = Caller::authenticate(&app, app.policy.load_full(), &published.state, request.headers())?;
        let is_admin = |token: &Token| token.roles.iter().any(|role| role.name == "admin");
        if !caller.token().is_none_or(is_admin) {
            return Err(ApiError::NotAuthorized);
        }
    }
    Ok(Json(report(&app).await).into_response())
}

/// The cluster as this node sees it, in little more than a second: the members are asked at the same time.
pub async fn report(app: &App) -> ClusterStatus {
    let (seen, readiness) = tokio::join!(app.node.status(), ready::readiness(app));
    let mut report = ClusterStatus {
        node: Some(app.config.node.id),
        ready: Some(readiness.ready),
        reasons: readiness.reasons,
        ..ClusterStatus::from(seen)
    };
    for node in &mut report.nodes {
        node.is_configured = Some(app.config.cluster.peers.iter().any(|peer| peer.id == node.number));
    }
    report
}

/// The status of a node that still reads its files.
#[must_use]
pub fn while_loading(config: &Config) -> ClusterStatus {
    let nodes = config.cluster.peers.iter().map(|peer| {
        let role = if peer.id == config.node.id { LOADING } else { UNKNOWN };
        NodeStatus {
            number: peer.id,
            address: peer.address.to_string(),
            role: role.to_owned(),
            is_configured: Some(true),
            ..NodeStatus::default()
        }
    });
    ClusterStatus {
        node: Some(config.node.id),
        ready: Some(false),
        reasons: vec!["the node loads its state".to_owned()],
        nodes: nodes.collect(),
        ..ClusterStatus::default()
    }
}

impl From<keyraft_cluster::ClusterStatus> for ClusterStatus {
    fn from(seen: keyraft_cluster::ClusterStatus) -> Self {
        let quorum = seen.quorum.map(|quorum| Quorum {
            is_there: quorum.is_there,
            voters: quorum.voters,
            responding: quorum.responding,
            may_fail: quorum.may_fail,
        });
        let nodes = seen.nodes.into_iter().map(NodeStatus::from).collect();
        Self { leader: seen.leader, term: seen.term, quorum, nodes, ..Self::default() }
    }
}

impl From<keyraft_cluster::NodeStatus> for NodeStatus {
    fn from(node: keyraft_cluster::NodeStatus) -> Self {
        let is_known = node.role != UNREACHABLE;
        let known_text = |text: String| Some(text).filter(|text| !text.is_empty());
        let unapplied = node.details.as_ref().map(|details| details.unapplied);
        let details = node.details.unwrap_or_default();
        Self {
            number: node.number,
            address: node.address,
            role: node.role,
            last_log_index: is_known.then_some(node.last_log_index),
            applied_index: is_known.then_some(node.applied_index),
            lag: is_known.then_some(node.lag),
            public_url: known_text(node.public_url),
            digest: known_text(node.digest),
            options_digest: known_text(node.options_digest),
            options_differ: node.options_differ,
            notice: known_text(node.notice),
            is_voter: node.is_voter,
            is_configured: None,
            state_differs: node.state_differs,
            unapplied,
            is_lease_held: details.is_lease_held,
            lease_age_ms: details.lease_age_ms,
            version: known_text(details.version),
            formats: details.formats,
            uptime_ms: details.uptime_ms,
            fault: known_text(details.fault),
        }
    }
}

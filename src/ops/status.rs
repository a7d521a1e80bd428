//! The cluster as one node sees it: the answer of `GET /keyraft/status`.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::auth::Caller;
use crate::http::ApiError;
use crate::http::operation::{self, Operation};
use crate::token::model::Token;

/// The path of the status, below the URL of a node.
pub const STATUS_PATH: &str = "/keyraft/status";

/// The cluster as one node sees it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct ClusterStatus {
    /// Number of the leader; `None` when the node knows of none.
    pub leader: Option<u64>,
    /// The term of the node that answers.
    pub term: u64,
    /// All members, by number.
    pub nodes: Vec<NodeStatus>,
}

/// One member. What is `None` the answering node does not know, because it cannot reach the member.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct NodeStatus {
    /// Its `node.id`.
    pub number: u64,
    /// Host and port of its cluster gRPC service.
    pub address: String,
    /// `leader`, `follower`, `candidate`, `learner` or `unreachable`.
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
    Ok(Json(ClusterStatus::from(app.node.status().await)).into_response())
}

impl From<keyraft_cluster::ClusterStatus> for ClusterStatus {
    fn from(seen: keyraft_cluster::ClusterStatus) -> Self {
        let nodes = seen.nodes.into_iter().map(|node| {
            let is_known = node.role != "unreachable";
            let known_text = |text: String| Some(text).filter(|text| !text.is_empty());
            NodeStatus {
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
            }
        });
        Self { leader: seen.leader, term: seen.term, nodes: nodes.collect() }
    }
}

//! The local admin channel: what the commands of the binary ask of a running node.
//!
//! It works before there is any user, so it knows no tokens: it is HTTP over a Unix socket of mode
//! 0600, and whoever may open that socket is an administrator.

mod messages;
mod socket;

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};

pub use messages::{
    BootstrapRequest, ErrorBody, FernetKey, FernetKeyFile, FernetKeyFiles, FernetKeyRole, FernetKeys,
    RotateRequest, Secret,
};
pub use socket::{AdminSocket, SocketError, connect};

use super::status::ClusterStatus;

/// Request bodies of this channel are at most this long.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// What a node does for its operator.
#[async_trait]
pub trait AdminOperations: Send + Sync + 'static {
    /// Does what `keystone-manage bootstrap` does: the default domain, the admin user, project and
    /// roles, and with the URLs given the identity service and its endpoints. What exists stays; the
    /// password of the user is set in any case.
    async fn bootstrap(&self, request: BootstrapRequest) -> Result<(), AdminError>;
    /// Makes the staged key primary and stages a new one. With `compromised`, all older keys are
    /// dropped at once, and with them every token they made.
    async fn fernet_rotate(&self, request: RotateRequest) -> Result<FernetKeys, AdminError>;
    /// The keys, without their secrets.
    async fn fernet_list(&self) -> Result<FernetKeys, AdminError>;
    /// The keys with their secrets, for a Keystone that is to share them.
    async fn fernet_export(&self) -> Result<FernetKeyFiles, AdminError>;
    /// The cluster as this node sees it. It needs no leader, and takes a few seconds at most.
    async fn status(&self) -> Result<ClusterStatus, AdminError>;
    /// Returns once this node has served a linearizable read.
    async fn wait_linearizable_read(&self) -> Result<(), AdminError>;
}

/// Why an operation was not done. The text is for the operator and holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The request cannot be done as it is.
    #[error("{0}")]
    Invalid(String),
    /// There is no leader or no majority now; the same request may succeed later.
    #[error("{0}")]
    Unavailable(String),
    /// The node is at fault.
    #[error("{0}")]
    Failed(String),
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(ErrorBody { error: self.to_string() })).into_response()
    }
}

/// The routes of the channel.
pub fn router(operations: Arc<dyn AdminOperations>) -> Router {
    Router::new()
        .route("/bootstrap", post(bootstrap))
        .route("/fernet/rotate", post(fernet_rotate))
        .route("/fernet/keys", get(fernet_list))
        .route("/fernet/export", get(fernet_export))
        .route("/read", get(read))
        .route("/status", get(status))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(operations)
}

type Operations = State<Arc<dyn AdminOperations>>;
type Body<T> = Result<Json<T>, JsonRejection>;

async fn bootstrap(
    State(operations): Operations,
    body: Body<BootstrapRequest>,
) -> Result<StatusCode, AdminError> {
    operations.bootstrap(accept(body)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn fernet_rotate(
    State(operations): Operations,
    body: Body<RotateRequest>,
) -> Result<Json<FernetKeys>, AdminError> {
    Ok(Json(operations.fernet_rotate(accept(body)?).await?))
}

async fn fernet_list(State(operations): Operations) -> Result<Json<FernetKeys>, AdminError> {
    Ok(Json(operations.fernet_list().await?))
}

async fn fernet_export(State(operations): Operations) -> Result<Json<FernetKeyFiles>, AdminError> {
    Ok(Json(operations.fernet_export().await?))
}

async fn read(State(operations): Operations) -> Result<StatusCode, AdminError> {
    operations.wait_linearizable_read().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn status(State(operations): Operations) -> Result<Json<ClusterStatus>, AdminError> {
    Ok(Json(operations.status().await?))
}

fn accept<T>(body: Body<T>) -> Result<T, AdminError> {
    body.map(|Json(request)| request).map_err(|rejection| AdminError::Invalid(rejection.body_text()))
}

//! One node of the service, from its configuration to its stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use keyraft_cluster::{Environment, Fault, Host};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::auth::admin_token::{AdminToken, AdminTokenFileError};
use crate::config::Config;
use crate::http::{router, server};
use crate::keys::seal::{ClusterKey, ClusterKeyFileError};
use crate::ops::admin::{AdminSocket, SocketError};
use crate::ops::operations::Operations;
use crate::ops::{housekeeping, metrics, policy_reload};
use crate::service::{self, Machine, ServiceError};

/// Why a node did not start, or stopped. Its text is one line.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The HTTP port is not to be had.
    #[error("http.listen: cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The file of the cluster key.
    #[error(transparent)]
    ClusterKey(#[from] ClusterKeyFileError),
    /// The file of the admin token.
    #[error(transparent)]
    AdminToken(#[from] AdminTokenFileError),
    /// The operating system refuses something that every node needs.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
    /// Metrics cannot be collected.
    #[error("cannot start: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    /// The service, or the cluster side of the node, did not start.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The admin channel.
    #[error(transparent)]
    Admin(#[from] SocketError),
    /// The node had to stop.
    #[error("the node stops: {0}")]
    Fault(Fault),
}

/// Runs a node until `stop` is cancelled. `ready` is called once it accepts requests; they may have to wait for
/// a leader.
///
/// # Errors
/// It does not start, or a fault stops it: [`ServeError`].
pub async fn run(config: Config, ready: impl FnOnce(), stop: CancellationToken) -> Result<(), ServeError> {
    let address = config.http.listen;
    let listener =
        TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })?;
    let cluster_key = ClusterKey::load(&config.node.cluster_key_file)?;
    let admin_token = config.auth.admin_token_file.as_deref().map(AdminToken::load).transpose()?;
    let environment = Environment::with_wall_offset(config.node.wall_clock_offset_ms)?;
    let metrics = metrics::install()?;
    let hang_up = signal(SignalKind::hangup())?;
    let machine = Machine { host: Host::system(), environment, cluster_key, admin_token, metrics };
    let (app, policy_text) = service::start(config, machine).await?;
    // Ends with this function, whatever ends it.
    let ending = stop.child_token();
    let _guard = ending.clone().drop_guard();
    let admin = AdminSocket::bind(&app.config.admin_socket())?;
    let admin = tokio::spawn(admin.serve(Arc::new(Operations(app.clone())), ending.clone()));
    let housekeeping = tokio::spawn(housekeeping::run(app.clone(), ending.clone()));
    let reload = tokio::spawn(policy_reload::run(app.clone(), policy_text, hang_up, ending.clone()));
    let http = tokio::spawn(server::serve(listener, router::router(&app), ending.clone()));
    ready();

    let mut fault = app.node.fault();
    let fault = tokio::select! {
        () = stop.cancelled() => None,
        fault = fault.wait_for(Option::is_some) => fault.ok().and_then(|fault| fault.clone()),
    };
    ending.cancel();
    for task in [http, housekeeping, reload] {
        if let Err(error) = task.await {
            tracing::warn!(%error, "a task did not end well");
        }
    }
    if let Ok(Err(error)) = admin.await {
        tracing::warn!(%error, "the admin channel ended");
    }
    app.node.shutdown().await;
    fault.map_or(Ok(()), |fault| Err(ServeError::Fault(fault)))
}

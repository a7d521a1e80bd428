//! One node of the service, from its configuration to its stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use keyraft_cluster::{Environment, Fault, Host};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::auth::admin_token::{AdminToken, AdminTokenFileError};
use crate::config::Config;
use crate::http::{router, server};
use crate::keys::seal::{ClusterKey, ClusterKeyFileError};
use crate::ops::admin::{AdminSocket, SocketError};
use crate::ops::starting::Starting;
use crate::ops::{housekeeping, key_watch, metrics, policy_reload, status};
use crate::service::{self, Machine, ServiceError};

/// How long requests in progress, of clients and of the operator, may hold up a stop: a little more than the HTTP
/// server allows its own.
const ENDING_LIMIT: Duration = Duration::from_secs(6);

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

/// The request that a node stop.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// It is to stop: it reports that it is not ready, goes on serving for `http.shutdown_delay_s`, then lets requests
    /// in progress end.
    pub asked: CancellationToken,
    /// It is to wait for none of this any more.
    pub at_once: CancellationToken,
}

/// Runs a node until it is asked to stop. `ready` is called once it accepts requests; they may have to wait for
/// a leader.
///
/// # Errors
/// It does not start, or a fault stops it: [`ServeError`].
pub async fn run(config: Config, ready: impl FnOnce(), stop: Stop) -> Result<(), ServeError> {
    let address = config.http.listen;
    let listener =
        TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })?;
    let cluster_key = ClusterKey::load(&config.node.cluster_key_file)?;
    let admin_token = config.auth.admin_token_file.as_deref().map(AdminToken::load).transpose()?;
    let environment = Environment::with_wall_offset(config.node.wall_clock_offset_ms)?;
    let metrics = metrics::install()?;
    let hang_up = signal(SignalKind::hangup())?;
    // Ends with this function, whatever ends it.
    let ending = CancellationToken::new();
    let _guard = ending.clone().drop_guard();
    let admin = AdminSocket::bind(&config.admin_socket())?;
    let starting = Arc::new(Starting::new(status::while_loading(&config)));
    let admin = tokio::spawn(admin.serve(starting.clone(), ending.clone()));
    let machine = Machine { host: Host::system(), environment, cluster_key, admin_token, metrics };
    let (app, policy_text) = service::start(config, machine).await?;
    starting.loaded(app.clone());
    let housekeeping = tokio::spawn(housekeeping::run(app.clone(), ending.clone()));
    let key_watch = tokio::spawn(key_watch::run(app.clone(), ending.clone()));
    let reload = tokio::spawn(policy_reload::run(app.clone(), policy_text, hang_up, ending.clone()));
    let http = tokio::spawn(server::serve(listener, router::router(&app), ending.clone()));
    ready();

    let mut fault = app.node.fault();
    let faulty = async { fault.wait_for(Option::is_some).await.ok().and_then(|fault| fault.clone()) };
    let delay = Duration::from_secs(app.config.http.shutdown_delay_s);
    let fault = tokio::select! {
        () = linger(&stop, &app.stopping, delay) => None,
        fault = faulty => fault,
    };
    app.stopping.cancel();
    ending.cancel();
    let ended = async {
        for task in [http, housekeeping, key_watch, reload] {
            if let Err(error) = task.await {
                tracing::warn!(%error, "a task did not end well");
            }
        }
        if let Ok(Err(error)) = admin.await {
            tracing::warn!(%error, "the admin channel ended");
        }
    };
    if !finish(ended, &stop).await {
        tracing::warn!("what was in progress is cut off");
    }
    app.node.shutdown().await;
    fault.map_or(Ok(()), |fault| Err(ServeError::Fault(fault)))
}

/// Waits until the node is asked to stop, then has `stopping` show it and goes on serving for `delay`: whoever sends
/// requests here learns of it from `/ready`, before connections are refused.
async fn linger(stop: &Stop, stopping: &CancellationToken, delay: Duration) {
    stop.asked.cancelled().await;
    stopping.cancel();
    tokio::select! {
        () = tokio::time::sleep(delay) => {}
        () = stop.at_once.cancelled() => {}
    }
}

/// Waits for the tasks of a node that stops; false: they have not ended within [`ENDING_LIMIT`], or the node is to stop
/// at once.
async fn finish(ended: impl Future<Output = ()>, stop: &Stop) -> bool {
    tokio::select! {
        () = ended => true,
        () = tokio::time::sleep(ENDING_LIMIT) => false,
        () = stop.at_once.cancelled() => false,
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::Instant;

    use super::*;

    const DELAY: Duration = Duration::from_secs(20);

    #[tokio::test(start_paused = true)]
    async fn a_node_that_is_told_to_stop_shows_it_and_serves_on_for_the_delay() {
        let (stop, stopping) = (Stop::default(), CancellationToken::new());
        let running = linger(&stop, &stopping, DELAY);
        let told = async {
            assert!(!stopping.is_cancelled());
            stop.asked.cancel();
            let told = Instant::now();
            stopping.cancelled().await;
            told
        };
        let ((), told) = tokio::join!(running, told);
        assert_eq!(told.elapsed(), DELAY);
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_is_told_twice_does_not_wait() {
        let (stop, stopping) = (Stop::default(), CancellationToken::new());
        stop.asked.cancel();
        stop.at_once.cancel();
        let started = Instant::now();
        linger(&stop, &stopping, DELAY).await;
        assert!(stopping.is_cancelled());
        assert_eq!(started.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_end_is_left_after_a_while() {
        let (stop, started) = (Stop::default(), Instant::now());
        assert!(!finish(pending(), &stop).await);
        assert_eq!(started.elapsed(), ENDING_LIMIT);
        assert!(finish(async {}, &stop).await);
        stop.at_once.cancel();
        assert!(!finish(pending(), &stop).await);
        assert_eq!(started.elapsed(), ENDING_LIMIT, "it does not wait again");
    }
}

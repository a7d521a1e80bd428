//! The start of a node.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;

use super::core::Core;
use super::site::Site;
use super::supervised::{forever, once, until_stopped};
use super::threads::Threads;
use super::{Node, Running};
use crate::application::Application;
use crate::config::{ConfigError, NodeConfig};
use crate::environment::Environment;
use crate::formation::{self, FORM_CALLS, Ground};
use crate::host::Host;
use crate::network::server;
use crate::storage::{StorageError, StorageOptions};

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address of the cluster service.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The files.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The threads of consensus.
    #[error("cannot start the threads of consensus: {0}")]
    Threads(#[source] io::Error),
}

impl<A: Application> Node<A> {
    /// Starts a node on this machine. It returns once the node answers its peers, which may be
    /// long before there is a leader.
    ///
    /// # Errors
    /// A bad configuration, a busy port, files that cannot be opened.
    pub async fn start(config: NodeConfig, app: A, environment: Environment) -> Result<Self, StartError> {
        Self::start_on(config, app, environment, Host::system()).await
    }

    /// The same, on a given host.
    ///
    /// # Errors
    /// A bad configuration, a busy port, files that cannot be opened.
    pub async fn start_on(
        config: NodeConfig,
        app: A,
        environment: Environment,
        host: Host,
    ) -> Result<Self, StartError> {
        config.validate()?;
        let threads = Threads::start(config.consensus_threads, &environment).map_err(StartError::Threads)?;
        let starting = threads.handle.spawn(begin(config, Arc::new(app), environment, host));
        let (core, tasks) = starting
            .await
            .unwrap_or_else(|failed| Err(StartError::Threads(io::Error::other(failed.to_string()))))?;
        Ok(Self(Arc::new(Running { core, threads, tasks: Mutex::new(tasks) })))
    }
}

type Begun<A> = (Arc<Core<A>>, Vec<tokio::task::JoinHandle<()>>);

async fn begin<A: Application>(
    config: NodeConfig,
    app: Arc<A>,
    environment: Environment,
    host: Host,
) -> Result<Begun<A>, StartError> {
    let address = config.listen;
    let incoming = host.network.listen(address).await;
    let incoming = incoming.map_err(|source| StartError::Listen { address, source })?;
    let options = StorageOptions {
        has_peers: !config.other_members().is_empty(),
        segment_bytes: host.segment_bytes,
        rows: host.rows.clone(),
        is_inline: host.is_inline,
        ..StorageOptions::new(config.directory.clone(), config.node_id)
    };
    let ground = Ground { options, app, disk: Arc::clone(&host.disk) };
    let site = Site::new(config, environment, &host);
    let opened = ground.open(&site).await?;
    let (form_calls, calls) = mpsc::channel(FORM_CALLS);
    let core = Core::new(site, opened.publication.clone(), form_calls);
    let introducing = Arc::clone(&core.site);
    let tasks = vec![
        forever(&core.site, "introductions", async move { introducing.peers.introduce_again().await }),
        until_stopped(&core.site, "cluster service", server::serve(Arc::clone(&core), incoming)),
        once(&core.site, "formation", formation::run(Arc::clone(&core), ground, opened, calls)),
    ];
    Ok((core, tasks))
}

//! One node of the service, from its configuration to its stop.

use std::io;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;

use arc_swap::ArcSwap;
use keyraft_cluster::{Announcement, Environment, Fault, Node, NodeConfig, Peer, StartError};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::app::{App, Inner};
use crate::auth::admin_token::{AdminToken, AdminTokenFileError};
use crate::config::{Config, PasswordHashAlgorithm};
use crate::http::{router, server};
use crate::identity::hash_upgrade::HashUpgrades;
use crate::identity::password::{
    HashingPool, PasswordAlgorithm, PasswordError, PasswordHasher, PasswordOptions, PoolLimits,
};
use crate::keys::seal::{ClusterKey, ClusterKeyFileError};
use crate::ops::admin::{AdminSocket, SocketError};
use crate::ops::operations::Operations;
use crate::ops::ready::LastReadiness;
use crate::ops::{housekeeping, metrics, options, policy_reload};
use crate::policy::{Policy, PolicyFileError, PolicyText};
use crate::state::Identity;
use crate::token::payload::{MethodList, MethodListError};
use crate::token::ring::TokenKeys;

/// Log-ins that may wait for a hashing thread.
const WAITING_LOGINS: usize = 1024;

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
    /// The list of methods.
    #[error("auth.methods: {0}")]
    Methods(#[from] MethodListError),
    /// The cost of hashes.
    #[error("identity.password_hash_rounds: {0}")]
    Hashing(#[from] PasswordError),
    /// The policy files.
    #[error(transparent)]
    Policy(#[from] PolicyFileError),
    /// The cluster side of the node did not start.
    #[error(transparent)]
    Node(#[from] StartError),
    /// The admin channel.
    #[error(transparent)]
    Admin(#[from] SocketError),
    /// The node had to stop.
    #[error("the node stops: {0}")]
    Fault(Fault),
}

fn node_config(config: &Config) -> NodeConfig {
    let cluster = &config.cluster;
    NodeConfig {
        node_id: config.node.id,
        listen: cluster.listen,
        peers: cluster
            .peers
            .iter()
            .map(|peer| Peer { node_id: peer.id, address: peer.address.to_string() })
            .collect(),
        public_url: config.public_endpoint(),
        directory: config.node.data_dir.clone(),
        heartbeat_ms: cluster.heartbeat_ms,
        election_timeout_min_ms: cluster.election_timeout_min_ms,
        election_timeout_max_ms: cluster.election_timeout_max_ms,
        leases: cluster.leases,
        learner_leases: cluster.learner_leases,
        leader_lease_ms: cluster.leader_lease_ms,
        follower_lease_ms: cluster.follower_lease_ms,
        read_timeout_ms: cluster.read_timeout_ms,
        write_timeout_ms: cluster.write_timeout_ms,
        ..NodeConfig::default()
    }
}

fn hashing_pool(config: &Config, environment: &Environment) -> Result<HashingPool, ServeError> {
    let identity = &config.identity;
    let algorithm = match identity.password_hash_algorithm {
        PasswordHashAlgorithm::Bcrypt => PasswordAlgorithm::Bcrypt,
        PasswordHashAlgorithm::BcryptSha256 => PasswordAlgorithm::BcryptSha256,
        PasswordHashAlgorithm::Scrypt => PasswordAlgorithm::Scrypt,
        PasswordHashAlgorithm::Pbkdf2Sha512 => PasswordAlgorithm::Pbkdf2Sha512,
    };
    let hasher = PasswordHasher::new(&PasswordOptions {
        algorithm,
        rounds: identity.password_hash_rounds.map(NonZeroU32::get),
        scrypt_block_size: identity.scrypt_block_size.map(NonZeroU32::get),
        scrypt_parallelism: identity.scrypt_parallelism.map(NonZeroU32::get),
        salt_bytes: identity.salt_bytesize.map(NonZeroUsize::get),
        max_password_bytes: usize::try_from(identity.max_password_length).unwrap_or(usize::MAX),
        is_strict: identity.strict_password_check,
    })?;
    let threads = identity.hashing_threads.unwrap_or(PoolLimits::default().threads);
    let limits = PoolLimits { threads, waiting: WAITING_LOGINS };
    Ok(HashingPool::start(hasher, Arc::clone(&environment.random), limits)?)
}

fn load_policy(config: &Config) -> Result<(Policy, PolicyText), PolicyFileError> {
    let files = config.policy.files();
    let text = files.read()?;
    let policy = files.load(&text)?;
    for warning in policy.warnings() {
        tracing::warn!("policy: {warning}");
    }
    Ok((policy, text))
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
    let hashing = hashing_pool(&config, &environment)?;
    let hang_up = signal(SignalKind::hangup())?;
    let (policy, policy_text) = load_policy(&config)?;
    let methods = MethodList::new(config.auth.methods.iter().map(String::as_str))?;
    let node = Node::start(node_config(&config), Identity, environment.clone()).await?;
    node.announce(Announcement { options_digest: options::digest(&config, &policy), notice: String::new() });
    let app = App::new(Inner {
        public_endpoint: config.public_endpoint(),
        config,
        node: node.clone(),
        environment,
        policy: ArcSwap::from_pointee(policy),
        hashing,
        cluster_key,
        methods,
        metrics,
        token_keys: TokenKeys::default(),
        hash_upgrades: HashUpgrades::default(),
        admin_token,
        last_readiness: LastReadiness::default(),
    });
    // Ends with this function, whatever ends it.
    let ending = stop.child_token();
    let _guard = ending.clone().drop_guard();
    let admin = AdminSocket::bind(&app.config.admin_socket())?;
    let admin = tokio::spawn(admin.serve(Arc::new(Operations(app.clone())), ending.clone()));
    let housekeeping = tokio::spawn(housekeeping::run(app.clone(), ending.clone()));
    let reload = tokio::spawn(policy_reload::run(app.clone(), policy_text, hang_up, ending.clone()));
    let http = tokio::spawn(server::serve(listener, router::router(&app), ending.clone()));
    ready();

    let mut fault = node.fault();
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
    node.shutdown().await;
    fault.map_or(Ok(()), |fault| Err(ServeError::Fault(fault)))
}

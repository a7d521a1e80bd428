//! The service of a node, put together from its configuration and from what its machine provides. It neither binds a
//! socket nor listens for signals: that is [`crate::serve`]'s part.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;

use arc_swap::ArcSwap;
use keyraft_cluster::{Announcement, Environment, Host, Node, NodeConfig, Peer, StartError};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Inner};
use crate::auth::admin_token::AdminToken;
use crate::config::{Config, PasswordHashAlgorithm};
use crate::identity::hash_upgrade::HashUpgrades;
use crate::identity::password::{
    HashingPool, PasswordAlgorithm, PasswordError, PasswordHasher, PasswordOptions, PoolLimits,
};
use crate::keys::seal::ClusterKey;
use crate::ops::options;
use crate::ops::ready::LastReadiness;
use crate::policy::{Policy, PolicyFileError, PolicyText};
use crate::state::Identity;
use crate::token::payload::{MethodList, MethodListError};
use crate::token::ring::TokenKeys;

/// Log-ins that may wait for a hashing thread.
const WAITING_LOGINS: usize = 1024;

/// The parts of a service that its machine provides.
pub struct Machine {
    /// Disk and network.
    pub host: Host,
    /// Clock and randomness.
    pub environment: Environment,
    /// The key that seals secrets.
    pub cluster_key: ClusterKey,
    /// The token that stands for every right, if there is one.
    pub admin_token: Option<AdminToken>,
    /// The recorder's handle, for `/metrics`.
    pub metrics: PrometheusHandle,
}

/// Why a service was not put together. Its text is one line.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The operating system refuses something that every node needs.
    #[error("cannot start: {0}")]
    System(#[from] std::io::Error),
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
}

fn node_config(config: &Config, host: &Host) -> NodeConfig {
    let cluster = &config.cluster;
    let defaults = NodeConfig::default();
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
        digest_interval_ms: cluster.digest_interval_ms,
        promotion_delay_ms: cluster.promotion_delay_s.saturating_mul(1_000),
        consensus_threads: if host.is_inline { 0 } else { defaults.consensus_threads },
        ..defaults
    }
}

fn hashing_pool(config: &Config, environment: &Environment) -> Result<HashingPool, ServiceError> {
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

/// Starts the node and puts together the service on it. Returns the text of the policy that it begins with, too.
///
/// # Errors
/// The configuration cannot be followed, or the node does not start.
pub async fn start(config: Config, machine: Machine) -> Result<(App, PolicyText), ServiceError> {
    let Machine { host, environment, cluster_key, admin_token, metrics } = machine;
    let hashing = hashing_pool(&config, &environment)?;
    let (policy, policy_text) = load_policy(&config)?;
    let methods = MethodList::new(config.auth.methods.iter().map(String::as_str))?;
    let node_config = node_config(&config, &host);
    let node = Node::start_on(node_config, Identity, environment.clone(), host).await?;
    node.announce(Announcement { options_digest: options::digest(&config, &policy), notice: String::new() });
    let app = App::new(Inner {
        public_endpoint: config.public_endpoint(),
        config,
        node,
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
        stopping: CancellationToken::new(),
    });
    Ok((app, policy_text))
}

//! The service of a node, put together from its configuration and from what its machine provides. It neither binds a
//! socket nor listens for signals: that is [`crate::serve`]'s part.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;

use arc_swap::ArcSwap;
use keyraft_cluster::{Announcement, Environment, Host, Node, NodeConfig, Peer, StartError};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Inner};
use crate::auth::admin_token::AdminToken;
use crate::config::{Config, HostPort, PasswordHashAlgorithm};
use crate::identity::hash_upgrade::HashUpgrades;
use crate::identity::password::{
    HashingPool, PasswordAlgorithm, PasswordError, PasswordHasher, PasswordOptions, PoolLimits,
};
use crate::keys::agreement::KeyAgreement;
use crate::keys::seal::ClusterKey;
use crate::ops::notices::Notices;
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
    /// The cluster service has no address to listen at.
    #[error(
        "cluster.peers: cannot listen at this node's own address {address}: {reason}; set cluster.listen"
    )]
    ClusterListen {
        /// This node's address, as its peers have it.
        address: String,
        /// Why not.
        reason: String,
    },
    /// The cluster side of the node did not start.
    #[error(transparent)]
    Node(#[from] StartError),
}

/// Where the cluster service listens: at `cluster.listen`, else at this node's own address in `cluster.peers`.
async fn cluster_listen(config: &Config) -> Result<SocketAddr, ServiceError> {
    let cluster = &config.cluster;
    let own = cluster.peers.iter().find(|peer| peer.id == config.node.id);
    let (None, Some(own)) = (cluster.listen, own) else {
        return Ok(cluster.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0))));
    };
    let address = own.address.as_str();
    let refused = |reason| ServiceError::ClusterListen { address: address.to_owned(), reason };
    if let Ok(literal) = address.parse() {
        return Ok(literal);
    }
    let found = tokio::net::lookup_host(address).await.map_err(|error| refused(error.to_string()))?;
    let found: Vec<SocketAddr> = found.collect();
    let outward = found.iter().find(|address| !address.ip().is_loopback());
    let host = |address: &HostPort| address.as_str().rsplit_once(':').map(|(host, _)| host.to_owned());
    let is_alone = cluster.peers.iter().all(|peer| host(&peer.address) == host(&own.address));
    match (outward, found.first()) {
        (Some(outward), _) => Ok(*outward),
        (None, Some(inward)) if is_alone => Ok(*inward),
        (None, Some(inward)) => {
            Err(refused(format!("it is {} here, which no other machine reaches", inward.ip())))
        }
        (None, None) => Err(refused("it has no address".to_owned())),
    }
}

fn node_config(config: &Config, host: &Host, listen: SocketAddr, key: &ClusterKey) -> NodeConfig {
    let cluster = &config.cluster;
    let defaults = NodeConfig::default();
    NodeConfig {
        node_id: config.node.id,
        listen,
        secret: Some(key.transport_secret()),
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
    let listen = cluster_listen(&config).await?;
    let node_config = node_config(&config, &host, listen, &cluster_key);
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
        key_agreement: KeyAgreement::default(),
        notices: Notices::default(),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Where node 0 listens whose configuration has this `[cluster]`.
    async fn listen(cluster: &str) -> Result<String, String> {
        let text = format!("node.id = 0\n[cluster]\n{cluster}");
        let config = Config::parse("test.toml".as_ref(), &text).unwrap();
        cluster_listen(&config).await.map(|address| address.to_string()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_node_listens_at_its_own_address_unless_another_is_configured() {
        let of = |own: &str| {
            format!("peers = [{{id = 0, address = '{own}'}}, {{id = 1, address = '10.0.0.2:5100'}}]")
        };
        assert_eq!(listen(&of("10.0.0.1:5107")).await.unwrap(), "10.0.0.1:5107");
        assert_eq!(listen(&of("[::1]:5107")).await.unwrap(), "[::1]:5107");
        let set = format!("listen = '0.0.0.0:5100'\n{}", of("nowhere.invalid:5107"));
        assert_eq!(listen(&set).await.unwrap(), "0.0.0.0:5100");
        let alone = listen("peers = [{id = 0, address = 'localhost:5107'}]").await.unwrap();
        assert!(alone.ends_with(":5107"), "{alone}");
    }

    #[tokio::test]
    async fn an_address_that_no_other_machine_reaches_is_not_listened_at() {
        let peers =
            "peers = [{id = 0, address = 'localhost:5107'}, {id = 1, address = 'other.example:5107'}]";
        let refused = listen(peers).await.unwrap_err();
        assert!(refused.contains("localhost:5107") && refused.contains("set cluster.listen"), "{refused}");
    }
}

//! The service: what every request needs, in one place.

use std::ops::Deref;
use std::sync::Arc;

use axum::http::HeaderMap;
use bytes::Bytes;
use keyraft_cluster::{Environment, Node, Proposed};
use keyraft_proto::identity as proto;
use metrics_exporter_prometheus::PrometheusHandle;
use prost::Message;
use zeroize::Zeroizing;

use crate::config::Config;
use crate::http::ApiError;
use crate::http::server::Peer;
use crate::identity::password::{HashingPool, Password};
use crate::keys::seal::ClusterKey;
use crate::ops::ready::LastReadiness;
use crate::policy::Policy;
use crate::state::{Identity, State};
use crate::token::fernet::KeyRing;
use crate::token::model::Token;
use crate::token::payload::MethodList;
use crate::token::ring::TokenKeys;
use crate::token::validate::{InvalidToken, Validation, validate};

/// The service of one node. A clone is another handle to the same.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// What a handle leads to.
pub struct Inner {
    /// What the operator said.
    pub config: Config,
    /// This node's URL, without `/v3`.
    pub public_endpoint: String,
    /// The cluster: all reads and writes go through it.
    pub node: Node<Identity>,
    /// Clock and randomness.
    pub environment: Environment,
    /// The rules in force.
    pub policy: Policy,
    /// The threads that hash passwords.
    pub hashing: HashingPool,
    /// The key that seals secrets.
    pub cluster_key: ClusterKey,
    /// The enabled authentication methods, in order.
    pub methods: MethodList,
    /// What is counted, for `/metrics`.
    pub metrics: PrometheusHandle,
    /// The unsealed Fernet keys.
    pub token_keys: TokenKeys,
    /// Whether this node was to be sent requests when that was last asked.
    pub last_readiness: LastReadiness,
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// The service with these parts.
    #[must_use]
    pub fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Cluster time in whole seconds since the epoch: what tokens are stamped with.
    #[must_use]
    pub fn now_s(&self) -> u64 {
        self.node.cluster_time_ms() / 1000
    }

    /// A new id: 32 lower-case hexadecimal digits of a version 4 UUID.
    #[must_use]
    pub fn new_id(&self) -> String {
        let mut bytes = [0; 16];
        self.environment.random.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid().simple().to_string()
    }

    /// The unsealed keys of this state.
    ///
    /// # Errors
    /// 503 before the cluster is bootstrapped, or when this node's cluster key is wrong.
    pub fn ring(&self, state: &State) -> Result<Arc<KeyRing>, ApiError> {
        self.token_keys
            .ring(state, &self.cluster_key)
            .map_err(|error| ApiError::Unavailable(error.to_string()))
    }

    /// Validates a token; `grace_s` takes one that ended at most that many seconds ago.
    ///
    /// # Errors
    /// The outer one: 503 without keys. The inner one: the token is not valid.
    pub fn validate_token(
        &self,
        state: &State,
        text: &str,
        grace_s: u64,
    ) -> Result<Result<Token, InvalidToken>, ApiError> {
        let ring = self.ring(state)?;
        let default_domain_id = &self.config.identity.default_domain_id;
        let validation = Validation { ring: &ring, default_domain_id, now_s: self.now_s(), grace_s };
        Ok(validate(state, validation, text))
    }

    /// Runs a command through the log.
    ///
    /// # Errors
    /// 503 if it could not be logged, or if its outcome is not known.
    pub async fn propose(&self, kind: proto::command::Kind) -> Result<Proposed<Identity>, ApiError> {
        let command = proto::Command { kind: Some(kind) }.encode_to_vec();
        Ok(self.node.propose(command.into()).await?)
    }

    /// Seals a secret of the given context.
    #[must_use]
    pub fn seal(&self, context: &[u8], secret: &[u8]) -> Bytes {
        self.cluster_key.seal(&*self.environment.random, context, secret).into()
    }

    /// Opens a sealed text.
    ///
    /// # Errors
    /// 500 when this node's cluster key does not open it.
    pub fn open_text(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<String>, ApiError> {
        let bytes =
            self.cluster_key.open(context, sealed).map_err(|error| ApiError::Internal(error.to_string()))?;
        let text = std::str::from_utf8(&bytes).map_err(|error| ApiError::Internal(error.to_string()))?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// Hashes a password and seals the hash.
    ///
    /// # Errors
    /// 503 when too many wait for the hashing threads.
    pub async fn new_password(&self, password: Password) -> Result<proto::Password, ApiError> {
        let hash = self.hashing.hash(password).await?;
        let sealed_hash = self.seal(crate::identity::PASSWORD_CONTEXT, hash.as_bytes());
        Ok(proto::Password { sealed_hash, ..proto::Password::default() })
    }

    /// Whether a password is the user's; without a user or password it takes as long, and is not.
    ///
    /// # Errors
    /// 503 when too many wait for the hashing threads.
    pub async fn verify_password(
        &self,
        user: Option<&proto::User>,
        password: Password,
    ) -> Result<bool, ApiError> {
        let Some(stored) = user.and_then(|user| user.password.as_ref()) else {
            self.hashing.verify_unknown_user(password).await?;
            return Ok(false);
        };
        let hash = self.open_text(crate::identity::PASSWORD_CONTEXT, &stored.sealed_hash)?;
        Ok(self.hashing.verify(password, hash.to_string()).await?)
    }

    /// The options that decide how long Fernet keys are needed.
    #[must_use]
    pub fn key_policy(&self) -> proto::KeyPolicy {
        proto::KeyPolicy {
            max_active_keys: u32::try_from(self.config.fernet.max_active_keys).unwrap_or(u32::MAX),
            // What is sealed with a key, be it a token or a receipt, outlives its demotion by no more.
            expiration_ms: self
                .config
                .token
                .expiration_s
                .max(self.config.receipt.expiration_s)
                .saturating_mul(1000),
            allow_expired_window_ms: self.config.token.allow_expired_window_s.saturating_mul(1000),
        }
    }

    /// This node's URL as the client knows it: the configured one, else what the request was sent to. Forwarding
    /// headers count only from trusted proxies.
    #[must_use]
    pub fn base_url(&self, headers: &HeaderMap, peer: Option<&Peer>) -> String {
        if self.config.node.public_endpoint.is_some() {
            return self.public_endpoint.clone();
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let is_trusted = peer.is_some_and(|peer| {
            self.config.http.trusted_proxies.iter().any(|network| network.contains(peer.address.ip()))
        });
        let forwarded = |name: &str| text(name).filter(|_| is_trusted);
        let scheme = forwarded("x-forwarded-proto").unwrap_or("http");
        match forwarded("x-forwarded-host").or_else(|| text("host")).filter(|host| is_host(host)) {
            Some(host) => format!("{scheme}://{host}"),
            None => self.public_endpoint.clone(),
        }
    }
}

/// Whether a `Host` header holds nothing that could break out of a URL.
fn is_host(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte))
}

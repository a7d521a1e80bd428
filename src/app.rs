//! The service: what every request needs, in one place.

use std::num::NonZeroU32;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use keyraft_cluster::{Bug, Environment, Node, Proposed, is_planted};
use keyraft_proto::identity as proto;
use metrics_exporter_prometheus::PrometheusHandle;
use prost::Message;
use proto::command::Kind;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::auth::admin_token::AdminToken;
use crate::config::Config;
use crate::http::ApiError;
use crate::identity::account;
use crate::identity::hash_upgrade::HashUpgrades;
use crate::identity::password::{HashingPool, Password, PoolError};
use crate::keys::agreement::{KeyAgreement, KeyConflict};
use crate::keys::seal::ClusterKey;
use crate::ops::notices::Notices;
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
    /// The rules in force. A request takes them once.
    pub policy: ArcSwap<Policy>,
    /// The threads that hash passwords.
    pub hashing: HashingPool,
    /// The key that seals secrets.
    pub cluster_key: ClusterKey,
    /// What is known of that key's agreement with the cluster.
    pub key_agreement: KeyAgreement,
    /// What the operator should know of this node.
    pub notices: Notices,
    /// The enabled authentication methods, in order.
    pub methods: MethodList,
    /// What is counted, for `/metrics`.
    pub metrics: PrometheusHandle,
    /// The unsealed Fernet keys.
    pub token_keys: TokenKeys,
    /// The hashes of passwords that are made anew.
    pub hash_upgrades: HashUpgrades,
    /// The token that stands for every right, if there is one.
    pub admin_token: Option<AdminToken>,
    /// Whether this node was to be sent requests when that was last asked.
    pub last_readiness: LastReadiness,
    /// Cancelled when this node is to stop: from then on nobody should send it requests.
    pub stopping: CancellationToken,
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

    /// Why the cluster key of this node is not the one of its cluster, if so: the node then neither serves nor writes.
    #[must_use]
    pub fn key_conflict(&self) -> Option<KeyConflict> {
        self.key_conflict_with(&self.node.publication().load().state)
    }

    fn key_conflict_with(&self, state: &State) -> Option<KeyConflict> {
        if is_planted(Bug::AnyClusterKey) {
            return None;
        }
        let file = &self.config.node.cluster_key_file;
        let outvoted =
            self.node.outvoted().map(|outvoted| KeyConflict::Outvoted { file: file.clone(), outvoted });
        outvoted.or_else(|| self.key_agreement.conflict(state, self.cluster_key.id(), file))
    }

    /// Checks that this node may serve from a state.
    ///
    /// # Errors
    /// 503: its cluster key is not the one of its cluster.
    pub fn check_key(&self, state: &State) -> Result<(), ApiError> {
        self.key_conflict_with(state)
            .map_or(Ok(()), |conflict| Err(ApiError::Unavailable(conflict.to_string())))
    }

    /// Runs a command through the log.
    ///
    /// # Errors
    /// 503 if it could not be logged, or if its outcome is not known. 503 as well where this node's cluster key is not
    /// the one of its cluster; then it does no more than to replace keys that are sealed under another, as an operator
    /// decides whose other nodes have the key of this one.
    pub async fn propose(&self, kind: Kind) -> Result<Proposed, ApiError> {
        match self.key_conflict() {
            None => {}
            Some(KeyConflict::Sealed { .. }) if matches!(kind, Kind::ReplaceFernetKeys(_)) => {}
            Some(conflict) => return Err(ApiError::Unavailable(conflict.to_string())),
        }
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

    /// Hashes a password that is to be a user's, and seals the hash.
    ///
    /// # Errors
    /// 400 or 403 for a password that may not be one; 503 when too many wait for the hashing threads.
    pub async fn new_password(&self, password: Password) -> Result<proto::Password, ApiError> {
        self.check_password_rules(Some(&password))?;
        let hash = self.hashing.hash(password).await?;
        let sealed_hash = self.seal(crate::identity::PASSWORD_CONTEXT, hash.as_bytes());
        Ok(proto::Password { sealed_hash, ..proto::Password::default() })
    }

    /// Checks a password that is to be a user's against `security_compliance.password_regex`; a rule for passwords
    /// is one that there be a password, too.
    ///
    /// # Errors
    /// 400.
    pub fn check_password_rules(&self, password: Option<&Password>) -> Result<(), ApiError> {
        let rules = &self.config.security_compliance;
        let Some(regex) = &rules.password_regex else { return Ok(()) };
        match password {
            None => {
                Err(ApiError::BadRequest("Password validation error: Password must be a string type.".into()))
            }
            Some(password) if regex.matches(password.expose()) => Ok(()),
            Some(_) => {
                let description = rules.password_regex_description.as_deref().unwrap_or("None");
                Err(ApiError::BadRequest(format!(
                    "The password does not match the requirements: {description}."
                )))
            }
        }
    }

    /// Whether a password is the user's.
    ///
    /// # Errors
    /// 403 for a password that is too long; 503 when too many wait for the hashing threads.
    pub async fn verify_password(&self, user: &proto::User, password: Password) -> Result<bool, ApiError> {
        let Some(stored) = account::password_of(user) else {
            self.verify_no_password(password).await?;
            return Ok(false);
        };
        self.matches(stored, password).await
    }

    /// Whether a password is the one that a hash was made of.
    ///
    /// # Errors
    /// As for [`App::verify_password`].
    pub async fn matches(&self, stored: &proto::Password, password: Password) -> Result<bool, ApiError> {
        let hash = self.open_text(crate::identity::PASSWORD_CONTEXT, &stored.sealed_hash)?;
        Ok(self.hashing.verify(password, hash.to_string()).await?)
    }

    /// Takes as long as [`App::verify_password`], for a user that cannot log in whatever the password is.
    ///
    /// # Errors
    /// 503 when too many wait for the hashing threads.
    pub async fn verify_no_password(&self, password: Password) -> Result<(), ApiError> {
        match self.hashing.verify_unknown_user(password).await {
            Ok(()) | Err(PoolError::Password(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The rules for passwords and accounts, as commands carry them.
    #[must_use]
    pub fn security_compliance(&self) -> proto::SecurityCompliance {
        let rules = &self.config.security_compliance;
        proto::SecurityCompliance {
            lockout_failure_attempts: rules.lockout_failure_attempts.map_or(0, NonZeroU32::get),
            lockout_duration_ms: rules.lockout_duration_s.saturating_mul(1000),
            disable_user_account_days_inactive: rules
                .disable_user_account_days_inactive
                .map_or(0, NonZeroU32::get),
            password_expires_days: rules.password_expires_days.map_or(0, NonZeroU32::get),
            unique_last_password_count: rules.unique_last_password_count,
            minimum_password_age_days: rules.minimum_password_age_days,
            change_password_upon_first_use: rules.change_password_upon_first_use,
        }
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
}

//! The configuration of a node: one TOML file, one typed struct for each of its sections.
//!
//! Names follow Keystone where Keystone has the option; durations and sizes carry their unit.
//! `keyraft.sample.toml` documents every key. A key that is unknown, missing or out of range is an
//! error that names it in full (`cluster.peers[1].address`) with the line it stands on.

mod address;
mod auth;
mod catalog;
mod cluster;
mod cors;
mod error;
mod fernet;
mod http;
mod identity;
mod locate;
mod log;
mod node;
mod operations;
mod password_regex;
mod policy;
mod receipt;
mod resource;
mod revoke;
mod role;
#[cfg(test)]
mod sample;
mod security_compliance;
mod shared;
#[cfg(test)]
mod tests;
mod token;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use address::{BaseUrl, HostPort, Network};
pub use auth::Auth;
pub use catalog::Catalog;
pub use cluster::{Cluster, MAX_PEERS, Peer};
pub use cors::Cors;
pub use error::ConfigError;
pub use fernet::Fernet;
pub use http::Http;
pub use identity::{Identity, PasswordHashAlgorithm};
pub use log::{Log, LogFormat};
pub use node::Node;
pub use operations::Operations;
pub use password_regex::PasswordRegex;
pub use policy::Policy;
pub use receipt::Receipt;
pub use resource::{Resource, UrlSafeNames};
pub use revoke::Revoke;
pub use role::Role;
pub use security_compliance::SecurityCompliance;
pub use token::Token;

use error::Invalid;

/// The longest duration that an option in seconds may name: a hundred years.
///
/// It keeps every sum of a time and a duration inside the range of a timestamp.
pub const MAX_DURATION_S: u64 = 100 * 366 * 24 * 3600;

/// Everything a node is told by its operator.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who this node is and where it keeps its data.
    pub node: Node,
    /// The public API.
    #[serde(default)]
    pub http: Http,
    /// Which web pages may call the API.
    #[serde(default)]
    pub cors: Cors,
    /// The nodes of the cluster and how they talk to one another.
    pub cluster: Cluster,
    /// Lifetime and use of tokens.
    #[serde(default)]
    pub token: Token,
    /// Receipts of log-ins that have to combine methods.
    #[serde(default)]
    pub receipt: Receipt,
    /// The keys of Fernet tokens and receipts.
    #[serde(default)]
    pub fernet: Fernet,
    /// Authentication methods.
    #[serde(default)]
    pub auth: Auth,
    /// Users and passwords.
    #[serde(default)]
    pub identity: Identity,
    /// Rules for passwords and accounts.
    #[serde(default)]
    pub security_compliance: SecurityCompliance,
    /// Domains and projects.
    #[serde(default)]
    pub resource: Resource,
    /// Roles.
    #[serde(default)]
    pub role: Role,
    /// The service catalog.
    #[serde(default)]
    pub catalog: Catalog,
    /// Revocation events.
    #[serde(default)]
    pub revoke: Revoke,
    /// Who may do what.
    #[serde(default)]
    pub policy: Policy,
    /// What operators and monitoring see.
    #[serde(default)]
    pub operations: Operations,
    /// The log.
    #[serde(default)]
    pub log: Log,
}

impl Config {
    /// Reads and checks a file. Relative paths in it are taken from the folder that holds it.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, or holds a key that is unknown, missing or out of range.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_path_buf(), source })?;
        let mut config = Self::parse(path, &text)?;
        config.resolve_paths(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// Parses and checks the text of a file; `path` is only named in errors.
    ///
    /// # Errors
    /// As for [`Config::load`], but for reading.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let deserializer =
            toml::Deserializer::parse(text).map_err(|source| ConfigError::syntax(path, text, &source))?;
        let config: Self = serde_path_to_error::deserialize(deserializer)
            .map_err(|source| ConfigError::from_serde(path, text, &source))?;
        config.check().map_err(|invalid| ConfigError::from_check(path, text, invalid))?;
        Ok(config)
    }

    /// The Unix socket through which `keyraft bootstrap`, `keyraft fernet` and `keyraft status` reach this node.
    #[must_use]
    pub fn admin_socket(&self) -> PathBuf {
        self.operations.admin_socket.clone().unwrap_or_else(|| self.node.data_dir.join("admin.sock"))
    }

    /// The URL by which clients reach this node, without a trailing slash or `/v3`.
    #[must_use]
    pub fn public_endpoint(&self) -> String {
        match &self.node.public_endpoint {
            Some(url) => url.to_string(),
            None => format!("http://{}", self.http.listen),
        }
    }

    fn check(&self) -> Result<(), Invalid> {
        self.node.check()?;
        self.http.check()?;
        self.cors.check()?;
        self.cluster.check(self.node.id)?;
        self.token.check()?;
        self.receipt.check()?;
        self.fernet.check()?;
        self.auth.check()?;
        self.identity.check()?;
        self.security_compliance.check()?;
        self.resource.check()?;
        self.role.check()?;
        self.catalog.check()?;
        self.revoke.check()?;
        self.log.check()
    }

    fn resolve_paths(&mut self, folder: &Path) {
        let paths = [&mut self.node.data_dir, &mut self.node.cluster_key_file];
        let optional = [
            &mut self.operations.admin_socket,
            &mut self.auth.admin_token_file,
            &mut self.policy.policy_file,
        ];
        let paths = paths.into_iter().chain(optional.into_iter().flatten());
        for path in paths.chain(&mut self.policy.policy_dirs) {
            // Collecting the components drops every `.` on the way.
            *path = folder.join(&*path).components().collect();
        }
    }
}

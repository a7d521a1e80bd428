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

    /// The Unix socket through which `keyraft bootstrap` and `keyraft fernet` reach this node.
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

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIRED: &str = "[node]\nid = 1\n[cluster]\npeers = [\n{ id = 0, address = 'a:5100' },\n\
        { id = 1, address = 'b:5100' },\n]\n";

    fn error_of(text: &str) -> String {
        Config::parse(Path::new("k.toml"), text).expect_err("the text holds a mistake").to_string()
    }

    #[test]
    fn the_required_keys_suffice() {
        let config = Config::parse(Path::new("k.toml"), REQUIRED).unwrap();
        assert_eq!(config.node.id, 1);
        assert_eq!(config.token.expiration_s, 3600);
        assert_eq!(config.cluster.peers[1].address.to_string(), "b:5100");
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = error_of(&format!("{REQUIRED}[token]\nexpiration_s = 60\nexpiratoin_s = 60\n"));
        assert!(error.starts_with("k.toml:10: token.expiratoin_s: unknown"), "{error}");
        let error = error_of(&format!("{REQUIRED}[tokens]\n"));
        assert!(error.starts_with("k.toml:8: tokens: unknown"), "{error}");
        let error = error_of("[node]\nid = 0\n[cluster]\npeers = [{ id = 0, address = 'a:1', port = 1 }]");
        assert!(error.starts_with("k.toml:4: cluster.peers[0].port: unknown"), "{error}");
    }

    #[test]
    fn a_missing_key_is_named() {
        let error = error_of("[node]\n[cluster]\npeers = []\n");
        assert!(error.starts_with("k.toml:1: node.id: missing"), "{error}");
        let error = error_of("[node]\nid = 0\n[cluster]\npeers = [{ id = 0 }]\n");
        assert!(error.starts_with("k.toml:4: cluster.peers[0].address: missing"), "{error}");
        let error = error_of("[node]\nid = 0\n");
        assert!(error.contains(": cluster: missing"), "{error}");
    }

    #[test]
    fn a_value_of_the_wrong_type_is_named() {
        let error = error_of(&format!("{REQUIRED}[token]\nexpiration_s = 'long'\n"));
        assert!(error.starts_with("k.toml:9: token.expiration_s: invalid type"), "{error}");
        let error = error_of(&REQUIRED.replace("b:5100", "b"));
        assert!(error.starts_with("k.toml:6: cluster.peers[1].address: "), "{error}");
        let error = error_of(&format!("{REQUIRED}[http]\ntrusted_proxies = ['10.0.0.1', 'proxy']\n"));
        assert!(error.starts_with("k.toml:9: http.trusted_proxies[1]: "), "{error}");
    }

    #[test]
    fn a_value_out_of_range_is_named_with_its_line() {
        let error = error_of(&format!("{REQUIRED}[token]\nexpiration_s = 0\n"));
        assert!(error.starts_with("k.toml:9: token.expiration_s: "), "{error}");
        let error = error_of(&REQUIRED.replace("{ id = 1,", "{ id = 0,"));
        assert!(error.starts_with("k.toml:6: cluster.peers[1].id: "), "{error}");
        let error = error_of(&REQUIRED.replace("\nid = 1", "\nid = 7"));
        assert!(error.starts_with("k.toml:2: node.id: "), "{error}");
        let error = error_of(&REQUIRED.replace("[cluster]", "[cluster]\nheartbeat_ms = 1000"));
        assert!(error.contains(": cluster.election_timeout_min_ms: "), "{error}");
        for body_timeout_s in [0, 3601] {
            let error = error_of(&format!("{REQUIRED}[http]\nbody_timeout_s = {body_timeout_s}\n"));
            assert!(error.starts_with("k.toml:9: http.body_timeout_s: "), "{error}");
        }
        for digest_interval_ms in [99, 3_600_001] {
            let section = format!("[cluster]\ndigest_interval_ms = {digest_interval_ms}");
            let error = error_of(&REQUIRED.replace("[cluster]", &section));
            assert!(error.starts_with("k.toml:4: cluster.digest_interval_ms: "), "{error}");
        }
    }

    #[test]
    fn the_hash_algorithms_have_the_names_of_keystone() {
        for name in ["bcrypt", "bcrypt_sha256", "scrypt", "pbkdf2_sha512"] {
            let text = format!("{REQUIRED}[identity]\npassword_hash_algorithm = '{name}'\n");
            Config::parse(Path::new("k.toml"), &text).unwrap();
        }
        let error = error_of(&format!("{REQUIRED}[identity]\npassword_hash_algorithm = 'md5'\n"));
        assert!(error.starts_with("k.toml:9: identity.password_hash_algorithm: "), "{error}");
        let error = error_of(&format!("{REQUIRED}[identity]\npassword_hash_rounds = 32\n"));
        assert!(error.starts_with("k.toml:9: identity.password_hash_rounds: "), "{error}");
    }

    #[test]
    fn half_an_admin_project_is_refused() {
        let error = error_of(&format!("{REQUIRED}[resource]\nadmin_project_name = 'admin'\n"));
        assert!(error.starts_with("k.toml:9: resource.admin_project_name: "), "{error}");
        let error = error_of(&format!("{REQUIRED}[resource]\nadmin_project_domain_name = 'Default'\n"));
        assert!(error.starts_with("k.toml:9: resource.admin_project_domain_name: "), "{error}");
    }

    #[test]
    fn a_rule_for_passwords_that_cannot_be_is_named() {
        for (value, reason) in [
            ("password_regex = '('", "password_regex: "),
            ("lockout_failure_attempts = 0", "lockout_failure_attempts: "),
            ("lockout_duration_s = 0", "lockout_duration_s: "),
            ("unique_last_password_count = 101", "unique_last_password_count: "),
            ("minimum_password_age_days = 3\npassword_expires_days = 3", "minimum_password_age_days: "),
        ] {
            let error = error_of(&format!("{REQUIRED}[security_compliance]\n{value}\n"));
            assert!(error.starts_with(&format!("k.toml:9: security_compliance.{reason}")), "{error}");
        }
    }

    #[test]
    fn broken_toml_is_reported_with_its_line() {
        let error = error_of("[node]\nid = \n");
        assert!(error.starts_with("k.toml:2: "), "{error}");
        assert!(!error.contains('\n'), "one line: {error}");
    }

    #[test]
    fn relative_paths_are_taken_from_the_folder_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(
            &path,
            REQUIRED.replace("[node]", "[node]\ndata_dir = '.'\ncluster_key_file = '../k'")
                + "[policy]\npolicy_file = 'p.yaml'\npolicy_dirs = ['d']\n",
        )
        .unwrap();
        let config = Config::load(&path).unwrap();
        assert_eq!(config.node.data_dir, folder.path());
        assert_eq!(config.node.cluster_key_file, folder.path().join("../k"));
        assert_eq!(config.policy.policy_file, Some(folder.path().join("p.yaml")));
        assert_eq!(config.policy.policy_dirs, [folder.path().join("d")]);
        assert_eq!(config.admin_socket(), folder.path().join("admin.sock"));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let error = Config::load(Path::new("/nowhere/k.toml")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/k.toml"), "{error}");
    }
}

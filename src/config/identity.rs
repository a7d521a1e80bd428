//! `[identity]`

use std::num::{NonZeroU32, NonZeroUsize};

use serde::{Deserialize, Serialize};

use super::error::{Invalid, within};

/// Users and passwords.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Identity {
    /// The domain of requests that name none.
    pub default_domain_id: String,
    /// How new passwords are hashed.
    pub password_hash_algorithm: PasswordHashAlgorithm,
    /// Cost of a hash; unset: 12 for bcrypt (the binary logarithm of its rounds), 25,000 for pbkdf2.
    /// scrypt does not look at it.
    pub password_hash_rounds: Option<NonZeroU32>,
    /// Block size of scrypt; unset: 8.
    pub scrypt_block_size: Option<NonZeroU32>,
    /// Parallelism of scrypt; unset: 1.
    pub scrypt_parallelism: Option<NonZeroU32>,
    /// Bytes of salt of scrypt and pbkdf2; unset: 16.
    pub salt_bytesize: Option<NonZeroUsize>,
    /// The longest password, in bytes.
    pub max_password_length: u64,
    /// Whether a password that is too long is refused in place of being cut. Keystone:
    /// `[DEFAULT] strict_password_check`.
    pub strict_password_check: bool,
    /// Whether a log-in makes the hash of its password anew, when that is of another algorithm than
    /// configured or costs less.
    pub upgrade_password_hashes: bool,
    /// Threads that hash passwords; unset: one less than there are processors, 1 to 8.
    pub hashing_threads: Option<NonZeroUsize>,
    /// Rows of a list of users or groups without `?limit`; unset: `http.list_limit`.
    pub list_limit: Option<u64>,
}

/// How a password is hashed. The names are Keystone's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PasswordHashAlgorithm {
    /// `$2b$`; it looks at 72 bytes.
    #[default]
    Bcrypt,
    /// `$bcrypt-sha256$`.
    BcryptSha256,
    /// `$scrypt$`.
    Scrypt,
    /// `$pbkdf2-sha512$`.
    #[serde(rename = "pbkdf2_sha512")]
    Pbkdf2Sha512,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            default_domain_id: "default".to_owned(),
            password_hash_algorithm: PasswordHashAlgorithm::default(),
            password_hash_rounds: None,
            scrypt_block_size: None,
            scrypt_parallelism: None,
            salt_bytesize: None,
            max_password_length: 4096,
            strict_password_check: false,
            upgrade_password_hashes: false,
            hashing_threads: None,
            list_limit: None,
        }
    }
}

impl Identity {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        if self.default_domain_id.is_empty() || self.default_domain_id.len() > 64 {
            return Err(Invalid::new("identity.default_domain_id", "it is not 1 to 64 bytes long"));
        }
        if let Some(limit) = self.list_limit {
            within("identity.list_limit", limit, 1..=1_000_000)?;
        }
        within("identity.max_password_length", self.max_password_length, 1..=4096)?;
        if let Some(rounds) = self.password_hash_rounds {
            let range = match self.password_hash_algorithm {
                PasswordHashAlgorithm::Bcrypt | PasswordHashAlgorithm::BcryptSha256 => 4..=31,
                PasswordHashAlgorithm::Scrypt | PasswordHashAlgorithm::Pbkdf2Sha512 => {
                    1..=u64::from(u32::MAX)
                }
            };
            within("identity.password_hash_rounds", u64::from(rounds.get()), range)?;
        }
        if let Some(bytes) = self.salt_bytesize {
            within("identity.salt_bytesize", u64::try_from(bytes.get()).unwrap_or(u64::MAX), 1..=96)?;
        }
        match self.hashing_threads {
            Some(threads) => {
                let threads = u64::try_from(threads.get()).unwrap_or(u64::MAX);
                within("identity.hashing_threads", threads, 1..=1024)
            }
            None => Ok(()),
        }
    }
}

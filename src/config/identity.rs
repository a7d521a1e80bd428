//! `[identity]`

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
    /// Cost of a hash; for bcrypt the binary logarithm of its rounds.
    pub password_hash_rounds: u32,
    /// The longest password, in bytes.
    pub max_password_length: u64,
    /// Threads that hash passwords; unset: half of the processors, at least one.
    pub hashing_threads: Option<u64>,
}

/// How a password is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PasswordHashAlgorithm {
    /// bcrypt, `$2b$`.
    Bcrypt,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            default_domain_id: "default".to_owned(),
            password_hash_algorithm: PasswordHashAlgorithm::Bcrypt,
            password_hash_rounds: 12,
            max_password_length: 4096,
            hashing_threads: None,
        }
    }
}

impl Identity {
    /// Threads that hash passwords; at least one.
    #[must_use]
    pub fn hashing_threads(&self) -> usize {
        match self.hashing_threads.map(usize::try_from) {
            Some(Ok(threads)) => threads,
            _ => std::thread::available_parallelism().map_or(1, |processors| (processors.get() / 2).max(1)),
        }
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        if self.default_domain_id.is_empty() || self.default_domain_id.len() > 64 {
            return Err(Invalid::new("identity.default_domain_id", "it is not 1 to 64 bytes long"));
        }
        within("identity.password_hash_rounds", u64::from(self.password_hash_rounds), 4..=31)?;
        within("identity.max_password_length", self.max_password_length, 1..=4096)?;
        match self.hashing_threads {
            Some(threads) => within("identity.hashing_threads", threads, 1..=1024),
            None => Ok(()),
        }
    }
}

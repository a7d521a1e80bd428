//! Passwords: hashing, and checking against the hashes that Keystone has written.
//!
//! The algorithm of a stored hash is told by its text up to the second `$`; that of new hashes by the
//! configuration. Application credential secrets are hashed in the same way. The work is slow by intent:
//! servers do it in a [`HashingPool`].

mod bcrypt;
mod pbkdf2;
mod pool;
mod scrypt;

pub use pool::{HashingPool, PoolError, PoolLimits};

use std::fmt;

use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use keyraft_cluster::Random;
use zeroize::Zeroizing;

/// Bytes of a password that bcrypt looks at.
pub const BCRYPT_PASSWORD_BYTES: usize = 72;

/// Longest hash read: the width of Keystone's column.
pub const MAX_HASH_CHARS: usize = 255;

/// Most bytes of salt: `[identity] salt_bytesize` goes no further.
pub const MAX_SALT_BYTES: usize = 96;

const DEFAULT_SALT_BYTES: usize = 16;

/// Standard base64 without padding; the reader lets padding and stray last bits pass, as Python does.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A password as a user gave it. It is wiped from memory when dropped and does not show in `Debug`.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// The text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(redacted)")
    }
}

/// `[identity] password_hash_algorithm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PasswordAlgorithm {
    /// `$2b$`; looks at 72 bytes.
    #[default]
    Bcrypt,
    /// `$bcrypt-sha256$`, version 2 of passlib.
    BcryptSha256,
    /// `$scrypt$`.
    Scrypt,
    /// `$pbkdf2-sha512$`.
    Pbkdf2Sha512,
}

impl PasswordAlgorithm {
    /// The algorithm with this name in the configuration.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "bcrypt" => Some(Self::Bcrypt),
            "bcrypt_sha256" => Some(Self::BcryptSha256),
            "scrypt" => Some(Self::Scrypt),
            "pbkdf2_sha512" => Some(Self::Pbkdf2Sha512),
            _ => None,
        }
    }

    /// Its name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bcrypt => "bcrypt",
            Self::BcryptSha256 => "bcrypt_sha256",
            Self::Scrypt => "scrypt",
            Self::Pbkdf2Sha512 => "pbkdf2_sha512",
        }
    }

    /// The algorithm that made `hash`. Hashes of `$2$` and `$7$`, which Keystone lists but cannot check,
    /// and of `$6$`, which it gave up in 27.0.0, are of none.
    fn of(hash: &str) -> Result<Self, PasswordError> {
        if hash.len() > MAX_HASH_CHARS {
            return Err(PasswordError::UnsupportedHash);
        }
        let rest = hash.strip_prefix('$').ok_or(PasswordError::UnsupportedHash)?;
        match rest.split_once('$').map(|(ident, _)| ident) {
            Some("2a" | "2b" | "2x" | "2y") => Ok(Self::Bcrypt),
            Some("bcrypt-sha256") => Ok(Self::BcryptSha256),
            Some("scrypt") => Ok(Self::Scrypt),
            Some("pbkdf2-sha512") => Ok(Self::Pbkdf2Sha512),
            _ => Err(PasswordError::UnsupportedHash),
        }
    }
}

/// The options of `[identity]` that concern passwords. Zero counts as unset, as in Keystone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordOptions {
    /// `password_hash_algorithm`.
    pub algorithm: PasswordAlgorithm,
    /// `password_hash_rounds`: 12 for bcrypt and 25000 for pbkdf2 when unset; scrypt does not look at it.
    pub rounds: Option<u32>,
    /// `scrypt_block_size`, 8 when unset.
    pub scrypt_block_size: Option<u32>,
    /// `scrypt_parallelism`, 1 when unset.
    pub scrypt_parallelism: Option<u32>,
    /// `salt_bytesize` of scrypt and pbkdf2, 16 when unset.
    pub salt_bytes: Option<usize>,
    /// `max_password_length`.
    pub max_password_bytes: usize,
    /// `[DEFAULT] strict_password_check`: refuse a password that is too long in place of cutting it.
    pub is_strict: bool,
}

impl Default for PasswordOptions {
    fn default() -> Self {
        Self {
            algorithm: PasswordAlgorithm::default(),
            rounds: None,
            scrypt_block_size: None,
            scrypt_parallelism: None,
            salt_bytes: None,
            max_password_bytes: 4096,
            is_strict: false,
        }
    }
}

/// Random bytes for one hash.
#[derive(Debug, Clone)]
pub struct Salt(Vec<u8>);

/// The cost of new hashes.
#[derive(Debug, Clone, Copy)]
enum Cost {
    Bcrypt(bcrypt::Rounds),
    BcryptSha256(bcrypt::Rounds),
    Scrypt(scrypt::Parameters),
    Pbkdf2Sha512(pbkdf2::Rounds),
}

/// Hashes and checks passwords as configured.
#[derive(Debug, Clone)]
pub struct PasswordHasher {
    cost: Cost,
    salt_bytes: usize,
    max_password_bytes: usize,
    is_strict: bool,
}

impl PasswordHasher {
    /// The hasher with these options.
    ///
    /// # Errors
    /// [`PasswordError::CostOutOfRange`]: the rounds, or what scrypt takes, are beyond what the algorithm
    /// or memory allow. [`PasswordError::SaltTooLong`].
    pub fn new(options: &PasswordOptions) -> Result<Self, PasswordError> {
        let rounds = options.rounds.filter(|rounds| *rounds != 0);
        let cost = match options.algorithm {
            PasswordAlgorithm::Bcrypt => Cost::Bcrypt(bcrypt::Rounds::new(rounds)?),
            PasswordAlgorithm::BcryptSha256 => Cost::BcryptSha256(bcrypt::Rounds::new(rounds)?),
            PasswordAlgorithm::Scrypt => Cost::Scrypt(scrypt::Parameters::configured(
                options.scrypt_block_size.filter(|size| *size != 0),
                options.scrypt_parallelism.filter(|count| *count != 0),
            )?),
            PasswordAlgorithm::Pbkdf2Sha512 => Cost::Pbkdf2Sha512(pbkdf2::Rounds::new(rounds)?),
        };
        let is_bcrypt = options.algorithm == PasswordAlgorithm::Bcrypt;
        let salt_bytes = match cost {
            Cost::Bcrypt(_) | Cost::BcryptSha256(_) => bcrypt::SALT_BYTES,
            Cost::Scrypt(_) | Cost::Pbkdf2Sha512(_) => {
                options.salt_bytes.filter(|bytes| *bytes != 0).unwrap_or(DEFAULT_SALT_BYTES)
            }
        };
        if salt_bytes > MAX_SALT_BYTES {
            return Err(PasswordError::SaltTooLong { bytes: salt_bytes });
        }
        let limit = if is_bcrypt { BCRYPT_PASSWORD_BYTES } else { usize::MAX };
        Ok(Self {
            cost,
            salt_bytes,
            max_password_bytes: options.max_password_bytes.min(limit),
            is_strict: options.is_strict,
        })
    }

    /// A salt for one hash.
    #[must_use]
    pub fn salt(&self, random: &dyn Random) -> Salt {
        let mut bytes = vec![0; self.salt_bytes];
        random.fill(&mut bytes);
        Salt(bytes)
    }

    /// The hash of `password`, to be stored. Slow.
    ///
    /// # Errors
    /// [`PasswordError::TooLong`], if so configured.
    pub fn hash(&self, password: &Password, salt: &Salt) -> Result<String, PasswordError> {
        let password = self.cut(password)?;
        match self.cost {
            Cost::Bcrypt(rounds) => bcrypt::hash(password, rounds, &salt.0),
            Cost::BcryptSha256(rounds) => bcrypt::hash_sha256(password, rounds, &salt.0),
            Cost::Scrypt(parameters) => scrypt::hash(password, parameters, &salt.0),
            Cost::Pbkdf2Sha512(rounds) => Ok(pbkdf2::hash(password, rounds, &salt.0)),
        }
    }

    /// Whether `password` is the one that `hash` was made of. Slow.
    ///
    /// The password is cut as the *configured* algorithm demands, whichever made the hash (Keystone).
    ///
    /// # Errors
    /// [`PasswordError::TooLong`], if so configured. The hash is of no known algorithm, malformed, or too
    /// costly to check.
    pub fn verify(&self, password: &Password, hash: &str) -> Result<bool, PasswordError> {
        let password = self.cut(password)?;
        match PasswordAlgorithm::of(hash)? {
            PasswordAlgorithm::Bcrypt => bcrypt::verify(password, hash),
            PasswordAlgorithm::BcryptSha256 => bcrypt::verify_sha256(password, hash),
            PasswordAlgorithm::Scrypt => scrypt::verify(password, hash),
            PasswordAlgorithm::Pbkdf2Sha512 => pbkdf2::verify(password, hash),
        }
    }

    /// Whether `hash` is weaker than those made now: of another algorithm, or with less cost. A hash that
    /// cannot be read is.
    #[must_use]
    pub fn needs_upgrade(&self, hash: &str) -> bool {
        let Ok(algorithm) = PasswordAlgorithm::of(hash) else { return true };
        let is_enough = match (self.cost, algorithm) {
            (Cost::Bcrypt(rounds), PasswordAlgorithm::Bcrypt) => {
                bcrypt::rounds_of(hash).is_ok_and(|found| found >= rounds)
            }
            (Cost::BcryptSha256(rounds), PasswordAlgorithm::BcryptSha256) => {
                bcrypt::rounds_of_sha256(hash).is_ok_and(|found| found >= rounds)
            }
            (Cost::Scrypt(wanted), PasswordAlgorithm::Scrypt) => {
                scrypt::parameters_of(hash).is_ok_and(|found| found.is_at_least(wanted))
            }
            (Cost::Pbkdf2Sha512(rounds), PasswordAlgorithm::Pbkdf2Sha512) => {
                pbkdf2::rounds_of(hash).is_ok_and(|found| found >= rounds)
            }
            _ => false,
        };
        !is_enough
    }

    /// A hash of no password, as costly to check as those made now: checked for users that do not exist,
    /// so that the time an answer takes does not tell whether they do. (Keystone answers those at once.)
    fn decoy(&self) -> String {
        match self.cost {
            Cost::Bcrypt(rounds) => bcrypt::decoy(rounds),
            Cost::BcryptSha256(rounds) => bcrypt::decoy_sha256(rounds),
            Cost::Scrypt(parameters) => scrypt::decoy(parameters),
            Cost::Pbkdf2Sha512(rounds) => pbkdf2::decoy(rounds),
        }
    }

    /// The bytes of the password that count.
    fn cut<'a>(&self, password: &'a Password) -> Result<&'a [u8], PasswordError> {
        let bytes = password.expose().as_bytes();
        match bytes.get(..self.max_password_bytes) {
            Some(cut) if cut.len() < bytes.len() => {
                if self.is_strict {
                    Err(PasswordError::TooLong { limit_bytes: self.max_password_bytes })
                } else {
                    Ok(cut)
                }
            }
            _ => Ok(bytes),
        }
    }
}

/// Why a password cannot be hashed or checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// The password is longer than allowed, and is not to be cut (403 in Keystone).
    #[error("the password is longer than {limit_bytes} bytes")]
    TooLong {
        /// The limit.
        limit_bytes: usize,
    },
    /// No known algorithm made the hash.
    #[error("the stored password hash is of an unsupported algorithm")]
    UnsupportedHash,
    /// The hash is not of the form its algorithm writes.
    #[error("the stored {algorithm} hash is malformed")]
    MalformedHash {
        /// The name of the algorithm.
        algorithm: &'static str,
    },
    /// The cost, configured or stored, is out of range.
    #[error("the cost of {algorithm} is out of range")]
    CostOutOfRange {
        /// The name of the algorithm.
        algorithm: &'static str,
    },
    /// The configured salt is too long.
    #[error("a salt of {bytes} bytes is configured, at most {MAX_SALT_BYTES} are possible")]
    SaltTooLong {
        /// The configured length.
        bytes: usize,
    },
}

#[cfg(test)]
mod tests;

//! bcrypt, plain and over a keyed SHA-256 of the password.
//!
//! ```text
//! $2b$12$<salt, 22 characters><digest, 31 characters>
//! $bcrypt-sha256$v=2,t=2b,r=12$<salt, 22 characters>$<digest, 31 characters>
//! ```
//!
//! The second form (passlib, version 2) hashes the base64 of HMAC-SHA256 over the whole password, keyed
//! with the text of the salt, and so is not blind beyond 72 bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{PasswordAlgorithm, PasswordError};

/// Bytes of a salt.
pub(super) const SALT_BYTES: usize = 16;

const DEFAULT_ROUNDS: u32 = 12;
const SHA256_PREFIX: &str = "$bcrypt-sha256$";
const SALT_CHARS: usize = 22;
const DIGEST_CHARS: usize = 31;

/// The exponent of the number of rounds, 4 to 31.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rounds(u32);

impl Rounds {
    pub(super) fn new(rounds: Option<u32>) -> Result<Self, PasswordError> {
        let rounds = rounds.unwrap_or(DEFAULT_ROUNDS);
        if (4..=31).contains(&rounds) { Ok(Self(rounds)) } else { Err(out_of_range()) }
    }

    fn read(text: &str) -> Result<Self, PasswordError> {
        Self::new(Some(text.parse().map_err(|_| out_of_range())?))
    }
}

pub(super) fn hash(password: &[u8], rounds: Rounds, salt: &[u8]) -> Result<String, PasswordError> {
    let parts = digest(password, rounds, salt, PasswordAlgorithm::Bcrypt)?;
    Ok(parts.format_for_version(::bcrypt::Version::TwoB))
}

pub(super) fn hash_sha256(password: &[u8], rounds: Rounds, salt: &[u8]) -> Result<String, PasswordError> {
    let salt_text = ::bcrypt::BASE_64.encode(salt);
    let parts = digest(&keyed(password, &salt_text), rounds, salt, PasswordAlgorithm::BcryptSha256)?;
    let text = parts.to_string();
    let digest = text.get(text.len().saturating_sub(DIGEST_CHARS)..).unwrap_or_default();
    Ok(format!("{SHA256_PREFIX}v=2,t=2b,r={}${salt_text}${digest}", rounds.0))
}

fn digest(
    password: &[u8],
    rounds: Rounds,
    salt: &[u8],
    algorithm: PasswordAlgorithm,
) -> Result<::bcrypt::HashParts, PasswordError> {
    let malformed = || PasswordError::MalformedHash { algorithm: algorithm.name() };
    let salt: [u8; SALT_BYTES] = salt.try_into().map_err(|_| malformed())?;
    ::bcrypt::hash_with_salt(password, rounds.0, salt).map_err(|_| malformed())
}

pub(super) fn verify(password: &[u8], hash: &str) -> Result<bool, PasswordError> {
    rounds_of(hash)?;
    // It compares in constant time.
    ::bcrypt::verify(password, hash)
        .map_err(|_| PasswordError::MalformedHash { algorithm: PasswordAlgorithm::Bcrypt.name() })
}

pub(super) fn rounds_of(hash: &str) -> Result<Rounds, PasswordError> {
    Rounds::read(hash.split('$').nth(2).unwrap_or_default())
}

/// The parts of a `$bcrypt-sha256$` hash.
struct Sha256Hash<'a> {
    ident: &'a str,
    rounds: Rounds,
    salt: &'a str,
    digest: &'a str,
}

fn read_sha256(hash: &str) -> Result<Sha256Hash<'_>, PasswordError> {
    let malformed = || PasswordError::MalformedHash { algorithm: PasswordAlgorithm::BcryptSha256.name() };
    let mut parts = hash.strip_prefix(SHA256_PREFIX).ok_or_else(malformed)?.split('$');
    let (Some(options), Some(salt), Some(digest), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(malformed());
    };
    if salt.len() != SALT_CHARS || digest.len() != DIGEST_CHARS {
        return Err(malformed());
    }
    let option = |name: &str| options.split(',').find_map(|option| option.strip_prefix(name));
    let ident = option("t=").filter(|ident| matches!(*ident, "2a" | "2b")).ok_or_else(malformed)?;
    let rounds = Rounds::read(option("r=").ok_or_else(malformed)?)?;
    Ok(Sha256Hash { ident, rounds, salt, digest })
}

pub(super) fn verify_sha256(password: &[u8], hash: &str) -> Result<bool, PasswordError> {
    let Sha256Hash { ident, rounds, salt, digest } = read_sha256(hash)?;
    verify(&keyed(password, salt), &format!("${ident}${:02}${salt}{digest}", rounds.0))
}

pub(super) fn rounds_of_sha256(hash: &str) -> Result<Rounds, PasswordError> {
    read_sha256(hash).map(|hash| hash.rounds)
}

fn keyed(password: &[u8], salt_text: &str) -> Zeroizing<Vec<u8>> {
    // Filled up with zeros, as HMAC does with any key shorter than a block; a salt is 22 characters.
    let mut block = [0; 64];
    for (to, from) in block.iter_mut().zip(salt_text.as_bytes()) {
        *to = *from;
    }
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
    mac.update(password);
    let digest = Zeroizing::new(<[u8; 32]>::from(mac.finalize().into_bytes()));
    Zeroizing::new(STANDARD.encode(*digest).into_bytes())
}

pub(super) fn decoy(rounds: Rounds) -> String {
    format!("$2b${:02}${:.<53}", rounds.0, "")
}

pub(super) fn decoy_sha256(rounds: Rounds) -> String {
    format!("{SHA256_PREFIX}v=2,t=2b,r={}${:.<22}${:.<31}", rounds.0, "", "")
}

fn out_of_range() -> PasswordError {
    PasswordError::CostOutOfRange { algorithm: PasswordAlgorithm::Bcrypt.name() }
}

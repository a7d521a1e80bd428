//! PBKDF2 with HMAC-SHA512: `$pbkdf2-sha512$25000$<salt>$<digest>`, both in base64 without padding.
//! `.` is read as `+`: passlib wrote it so.

use base64::Engine;
use sha2::Sha512;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{BASE64, PasswordAlgorithm, PasswordError};

const ALGORITHM: &str = PasswordAlgorithm::Pbkdf2Sha512.name();
const PREFIX: &str = "$pbkdf2-sha512$";

/// Most rounds: some minutes of work. A hash from elsewhere must not occupy a thread for days.
const MAX_ROUNDS: u32 = 100_000_000;

const DEFAULT_ROUNDS: u32 = 25_000;
const DIGEST_BYTES: usize = 64;

/// The number of rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rounds(u32);

impl Rounds {
    pub(super) fn new(rounds: Option<u32>) -> Result<Self, PasswordError> {
        let rounds = rounds.unwrap_or(DEFAULT_ROUNDS);
        if (1..=MAX_ROUNDS).contains(&rounds) {
            Ok(Self(rounds))
        } else {
            Err(PasswordError::CostOutOfRange { algorithm: ALGORITHM })
        }
    }

    fn derive(self, password: &[u8], salt: &[u8]) -> Zeroizing<[u8; DIGEST_BYTES]> {
        let mut digest = Zeroizing::new([0; DIGEST_BYTES]);
        ::pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, self.0, &mut *digest);
        digest
    }
}

pub(super) fn hash(password: &[u8], rounds: Rounds, salt: &[u8]) -> String {
    let digest = rounds.derive(password, salt);
    format!("{PREFIX}{}${}${}", rounds.0, BASE64.encode(salt), BASE64.encode(*digest))
}

pub(super) fn verify(password: &[u8], hash: &str) -> Result<bool, PasswordError> {
    let (rounds, salt, digest) = read(hash)?;
    Ok(rounds.derive(password, &salt).as_slice().ct_eq(&digest).into())
}

pub(super) fn rounds_of(hash: &str) -> Result<Rounds, PasswordError> {
    read(hash).map(|(rounds, _, _)| rounds)
}

fn read(hash: &str) -> Result<(Rounds, Vec<u8>, Vec<u8>), PasswordError> {
    let malformed = || PasswordError::MalformedHash { algorithm: ALGORITHM };
    let mut parts = hash.strip_prefix(PREFIX).ok_or_else(malformed)?.split('$');
    let (Some(rounds), Some(salt), Some(digest), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(malformed());
    };
    let decode = |text: &str| BASE64.decode(text.replace('.', "+")).map_err(|_| malformed());
    let rounds = Rounds::new(Some(rounds.parse().map_err(|_| malformed())?))?;
    Ok((rounds, decode(salt)?, decode(digest)?))
}

pub(super) fn decoy(rounds: Rounds) -> String {
    format!("{PREFIX}{}${:A<22}${:A<86}", rounds.0, "", "")
}

//! The envelope of tokens and receipts, and the keys that seal it.
//!
//! ```text
//! 0x80 | seconds since the epoch, 8 bytes | IV, 16 bytes | AES-128-CBC, PKCS #7 | HMAC-SHA256, 32 bytes
//! ```
//!
//! URL-safe base64 of that, without the trailing `=` (Fernet specification; Keystone strips the padding).
//! The first 16 bytes of a key sign, the last 16 encrypt.
//!
//! The envelope is assembled here from the RustCrypto primitives and not by the `fernet` crate, for three
//! reasons: that crate draws the IV from the operating system, so that neither an injected generator nor a
//! known vector could reach it; it repeats the base64 step for every key it tries, where here a miss costs
//! one HMAC; and it refuses times of issue ahead of the local wall clock, which Keystone does not look at.
//! It is the judge in the tests.

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit};
use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use keyraft_cluster::Random;
use sha2::Sha256;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::payload::{MAX_TIME_SECONDS, Payload, PayloadError};

/// Longest token read. Keystone only logs above `max_token_size` (255); tokens of federated users name
/// their groups, at some 90 characters for each, and have to fit in a header anyway.
pub const MAX_TOKEN_CHARS: usize = 16 * 1024;

/// Most keys a ring may hold. Each one tried in vain costs one HMAC.
pub const MAX_RING_KEYS: usize = 128;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

const VERSION: u8 = 0x80;
const TIME_BYTES: usize = 8;
const IV_BYTES: usize = 16;
const HEADER_BYTES: usize = 1 + TIME_BYTES + IV_BYTES;
const MAC_BYTES: usize = 32;
const BLOCK_BYTES: usize = 16;

/// One Fernet key. It is wiped from memory when dropped and does not show in `Debug`.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct FernetKey {
    signing: [u8; 16],
    encryption: [u8; 16],
}

impl fmt::Debug for FernetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FernetKey(redacted)")
    }
}

impl FernetKey {
    /// A new key.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut key = Self { signing: [0; 16], encryption: [0; 16] };
        random.fill(&mut key.signing);
        random.fill(&mut key.encryption);
        key
    }

    /// The key with these bytes.
    ///
    /// # Errors
    /// There are not [`KEY_BYTES`] of them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FernetError> {
        let malformed = FernetError::MalformedKey { found_bytes: bytes.len() };
        let Some((signing, rest)) = bytes.split_first_chunk() else { return Err(malformed) };
        let Ok(encryption) = rest.try_into() else { return Err(malformed) };
        Ok(Self { signing: *signing, encryption })
    }

    /// The bytes: signing half, then encryption half.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; KEY_BYTES]> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        for (to, from) in bytes.iter_mut().zip(self.signing.iter().chain(&self.encryption)) {
            *to = *from;
        }
        bytes
    }

    /// Reads the text of a key file: URL-safe base64 of 32 bytes. White space around it is let pass.
    ///
    /// # Errors
    /// It is something else.
    pub fn from_base64(text: &str) -> Result<Self, FernetError> {
        let text = text.trim_ascii();
        let bytes =
            Zeroizing::new(URL_SAFE.decode(text).map_err(|_| FernetError::MalformedKey { found_bytes: 0 })?);
        Self::from_bytes(&bytes)
    }

    /// The text of a key file: 44 characters.
    #[must_use]
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE.encode(*self.to_bytes()))
    }

    /// Encrypts and signs `plaintext` as issued at `issued_at_seconds`; the text is not padded.
    fn seal(&self, random: &dyn Random, issued_at_seconds: u64, plaintext: &[u8]) -> String {
        let padded_bytes = (plaintext.len() / BLOCK_BYTES + 1) * BLOCK_BYTES;
        let mut iv = [0; IV_BYTES];
        random.fill(&mut iv);
        let mut token = Vec::with_capacity(HEADER_BYTES + padded_bytes + MAC_BYTES);
        token.push(VERSION);
        token.extend_from_slice(&issued_at_seconds.to_be_bytes());
        token.extend_from_slice(&iv);
        let encryptor = cbc::Encryptor::<Aes128>::new(&self.encryption.into(), &iv.into());
        token.extend_from_slice(&encryptor.encrypt_padded_vec_mut::<Pkcs7>(plaintext));
        let mac = self.mac(&token).finalize().into_bytes();
        token.extend_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(token)
    }

    fn mac(&self, message: &[u8]) -> Hmac<Sha256> {
        // A key of half a block needs no hashing, so any implementation takes it as it is.
        let mut block = [0; 64];
        for (to, from) in block.iter_mut().zip(&self.signing) {
            *to = *from;
        }
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
        block.zeroize();
        mac.update(message);
        mac
    }
}

/// The keys in use: the primary, which seals, and all others, which only open.
#[derive(Clone, Debug)]
pub struct KeyRing {
    primary: FernetKey,
    /// Highest number first.
    others: Vec<FernetKey>,
}

impl KeyRing {
    /// The ring of numbered keys. As in Keystone, the highest number is the primary, and keys are tried
    /// from the highest number down.
    ///
    /// # Errors
    /// There is no key, or there are more than [`MAX_RING_KEYS`].
    pub fn new(keys: impl IntoIterator<Item = (u32, FernetKey)>) -> Result<Self, FernetError> {
        let mut keys: Vec<_> = keys.into_iter().take(MAX_RING_KEYS + 1).collect();
        if keys.len() > MAX_RING_KEYS {
            return Err(FernetError::TooManyKeys);
        }
        keys.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        let mut keys = keys.into_iter().map(|(_, key)| key);
        let primary = keys.next().ok_or(FernetError::NoKeys)?;
        Ok(Self { primary, others: keys.collect() })
    }

    /// Encrypts and signs `plaintext` with the primary key. The IV is drawn from `random`.
    #[must_use]
    pub fn seal(&self, random: &dyn Random, issued_at_seconds: u64, plaintext: &[u8]) -> String {
        self.primary.seal(random, issued_at_seconds, plaintext)
    }

    /// Verifies and decrypts `token` with whichever key made it. Padding with `=` may be there or not.
    /// The age of the token is not looked at.
    ///
    /// # Errors
    /// The token is malformed, or no key of the ring made it.
    pub fn open(&self, token: &str) -> Result<Opened, FernetError> {
        if token.len() > MAX_TOKEN_CHARS {
            return Err(FernetError::MalformedToken);
        }
        let mut token =
            URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).map_err(|_| FernetError::MalformedToken)?;
        let signed_bytes = token.len().checked_sub(MAC_BYTES).ok_or(FernetError::MalformedToken)?;
        let (signed, mac) = token.split_at_checked(signed_bytes).ok_or(FernetError::MalformedToken)?;
        let (header, _) = signed.split_first_chunk::<HEADER_BYTES>().ok_or(FernetError::MalformedToken)?;
        let (version, header) = header.split_first().ok_or(FernetError::MalformedToken)?;
        let (time, iv) = header.split_first_chunk::<TIME_BYTES>().ok_or(FernetError::MalformedToken)?;
        let iv: [u8; IV_BYTES] = iv.try_into().map_err(|_| FernetError::MalformedToken)?;
        let issued_at_seconds = u64::from_be_bytes(*time);
        if *version != VERSION {
            return Err(FernetError::MalformedToken);
        }
        // `verify_slice` compares in constant time.
        let key = std::iter::once(&self.primary)
            .chain(&self.others)
            .find(|key| key.mac(signed).verify_slice(mac).is_ok())
            .ok_or(FernetError::UnknownKey)?;

        // Only what a key of ours signed is looked at further.
        if issued_at_seconds > MAX_TIME_SECONDS {
            return Err(FernetError::MalformedToken);
        }
        token.truncate(signed_bytes);
        token.drain(..HEADER_BYTES);
        let plaintext_bytes = cbc::Decryptor::<Aes128>::new(&key.encryption.into(), &iv.into())
            .decrypt_padded_mut::<Pkcs7>(&mut token)
            .map_err(|_| FernetError::MalformedToken)?
            .len();
        token.truncate(plaintext_bytes);
        Ok(Opened { plaintext: token, issued_at_seconds })
    }
}

/// What an envelope held.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// The content.
    pub plaintext: Vec<u8>,
    /// When it was sealed, by the clock of who sealed it.
    pub issued_at_seconds: u64,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("issued_at_seconds", &self.issued_at_seconds).finish_non_exhaustive()
    }
}

/// Makes a token: the payload in an envelope of the primary key. `default_domain_id` is
/// `[identity] default_domain_id`.
///
/// # Errors
/// The payload has no bytes: see [`Payload::encode`].
pub fn encode(
    ring: &KeyRing,
    random: &dyn Random,
    payload: &Payload,
    issued_at_seconds: u64,
    default_domain_id: &str,
) -> Result<String, TokenError> {
    Ok(ring.seal(random, issued_at_seconds, &payload.encode(default_domain_id)?))
}

/// Reads a token: its payload and the second it was issued at. Whether it is still valid is for the
/// caller to tell.
///
/// # Errors
/// The token is malformed, no key of the ring made it, or what it holds is no payload. To the client all
/// of these are a token that does not exist.
pub fn decode(ring: &KeyRing, token: &str, default_domain_id: &str) -> Result<(Payload, u64), TokenError> {
    let opened = ring.open(token)?;
    Ok((Payload::decode(&opened.plaintext, default_domain_id)?, opened.issued_at_seconds))
}

/// Why a key or an envelope cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FernetError {
    /// The text is not an envelope.
    #[error("not a Fernet token")]
    MalformedToken,
    /// No key of the ring made the envelope, or it was changed since.
    #[error("no Fernet key opens the token")]
    UnknownKey,
    /// The key is not 32 bytes, or its text not URL-safe base64.
    #[error("not a Fernet key: {found_bytes} bytes in place of {KEY_BYTES}")]
    MalformedKey {
        /// How many bytes there are; 0 where the text does not decode.
        found_bytes: usize,
    },
    /// A ring needs a key.
    #[error("there is no Fernet key")]
    NoKeys,
    /// There are more keys than a ring may hold.
    #[error("there are more than {MAX_RING_KEYS} Fernet keys")]
    TooManyKeys,
}

/// Why a token cannot be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The envelope.
    #[error(transparent)]
    Fernet(#[from] FernetError),
    /// The payload in it.
    #[error(transparent)]
    Payload(#[from] PayloadError),
}

#[cfg(test)]
mod tests;

//! Sealing of secrets in the log, in sled and in snapshots.
//!
//! ```text
//! format, 1 byte | key id, 8 bytes | nonce, 12 bytes | AES-256-GCM ciphertext | tag, 16 bytes
//! ```
//!
//! The format and the key id are authenticated, and so is a context that the caller gives: the table and
//! the id of the row. A sealed value moved to another row therefore does not open.

use std::fmt;
use std::path::{Path, PathBuf};

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use keyraft_cluster::{ClusterSecret, KeyId, Random};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes of a cluster key.
pub const CLUSTER_KEY_BYTES: usize = 32;

/// How much longer a sealed value is than its plaintext.
pub const SEAL_OVERHEAD_BYTES: usize = HEADER_BYTES + NONCE_BYTES + TAG_BYTES;

const FORMAT: u8 = 1;
const KEY_ID_BYTES: usize = 8;
const HEADER_BYTES: usize = 1 + KEY_ID_BYTES;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const KEY_ID_DOMAIN: &[u8] = b"keyraft cluster key id 1";

/// Names a cluster key without telling it. Sealed values carry it, so that after a change of the cluster
/// key it is known which values still wait for the new one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClusterKeyId([u8; KEY_ID_BYTES]);

impl fmt::Display for ClusterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ClusterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClusterKeyId({self})")
    }
}

/// The key that seals all secrets of a cluster; the same on all nodes, and never in the log. It is wiped
/// from memory when dropped and does not show in `Debug`.
///
/// Nonces are random: one key is good for 2^32 values (NIST SP 800-38D, 8.3), far beyond what a cluster
/// writes before its key is changed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ClusterKey([u8; CLUSTER_KEY_BYTES]);

impl fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClusterKey({}, redacted)", self.id())
    }
}

impl ClusterKey {
    /// A new key.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = [0; CLUSTER_KEY_BYTES];
        random.fill(&mut bytes);
        let key = Self(bytes);
        bytes.zeroize();
        key
    }

    /// The key that a file holds.
    ///
    /// # Errors
    /// The file cannot be read or holds something else.
    pub fn load(path: &Path) -> Result<Self, ClusterKeyFileError> {
        let text = std::fs::read_to_string(path).map(Zeroizing::new);
        let text = text.map_err(|source| ClusterKeyFileError::Read { path: path.to_path_buf(), source })?;
        Self::from_base64(&text).map_err(|_| ClusterKeyFileError::Malformed { path: path.to_path_buf() })
    }

    /// Reads the text of a key file: standard base64 of 32 bytes. White space around it is let pass.
    ///
    /// # Errors
    /// [`SealError::MalformedKey`].
    pub fn from_base64(text: &str) -> Result<Self, SealError> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim_ascii()).map_err(|_| SealError::MalformedKey)?);
        bytes.as_slice().try_into().map(Self).map_err(|_| SealError::MalformedKey)
    }

    /// The text of a key file: 44 characters.
    #[must_use]
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0))
    }

    /// The name of this key: a part of a hash of it.
    #[must_use]
    pub fn id(&self) -> ClusterKeyId {
        let digest: [u8; 32] =
            Sha256::new().chain_update(KEY_ID_DOMAIN).chain_update(self.0).finalize().into();
        digest.first_chunk().copied().map_or(ClusterKeyId([0; KEY_ID_BYTES]), ClusterKeyId)
    }

    /// What nodes that have this key prove to one another.
    #[must_use]
    pub fn transport_secret(&self) -> ClusterSecret {
        ClusterSecret::derive(KeyId(self.id().0), &self.0)
    }

    /// Seals `plaintext`, to be opened only with the same `context`: the table and the id of the row.
    #[must_use]
    pub fn seal(&self, random: &dyn Random, context: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        random.fill(&mut nonce);
        let mut sealed = Vec::with_capacity(plaintext.len() + SEAL_OVERHEAD_BYTES);
        sealed.push(FORMAT);
        sealed.extend_from_slice(&self.id().0);
        let aad = [sealed.as_slice(), context].concat();
        sealed.extend_from_slice(&nonce);
        // The cipher refuses only plaintexts beyond 64 GiB; such a value would then not open.
        let ciphertext = self.cipher().encrypt(&nonce.into(), Payload { msg: plaintext, aad: &aad });
        sealed.extend_from_slice(&ciphertext.unwrap_or_default());
        sealed
    }

    /// Opens what was sealed with this key for `context`.
    ///
    /// # Errors
    /// [`SealError::OtherKey`]: another cluster key sealed it. [`SealError::Broken`]: it was changed, or
    /// belongs to another context. Else it is no sealed value of a known format.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let sealed_by = sealed_by(sealed)?;
        if sealed_by != self.id() {
            return Err(SealError::OtherKey { sealed_by, ours: self.id() });
        }
        let (header, rest) = sealed.split_at_checked(HEADER_BYTES).ok_or(SealError::Truncated)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::Truncated)?;
        let aad = [header, context].concat();
        self.cipher()
            .decrypt(nonce.into(), Payload { msg: ciphertext, aad: &aad })
            .map(Zeroizing::new)
            .map_err(|_| SealError::Broken)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&self.0.into())
    }
}

/// Which cluster key sealed a value.
///
/// # Errors
/// It is no sealed value of a known format.
pub fn sealed_by(sealed: &[u8]) -> Result<ClusterKeyId, SealError> {
    let (format, rest) = sealed.split_first().ok_or(SealError::Truncated)?;
    if *format != FORMAT {
        return Err(SealError::UnknownFormat(*format));
    }
    rest.first_chunk().copied().map(ClusterKeyId).ok_or(SealError::Truncated)
}

/// Why a value does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The text is not a cluster key.
    #[error("not a cluster key: base64 of {CLUSTER_KEY_BYTES} bytes is expected")]
    MalformedKey,
    /// The value was sealed by a format that this version does not know.
    #[error("sealed in format {0}, which is not known")]
    UnknownFormat(u8),
    /// The value is shorter than any sealed value.
    #[error("the sealed value is cut short")]
    Truncated,
    /// Another cluster key sealed the value.
    #[error("sealed by the cluster key {sealed_by}, not by {ours}")]
    OtherKey {
        /// The key that sealed it.
        sealed_by: ClusterKeyId,
        /// The key it was tried with.
        ours: ClusterKeyId,
    },
    /// The value was changed, or belongs to another row.
    #[error("the sealed value was changed or belongs elsewhere")]
    Broken,
}

/// Why a file gives no cluster key. It never holds what the file holds.
#[derive(Debug, thiserror::Error)]
pub enum ClusterKeyFileError {
    /// The file cannot be read.
    #[error("node.cluster_key_file: cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("node.cluster_key_file: {path} does not hold the base64 text of 32 bytes")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use keyraft_cluster::SeededRandom;
    use proptest::prelude::*;

    use super::*;

    fn key(seed: u64) -> ClusterKey {
        ClusterKey::generate(&SeededRandom::from_seed(seed))
    }

    #[test]
    fn a_sealed_value_opens_only_in_its_own_context() {
        let key = key(1);
        let random = SeededRandom::from_seed(2);
        let sealed = key.seal(&random, b"credential/1", b"secret");
        assert_eq!(sealed.len(), b"secret".len() + SEAL_OVERHEAD_BYTES);
        assert_eq!(&**key.open(b"credential/1", &sealed).unwrap(), b"secret");
        assert_eq!(key.open(b"credential/2", &sealed), Err(SealError::Broken));
        assert_eq!(key.open(b"", &sealed), Err(SealError::Broken));
    }

    #[test]
    fn the_same_value_is_sealed_differently_each_time() {
        let random = SeededRandom::from_seed(3);
        assert_ne!(key(1).seal(&random, b"c", b"x"), key(1).seal(&random, b"c", b"x"));
    }

    #[test]
    fn another_key_is_told_apart_by_its_name() {
        let (old, new) = (key(1), key(2));
        let sealed = old.seal(&SeededRandom::from_seed(3), b"c", b"x");
        assert_eq!(sealed_by(&sealed), Ok(old.id()));
        assert_eq!(new.open(b"c", &sealed), Err(SealError::OtherKey { sealed_by: old.id(), ours: new.id() }));
    }

    #[test]
    fn an_unknown_format_and_a_short_value_are_refused() {
        let key = key(1);
        assert_eq!(key.open(b"c", &[]), Err(SealError::Truncated));
        assert_eq!(key.open(b"c", &[2; 60]), Err(SealError::UnknownFormat(2)));
        let sealed = key.seal(&SeededRandom::from_seed(3), b"c", b"");
        for length in 0..sealed.len() {
            assert!(key.open(b"c", &sealed[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn keys_do_not_show_and_their_text_reads_back() {
        let key = key(1);
        let text = key.to_base64();
        assert!(!format!("{key:?}").contains(&text[..8]));
        assert_eq!(format!("{key:?}"), format!("ClusterKey({}, redacted)", key.id()));
        assert_eq!(ClusterKey::from_base64(&format!("{}\n", *text)).unwrap().id(), key.id());
        for bad in ["", "AAAA", &text[..43], &format!("{}A", *text)] {
            assert_eq!(ClusterKey::from_base64(bad).unwrap_err(), SealError::MalformedKey, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_changed_bit_is_noticed(at in any::<prop::sample::Index>(), bit in 0..8) {
            let key = key(1);
            let mut sealed = key.seal(&SeededRandom::from_seed(3), b"c", b"some secret");
            *at.get_mut(&mut sealed) ^= 1_u8 << bit;
            prop_assert!(key.open(b"c", &sealed).is_err());
        }

        #[test]
        fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(key(1).open(b"c", &bytes).is_err());
        }
    }
}

//! The shared secret by which nodes of one cluster know each other.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of a cluster key.
const KEY_BYTES: usize = 32;
/// Bytes of the name of a cluster key.
pub(crate) const KEY_ID_BYTES: usize = 8;
/// Bytes of a proof.
pub(crate) const PROOF_BYTES: usize = 32;
/// Bytes of a block of SHA-256: HMAC fills a shorter key up with zeros (RFC 2104).
const BLOCK_BYTES: usize = 64;
/// The use that the cluster key is derived for.
const CONTEXT: &[u8] = b"keyraft cluster port 1";

type Code = Hmac<Sha256>;

/// Names a cluster key without disclosing it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; KEY_ID_BYTES]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// A secret that all nodes of a cluster have, derived from the cluster key for the connections between them. It is wiped
/// from memory when dropped and does not show in `Debug`.
#[derive(Clone)]
pub struct ClusterSecret {
    id: KeyId,
    key: Zeroizing<[u8; BLOCK_BYTES]>,
}

impl fmt::Debug for ClusterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClusterSecret({}, redacted)", self.id)
    }
}

impl ClusterSecret {
    /// Derives the secret from a cluster key whose public name is `id`.
    #[must_use]
    pub fn derive(id: KeyId, cluster_key: &[u8; KEY_BYTES]) -> Self {
        let derived = code(&padded(cluster_key)).chain_update(CONTEXT).finalize();
        let derived = Zeroizing::new(derived.into_bytes().into());
        Self { id, key: padded(&derived) }
    }

    /// The name of the cluster key.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// A code over `parts` that only a holder of the secret can make.
    pub(crate) fn prove(&self, parts: &[&[u8]]) -> [u8; PROOF_BYTES] {
        self.code_over(parts).finalize().into_bytes().into()
    }

    /// Returns true if `proof` is the code over `parts`. The time it takes does not depend on where they differ.
    pub(crate) fn verifies(&self, parts: &[&[u8]], proof: &[u8; PROOF_BYTES]) -> bool {
        self.code_over(parts).verify_slice(proof).is_ok()
    }

    fn code_over(&self, parts: &[&[u8]]) -> Code {
        parts.iter().fold(code(&self.key), |code, part| code.chain_update(part))
    }
}

fn code(block: &[u8; BLOCK_BYTES]) -> Code {
    <Code as Mac>::new(block.into())
}

fn padded(key: &[u8; KEY_BYTES]) -> Zeroizing<[u8; BLOCK_BYTES]> {
    let mut block = Zeroizing::new([0; BLOCK_BYTES]);
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(byte: u8) -> ClusterSecret {
        ClusterSecret::derive(KeyId([byte; KEY_ID_BYTES]), &[byte; KEY_BYTES])
    }

    #[test]
    fn a_proof_holds_for_its_key_and_its_parts_only() {
        let proof = secret(1).prove(&[b"one", b"two"]);
        assert!(secret(1).verifies(&[b"one", b"two"], &proof));
        assert!(!secret(1).verifies(&[b"one", b"twp"], &proof));
        assert!(!secret(2).verifies(&[b"one", b"two"], &proof));
    }

    /// HMAC-SHA256 of the context under the cluster key, and of a text under that, computed with Python's `hmac`.
    #[test]
    fn the_derivation_is_the_one_that_other_nodes_make() {
        let key = std::array::from_fn(|n| u8::try_from(n).unwrap());
        let secret = ClusterSecret::derive(KeyId([7; KEY_ID_BYTES]), &key);
        let shown: String = secret.prove(&[b"text"]).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(shown, "89f1ad85b448aac76863a53b6c24d6680dca8c4916dd58f821be41ec571e98dd");
    }

    #[test]
    fn a_secret_shows_its_name_only() {
        assert_eq!(format!("{:?}", secret(3)), "ClusterSecret(0303030303030303, redacted)");
    }
}

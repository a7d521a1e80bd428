//! The digest of a state: an order-independent sum over its rows.

use std::collections::VecDeque;

use sha2::{Digest as _, Sha256};

use crate::application::RowChange;
use crate::types::LogIndex;

/// Digests of this many entries are remembered for comparison with those of other nodes.
const REMEMBERED_DIGESTS: usize = 4096;

/// What one row adds to the digest: 128 bits of SHA-256 over the key and the value, each behind its
/// length, so that no byte can move from one to the other unnoticed.
pub(crate) fn of_row(key: &[u8], value: &[u8]) -> u128 {
    let mut hash = Sha256::new();
    hash.update((key.len() as u64).to_le_bytes());
    hash.update(key);
    hash.update((value.len() as u64).to_le_bytes());
    hash.update(value);
    let hash: [u8; 32] = hash.finalize().into();
    let (first, _) = hash.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
    u128::from_le_bytes(*first)
}

/// The digest and the number of rows after a change.
pub(crate) fn after(digest: u128, rows: u64, change: &RowChange) -> (u128, u64) {
    let (mut digest, mut rows) = (digest, rows);
    if let Some(before) = &change.before {
        digest = digest.wrapping_sub(of_row(&change.key, before));
        rows = rows.saturating_sub(1);
    }
    if let Some(after) = &change.after {
        digest = digest.wrapping_add(of_row(&change.key, after));
        rows += 1;
    }
    (digest, rows)
}

/// A digest as it is stored and sent; `None` when it has another length.
pub(crate) fn from_bytes(bytes: &[u8]) -> Option<u128> {
    <[u8; 16]>::try_from(bytes).ok().map(u128::from_be_bytes)
}

/// The digests after the newest entries.
#[derive(Debug, Default)]
pub(crate) struct DigestRing(VecDeque<(LogIndex, u128)>);

impl DigestRing {
    pub(crate) fn push(&mut self, index: LogIndex, digest: u128) {
        if self.0.len() >= REMEMBERED_DIGESTS {
            self.0.pop_front();
        }
        self.0.push_back((index, digest));
    }

    /// The digest after an entry, unless it was applied too long ago or in an earlier life.
    pub(crate) fn at(&self, index: LogIndex) -> Option<u128> {
        let at = self.0.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        self.0.get(at).map(|(_, digest)| *digest)
    }

    /// Forgets all, since the state has jumped.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_that_moves_from_key_to_value_changes_the_digest() {
        assert_ne!(of_row(b"ab", b"c"), of_row(b"a", b"bc"));
    }

    #[test]
    fn a_row_written_and_deleted_leaves_no_trace() {
        let change = |before: Option<&[u8]>, after: Option<&[u8]>| RowChange {
            key: b"k".to_vec(),
            before: before.map(<[u8]>::to_vec),
            after: after.map(<[u8]>::to_vec),
        };
        let start = (99, 5);
        let (digest, rows) = after(start.0, start.1, &change(None, Some(b"1")));
        assert_ne!(digest, start.0);
        let (digest, rows) = after(digest, rows, &change(Some(b"1"), Some(b"2")));
        assert_eq!(after(digest, rows, &change(Some(b"2"), None)), start);
    }

    #[test]
    fn the_oldest_digests_are_forgotten() {
        let mut ring = DigestRing::default();
        for index in 10..10 + REMEMBERED_DIGESTS as u64 + 5 {
            ring.push(index, u128::from(index));
        }
        assert_eq!(ring.at(14), None);
        assert_eq!(ring.at(15), Some(15));
    }
}

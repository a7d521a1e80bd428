//! The cluster key: what seals secrets in the log, the state and the snapshots.

use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::{Zeroize, ZeroizeOnDrop};

/// 32 secret bytes, the same on all nodes; a file holds them as 64 hexadecimal digits.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ClusterKey([u8; Self::LENGTH]);

/// Why a file gives no cluster key. It never holds what the file holds.
#[derive(Debug, thiserror::Error)]
pub enum ClusterKeyError {
    /// The file cannot be read.
    #[error("node.cluster_key_file: cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("node.cluster_key_file: {path} does not hold 64 hexadecimal digits")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

impl ClusterKey {
    /// In bytes.
    pub const LENGTH: usize = 32;

    /// The key that consists of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// The key that a file holds: 64 hexadecimal digits, with space around them allowed.
    ///
    /// # Errors
    /// The file cannot be read or holds something else.
    pub fn load(path: &Path) -> Result<Self, ClusterKeyError> {
        let mut text = std::fs::read_to_string(path)
            .map_err(|source| ClusterKeyError::Read { path: path.to_path_buf(), source })?;
        let key = Self::from_hex(text.trim());
        text.zeroize();
        key.ok_or_else(|| ClusterKeyError::Malformed { path: path.to_path_buf() })
    }

    /// The secret bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// What a file holds: 64 hexadecimal digits and a newline.
    #[must_use]
    pub fn to_file_text(&self) -> String {
        let mut text = String::with_capacity(2 * Self::LENGTH + 1);
        for byte in self.0 {
            text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        }
        text.push('\n');
        text
    }

    fn from_hex(text: &str) -> Option<Self> {
        let mut key = Self([0; Self::LENGTH]);
        if text.len() != 2 * Self::LENGTH {
            return None;
        }
        let digits = text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()));
        for (place, digit) in digits.enumerate() {
            let byte = key.0.get_mut(place / 2)?;
            *byte = (*byte << 4) | digit?;
        }
        Some(key)
    }
}

impl fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_as_it_was_written_and_never_shows_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cluster.key");
        let key = ClusterKey::from_bytes(std::array::from_fn(|at| u8::try_from(at * 8).unwrap()));
        std::fs::write(&path, key.to_file_text()).unwrap();
        assert_eq!(ClusterKey::load(&path).unwrap().bytes(), key.bytes());
        assert_eq!(format!("{key:?}"), "ClusterKey(..)");
    }

    #[test]
    fn a_file_that_holds_something_else_is_refused_without_showing_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cluster.key");
        for text in ["", "c0ffee", &"g".repeat(64), &"a".repeat(63), &"é".repeat(32)] {
            std::fs::write(&path, text).unwrap();
            let error = ClusterKey::load(&path).unwrap_err().to_string();
            assert!(error.contains("cluster.key") && (text.is_empty() || !error.contains(text)), "{error}");
        }
        assert!(ClusterKey::load(&folder.path().join("none")).is_err());
    }
}

//! The admin token: a secret that stands for every right, for who cannot bootstrap otherwise. Off by default.

use std::fmt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Fewest characters of an admin token: what is shorter can be guessed.
const MIN_CHARS: usize = 16;

/// `[DEFAULT] admin_token` of Keystone. Only its hash is kept, and it does not show in `Debug`.
pub struct AdminToken([u8; 32]);

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(redacted)")
    }
}

impl AdminToken {
    /// The token that a file holds, white space around it apart.
    ///
    /// # Errors
    /// The file cannot be read, or holds less than a token.
    pub fn load(path: &Path) -> Result<Self, AdminTokenFileError> {
        let text = std::fs::read_to_string(path).map(Zeroizing::new);
        let text = text.map_err(|source| AdminTokenFileError::Read { path: path.to_path_buf(), source })?;
        let token = text.trim();
        if token.len() < MIN_CHARS || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(AdminTokenFileError::Malformed { path: path.to_path_buf() });
        }
        Ok(Self(Sha256::digest(token).into()))
    }

    /// Whether `text` is the token. Hashes are compared, in constant time, so that the time tells nothing of either.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        let digest: [u8; 32] = Sha256::digest(text).into();
        digest.ct_eq(&self.0).into()
    }
}

/// Why a file gives no admin token. It never holds what the file holds.
#[derive(Debug, thiserror::Error)]
pub enum AdminTokenFileError {
    /// The file cannot be read.
    #[error("auth.admin_token_file: cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("auth.admin_token_file: {path} does not hold a token of at least {MIN_CHARS} characters")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<AdminToken, AdminTokenFileError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, text).unwrap();
        AdminToken::load(&path)
    }

    #[test]
    fn only_the_token_itself_is_the_token() {
        let token = load("0123456789abcdef\n").unwrap();
        assert!(token.is("0123456789abcdef"));
        for other in ["", "0123456789abcde", "0123456789abcdef\n", "0123456789ABCDEF"] {
            assert!(!token.is(other), "{other}");
        }
        assert!(!format!("{token:?}").contains("0123"));
    }

    #[test]
    fn a_file_without_a_token_names_its_key_and_not_what_it_holds() {
        for text in ["", "short", "0123456789 abcdef"] {
            let error = load(text).unwrap_err().to_string();
            assert!(error.starts_with("auth.admin_token_file: "), "{error}");
            assert!(text.is_empty() || !error.contains(text), "{error}");
        }
        assert!(AdminToken::load(Path::new("/nonexistent")).unwrap_err().to_string().contains("cannot read"));
    }
}

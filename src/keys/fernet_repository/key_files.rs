//! Keys as the files of a Keystone key repository, to share them with a real Keystone.

use std::fmt;

use zeroize::Zeroizing;

use crate::token::fernet::{FernetError, FernetKey};

/// One file of a Keystone key repository: mode 0600, named by the number of the key.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyFile {
    /// The number, as text.
    pub name: String,
    /// The key: 44 characters of URL-safe base64, without a newline.
    pub content: Zeroizing<String>,
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile").field("name", &self.name).finish_non_exhaustive()
    }
}

impl KeyFile {
    /// The file of a key.
    #[must_use]
    pub fn new(number: u32, key: &FernetKey) -> Self {
        Self { name: number.to_string(), content: key.to_base64() }
    }
}

/// Why the files are not a key repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// A file named by a number holds no key.
    #[error("key file {name}: {source}")]
    MalformedKey {
        /// The name of the file.
        name: String,
        /// What is wrong with it.
        source: FernetError,
    },
    /// The name is a number, but no key has one so high.
    #[error("key file {0}: the number is too high")]
    NumberTooHigh(String),
}

/// Reads the files of a key repository, given by name and content. As in Keystone, files with names that
/// are not numbers and empty files are passed over.
///
/// # Errors
/// A file named by a number holds something else than a key.
pub fn read_key_files<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<(u32, FernetKey)>, KeyFileError> {
    let mut keys = Vec::new();
    for (name, content) in files {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_digit()) || content.is_empty() {
            continue;
        }
        let number = name.parse().map_err(|_| KeyFileError::NumberTooHigh(name.to_owned()))?;
        let key = FernetKey::from_base64(content)
            .map_err(|source| KeyFileError::MalformedKey { name: name.to_owned(), source })?;
        keys.push((number, key));
    }
    Ok(keys)
}

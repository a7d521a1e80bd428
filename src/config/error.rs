//! What is wrong with a configuration file, in one line that names the key.

use std::path::{Path, PathBuf};

use super::locate::{line_at, line_of_key};

/// A configuration that a node refuses to start with. Its text is one line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path}:{line}: {reason}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What the parser met.
        reason: String,
    },
    /// A key is unknown, missing or has a value that cannot be.
    #[error("{path}:{line}: {key}: {reason}")]
    Key {
        /// The file.
        path: PathBuf,
        /// The line of the key, or of the section that lacks it; counted from 1.
        line: usize,
        /// The key in full, as in `cluster.peers[1].address`.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A value that parsed but cannot be.
#[derive(Debug)]
pub(super) struct Invalid {
    /// The key in full.
    pub key: String,
    pub reason: String,
}

impl Invalid {
    pub fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), reason: reason.into() }
    }
}

/// Refuses a number outside `range`.
pub(super) fn within(key: &str, value: u64, range: std::ops::RangeInclusive<u64>) -> Result<(), Invalid> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(Invalid::new(key, format!("{value} is not in the range {} to {}", range.start(), range.end())))
}

impl ConfigError {
    pub(super) fn syntax(path: &Path, text: &str, source: &toml::de::Error) -> Self {
        Self::Syntax {
            path: path.to_path_buf(),
            line: source.span().map_or(1, |span| line_at(text, span.start)),
            reason: one_line(source.message()),
        }
    }

    pub(super) fn from_serde(
        path: &Path,
        text: &str,
        source: &serde_path_to_error::Error<toml::de::Error>,
    ) -> Self {
        let (key, reason) = key_and_reason(&source.path().to_string(), source.inner().message());
        let line = match source.inner().span() {
            Some(span) if !reason.starts_with("missing") => line_at(text, span.start),
            _ => line_of_key(text, &key),
        };
        Self::Key { path: path.to_path_buf(), line, key, reason: one_line(&reason) }
    }

    pub(super) fn from_check(path: &Path, text: &str, invalid: Invalid) -> Self {
        let line = line_of_key(text, &invalid.key);
        Self::Key { path: path.to_path_buf(), line, key: invalid.key, reason: one_line(&invalid.reason) }
    }
}

/// Serde reports a missing or unknown key at the table around it, and names it only in its message.
fn key_and_reason(table: &str, message: &str) -> (String, String) {
    for (prefix, what) in [("missing field `", "missing"), ("unknown field `", "unknown key")] {
        let Some((name, rest)) = message.strip_prefix(prefix).and_then(|rest| rest.split_once('`')) else {
            continue;
        };
        let key = match table {
            "." | "" => name.to_owned(),
            table if table == name || table.ends_with(&format!(".{name}")) => table.to_owned(),
            table => format!("{table}.{name}"),
        };
        return (key, format!("{what}{rest}"));
    }
    (table.to_owned(), message.to_owned())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

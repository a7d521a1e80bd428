//! Rows in sled.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{RowBatch, RowStore};
use crate::application::Row;
use crate::storage::error::{StorageError, is_bad_medium};

/// How often sled writes in the background.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// One tree of a sled database.
pub(crate) struct SledRows {
    database: sled::Db,
    tree: sled::Tree,
}

/// Why sled did not open.
#[derive(Debug)]
pub(crate) enum OpenFailure {
    /// What is in the folder is no usable database; it can be removed and rebuilt.
    Corrupt(String),
    /// The file system refused; removing the folder would not help.
    Refused(StorageError),
}

impl SledRows {
    /// Opens or makes the database of a folder. sled 0.34 panics on some corrupt files, so it is
    /// opened on a thread of its own.
    pub(crate) fn open(folder: &Path, cache_bytes: u64) -> Result<Self, OpenFailure> {
        let path = folder.to_owned();
        let opened = std::thread::spawn(move || {
            let config = sled::Config::new()
                .path(&path)
                .cache_capacity(cache_bytes)
                .flush_every_ms(u64::try_from(FLUSH_EVERY.as_millis()).ok());
            let database = config.open()?;
            let tree = database.open_tree("rows")?;
            Ok(Self { database, tree })
        });
        match opened.join() {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(sled::Error::Io(error))) if !is_content_error(&error) => {
                Err(OpenFailure::Refused(StorageError::io("open", folder)(error)))
            }
            Ok(Err(error)) => Err(OpenFailure::Corrupt(error.to_string())),
            Err(_) => Err(OpenFailure::Corrupt("sled panicked on it".to_owned())),
        }
    }

    /// Removes a database that is not open.
    pub(crate) fn remove(folder: &Path) -> Result<(), StorageError> {
        match std::fs::remove_dir_all(folder) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => {
                Err(StorageError::Io { action: "remove", path: PathBuf::from(folder), source: error })
            }
        }
    }
}

fn is_content_error(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidData)
        || is_bad_medium(error)
}

fn failed(error: sled::Error) -> StorageError {
    StorageError::Rows { reason: error.to_string() }
}

impl RowStore for SledRows {
    fn scan(&self) -> Box<dyn Iterator<Item = Result<Row, StorageError>> + '_> {
        Box::new(self.tree.iter().map(|row| match row {
            Ok((key, value)) => Ok(Row { key: key.to_vec(), value: value.to_vec() }),
            Err(error) => Err(failed(error)),
        }))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(self.tree.get(key).map_err(failed)?.map(|value| value.to_vec()))
    }

    fn write(&mut self, rows: RowBatch) -> Result<(), StorageError> {
        let mut batch = sled::Batch::default();
        for (key, value) in rows {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.tree.apply_batch(batch).map_err(failed)
    }

    fn clear(&mut self) -> Result<(), StorageError> {
        self.tree.clear().map_err(failed)
    }

    fn flush(&mut self) -> Result<(), StorageError> {
        self.database.flush().map(drop).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_bad_sector_holds_is_rebuilt_and_what_is_not_allowed_is_not() {
        let error = |code: rustix::io::Errno| std::io::Error::from(code);
        assert!(is_content_error(&error(rustix::io::Errno::IO)));
        for refused in [rustix::io::Errno::ACCESS, rustix::io::Errno::NOSPC, rustix::io::Errno::NOENT] {
            assert!(!is_content_error(&error(refused)), "{refused}");
        }
    }
}

//! The rows of a state on their way into it.

use std::collections::BTreeMap;
use std::path::Path;

use super::digest;
use super::error::StorageError;
use super::sessions::{Loaded, OWN_TABLE, Sessions};
use crate::application::Row;

/// Passes the application's rows on, keeps the cluster's own, and sums up all of them.
pub(super) struct Intake<'a> {
    pub(super) rows: &'a mut dyn Iterator<Item = Result<Row, StorageError>>,
    pub(super) path: &'a Path,
    pub(super) knows: &'a dyn Fn(u8) -> bool,
    pub(super) sessions: Sessions,
    pub(super) digest: u128,
    pub(super) tables: BTreeMap<u8, u64>,
    pub(super) failure: Option<StorageError>,
}

impl Iterator for Intake<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        loop {
            let row = match self.rows.next()? {
                Ok(row) => row,
                Err(failure) => {
                    self.failure = Some(failure);
                    return None;
                }
            };
            self.digest = self.digest.wrapping_add(digest::of_row(&row.key, &row.value));
            let table = row.key.first().copied().unwrap_or_default();
            *self.tables.entry(table).or_default() += 1;
            let failure = match table {
                OWN_TABLE => match self.sessions.load(&row) {
                    Loaded::Whole => continue,
                    Loaded::Unknown { kind } => {
                        unknown_table(self.path, "row of the cluster's own of kind", kind.into())
                    }
                    Loaded::Broken => {
                        let reason = "a row of the cluster's own is not understood".to_owned();
                        StorageError::Rows { reason }
                    }
                },
                table if (self.knows)(table) => return Some(row),
                table => unknown_table(self.path, "table", table.into()),
            };
            self.failure = Some(failure);
            return None;
        }
    }
}

/// Rows in `path` that only another version has.
pub(crate) fn unknown_table(path: &Path, what: &'static str, table: u32) -> StorageError {
    StorageError::Unsupported {
        path: path.to_owned(),
        what,
        found: table.into(),
        known: "only its own".to_owned(),
    }
}

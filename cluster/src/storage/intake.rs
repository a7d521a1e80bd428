//! Loads a state from its rows.

use std::collections::BTreeMap;
use std::path::Path;

use keyraft_proto::cluster as proto;

use super::applied::Applied;
use super::digest;
use super::error::StorageError;
use super::rows::check_format;
use super::sessions::{Loaded, OWN_TABLE, Sessions};
use crate::application::{Application, Row};
use crate::types::{Incomplete, LogId, StoredMembership, Wire};

impl<A: Application> Applied<A> {
    /// The state that `meta` describes, from its rows, which lie in `path`.
    ///
    /// # Errors
    /// `Unsupported` for a format or a table that this version does not know. A row cannot be read or understood, or
    /// the digest is not the one in `meta`.
    pub(crate) fn load(
        app: &A,
        path: &Path,
        meta: proto::StateMeta,
        rows: &mut dyn Iterator<Item = Result<Row, StorageError>>,
    ) -> Result<Self, StorageError> {
        let broken = |reason: String| StorageError::Rows { reason };
        let absent = |incomplete: Incomplete| broken(incomplete.to_string());
        check_format(&meta, path)?;
        let last_applied = meta.last_applied.map(LogId::from_message).transpose().map_err(absent)?;
        let membership =
            StoredMembership::from_message(meta.membership.unwrap_or_default()).map_err(absent)?;
        let expected = digest::from_bytes(&meta.digest).unwrap_or_default();
        let mut intake = Intake {
            rows,
            path,
            knows: &|table| app.knows_table(table),
            sessions: Sessions::default(),
            digest: 0,
            tables: BTreeMap::new(),
            failure: None,
        };
        let state = app.load(&mut intake);
        if let Some(failure) = intake.failure {
            return Err(failure);
        }
        let state = state.map_err(|error| broken(error.to_string()))?;
        // An application that stops early has not seen all rows.
        if intake.rows.next().is_some() {
            return Err(broken("the application did not take all rows".to_owned()));
        }
        if intake.digest != expected {
            let found = intake.digest;
            return Err(broken(format!("their digest is {found:032x}, not {expected:032x} as stored")));
        }
        Ok(Self {
            state,
            sessions: intake.sessions,
            log_time_ms: meta.log_time_ms,
            digest: intake.digest,
            rows: intake.tables.values().sum(),
            tables: intake.tables,
            last_applied,
            membership,
            time_ceiling_ms: meta.time_ceiling_ms,
        })
    }
}

/// Passes the application's rows on, keeps the cluster's own, and sums all of them up.
struct Intake<'a> {
    rows: &'a mut dyn Iterator<Item = Result<Row, StorageError>>,
    path: &'a Path,
    knows: &'a dyn Fn(u8) -> bool,
    sessions: Sessions,
    digest: u128,
    tables: BTreeMap<u8, u64>,
    failure: Option<StorageError>,
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

/// The error for rows in `path` that only another version has.
pub(crate) fn unknown_table(path: &Path, what: &'static str, table: u32) -> StorageError {
    StorageError::Unsupported {
        path: path.to_owned(),
        what,
        found: table.into(),
        known: "only its own".to_owned(),
    }
}

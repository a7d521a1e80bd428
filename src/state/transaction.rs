//! The one way to change the state.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use keyraft_cluster::{LogMoment, RowChange};

use super::table::{Record, row_key};
use super::{CommandError, State};

/// An encoded record, if there is one.
type Encoded = Option<Vec<u8>>;

/// What one command does to the state. Dropped without [`Transaction::commit`], it did nothing.
///
/// It reads as the state does, its own changes included.
pub struct Transaction {
    state: State,
    moment: LogMoment,
    /// By row key: the encoded record before and after.
    changes: BTreeMap<Vec<u8>, (Encoded, Encoded)>,
}

impl Deref for Transaction {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl Transaction {
    /// Begins on a clone of `state`, which costs O(1).
    #[must_use]
    pub fn begin(state: &State, moment: LogMoment) -> Self {
        Self { state: state.clone(), moment, changes: BTreeMap::new() }
    }

    /// Log time: the only clock that a command may read. Milliseconds since the epoch.
    #[must_use]
    pub fn log_time_ms(&self) -> u64 {
        self.moment.log_time_ms
    }

    /// Index of the log entry that holds the command.
    #[must_use]
    pub fn log_index(&self) -> u64 {
        self.moment.log_index
    }

    /// The record, or the error that says which one is missing.
    ///
    /// # Errors
    /// [`CommandError::NotFound`].
    pub fn require<R: Record>(&self, id: &str) -> Result<Arc<R>, CommandError>
    where
        R::Key: Borrow<str>,
    {
        R::table(&self.state)
            .get(id)
            .cloned()
            .ok_or_else(|| CommandError::NotFound { entity: R::ENTITY.into(), id: id.into() })
    }

    /// Inserts or replaces a record.
    pub fn put<R: Record>(&mut self, record: R) {
        let key = record.key();
        let after = record.encode_to_vec();
        let record = Arc::new(record);
        let before = R::table_mut(&mut self.state).insert(Arc::clone(&record));
        R::reindex(&mut self.state, before.as_deref(), Some(&record));
        self.note::<R>(&key, before, Some(after));
    }

    /// Deletes a record; gives it back if it was there.
    pub fn delete<R: Record>(&mut self, key: &R::Key) -> Option<Arc<R>> {
        let before = R::table_mut(&mut self.state).remove(key)?;
        R::reindex(&mut self.state, Some(&before), None);
        self.note::<R>(key, Some(Arc::clone(&before)), None);
        Some(before)
    }

    fn note<R: Record>(&mut self, key: &R::Key, before: Option<Arc<R>>, after: Option<Vec<u8>>) {
        let change = self
            .changes
            .entry(row_key::<R>(key))
            .or_insert_with(|| (before.map(|record| record.encode_to_vec()), None));
        change.1 = after;
    }

    /// The changed state, and the rows that differ from the one it began on.
    #[must_use]
    pub fn commit(self) -> (State, Vec<RowChange>) {
        let changes = self
            .changes
            .into_iter()
            .filter(|(_, (before, after))| before != after)
            .map(|(key, (before, after))| RowChange { key, before, after })
            .collect();
        (self.state, changes)
    }
}

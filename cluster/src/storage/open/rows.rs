//! The rows below the log: whether they can be used, and how they are made anew.

use std::path::Path;
use std::sync::Arc;

use super::Parts;
use crate::application::Application;
use crate::storage::applied::Applied;
use crate::storage::error::StorageError;
use crate::storage::machine;
use crate::storage::rows::{self, Held, OpenFailure, RowStore, SledRows};
use crate::storage::writer::Writer;
use crate::storage::{RowsKind, StorageOptions};
use crate::types::{LogId, Wire};

/// Knowledge about the rows.
pub(super) enum Found<A: Application> {
    Nothing,
    /// They cannot be used; they had come at least this far.
    Unusable {
        reason: String,
        shown: Option<LogId>,
    },
    State(Applied<A>),
}

/// The store of the rows, unless it must be removed first, and what is in it.
pub(super) type FoundRows<A> = (Option<Box<dyn RowStore>>, Found<A>);

impl<A: Application> Found<A> {
    pub(super) fn shown(&self) -> Option<LogId> {
        match self {
            Self::Nothing => None,
            Self::Unusable { shown, .. } => *shown,
            Self::State(applied) => applied.last_applied,
        }
    }
}

impl<A: Application> Parts<'_, A> {
    fn open_rows(&self) -> Result<Box<dyn RowStore>, OpenFailure> {
        Ok(match &self.options.rows {
            RowsKind::Sled => Box::new(SledRows::open(&self.layout.state, self.options.row_cache_bytes)?),
            RowsKind::Memory(rows) => Box::new(rows.clone()),
        })
    }

    /// Opens the rows and reads them into a state.
    pub(super) fn find_rows(&self) -> Result<FoundRows<A>, StorageError> {
        let unusable = |reason| (None, Found::Unusable { reason, shown: None });
        let store = match self.open_rows() {
            Ok(store) => store,
            Err(OpenFailure::Corrupt(reason)) => return Ok(unusable(reason)),
            Err(OpenFailure::Refused(error)) => return Err(error),
        };
        // sled 0.34 panics on some corrupt pages, so they are read on a thread of their own.
        let (app, folder) = (Arc::clone(&self.app), self.layout.state.clone());
        let read = std::thread::spawn(move || {
            let found = inspect(app.as_ref(), store.as_ref(), &folder);
            (store, found)
        });
        match read.join() {
            Ok((store, found)) => Ok((Some(store), found?)),
            Err(_) => Ok(unusable("reading them panicked".to_owned())),
        }
    }

    /// Empties the rows and has those of `applied` written.
    pub(super) fn rebuild(
        &self,
        rows: Option<Box<dyn RowStore>>,
        applied: &Applied<A>,
    ) -> Result<Writer, StorageError> {
        drop(rows);
        remove_rows(self.options, &self.layout.state)?;
        let fresh = self.open_rows().map_err(|failure| match failure {
            OpenFailure::Refused(error) => error,
            OpenFailure::Corrupt(reason) => StorageError::Rows { reason },
        })?;
        let writer = self.writer(fresh)?;
        if applied.last_applied.is_some() {
            machine::replace_rows(&writer, &self.app, applied)?;
        }
        Ok(writer)
    }

    pub(super) fn writer(&self, rows: Box<dyn RowStore>) -> Result<Writer, StorageError> {
        match self.options.is_inline {
            true => Ok(Writer::inline(rows, self.fault.clone())),
            false => Writer::threaded(rows, self.options.writer_queue_entries, self.fault.clone()),
        }
    }
}

pub(super) fn remove_rows(options: &StorageOptions, state: &Path) -> Result<(), StorageError> {
    match &options.rows {
        RowsKind::Sled => SledRows::remove(state),
        RowsKind::Memory(rows) => {
            rows.wipe();
            Ok(())
        }
    }
}

/// Reads the rows of `folder`.
///
/// # Errors
/// Another version wrote them.
fn inspect<A: Application>(app: &A, store: &dyn RowStore, folder: &Path) -> Result<Found<A>, StorageError> {
    let unusable = |reason: String, shown| Ok(Found::Unusable { reason, shown });
    match rows::held(store, folder) {
        Err(error @ StorageError::Unsupported { .. }) => Err(error),
        Err(error) => unusable(error.to_string(), None),
        Ok(Held::Nothing) => Ok(Found::Nothing),
        Ok(Held::Unfinished) => unusable("a rewriting of them was interrupted".to_owned(), None),
        Ok(Held::State(meta)) => {
            let shown = meta.last_applied.and_then(|last| LogId::from_message(last).ok());
            match Applied::load(app, folder, meta, &mut rows::content(store)) {
                Ok(applied) => Ok(Found::State(applied)),
                Err(error @ StorageError::Unsupported { .. }) => Err(error),
                Err(error) => unusable(error.to_string(), shown),
            }
        }
    }
}

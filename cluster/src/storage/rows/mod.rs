//! The durable rows below the state.
//!
//! One batch is written in one step or not at all. What must be written in several stands under a
//! marker row meanwhile: a marker found at start means that the rows are neither the old nor the new.

mod memory;
mod sled;

use std::path::Path;

use keyraft_proto::cluster as proto;
use prost::Message;
use tokio::sync::watch;

pub use self::memory::MemoryRows;
pub(crate) use self::sled::{OpenFailure, SledRows};
use super::error::StorageError;
use super::sessions::OWN_TABLE;
use crate::application::Row;

/// Rows in one batch at most, besides the meta row and the marker: sled's memory grows steeply with the
/// size of its batches.
pub(crate) const MAX_BATCH_ROWS: usize = 100;

/// Format of rows, here and in snapshots; the meta row names it. 2 is the first with outcomes in the sessions.
pub(crate) const ROWS_FORMAT: u32 = 2;

/// The row that describes the others. It sorts first.
pub(crate) const META_KEY: [u8; 2] = [OWN_TABLE, 0];
/// The row that is there while the others are being rewritten.
pub(crate) const MARKER_KEY: [u8; 2] = [OWN_TABLE, 255];

/// Rows and their new values; `None` removes.
pub(crate) type RowBatch = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// A table of rows with atomic batches.
pub(crate) trait RowStore: Send + 'static {
    /// All rows in key order, the meta row and the marker among them.
    fn scan(&self) -> Box<dyn Iterator<Item = Result<Row, StorageError>> + '_>;
    /// One row.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError>;
    /// Writes a batch in one step.
    fn write(&mut self, batch: RowBatch) -> Result<(), StorageError>;
    /// Removes all rows, the meta row first.
    fn clear(&mut self) -> Result<(), StorageError>;
    /// True while writers have to wait: for simulations, where nothing can block.
    fn hangs(&self) -> Option<watch::Receiver<bool>> {
        None
    }
    /// Brings what was written to the disk, as well as the table can.
    fn flush(&mut self) -> Result<(), StorageError>;
}

/// Content of the rows of an earlier life.
pub(crate) enum Held {
    /// Nothing at all.
    Nothing,
    /// Rows that are not one state: a write of several batches was interrupted.
    Unfinished,
    /// A whole state.
    State(proto::StateMeta),
}

/// Refuses rows of another format, which lie in `path`.
///
/// # Errors
/// `Unsupported`.
pub(crate) fn check_format(meta: &proto::StateMeta, path: &Path) -> Result<(), StorageError> {
    match meta.format {
        ROWS_FORMAT => Ok(()),
        other => Err(StorageError::Unsupported {
            path: path.to_owned(),
            what: "row format",
            found: other.into(),
            known: ROWS_FORMAT.to_string(),
        }),
    }
}

/// Finds out what the rows in `folder` hold, without reading them all.
///
/// # Errors
/// `Unsupported` when another version wrote them; the table failed.
pub(crate) fn held(rows: &dyn RowStore, folder: &Path) -> Result<Held, StorageError> {
    if rows.get(&MARKER_KEY)?.is_some() {
        return Ok(Held::Unfinished);
    }
    match rows.get(&META_KEY)? {
        Some(meta) => match proto::StateMeta::decode(meta.as_slice()) {
            Ok(meta) => check_format(&meta, folder).map(|()| Held::State(meta)),
            Err(error) => Err(StorageError::Rows { reason: format!("the meta row is broken: {error}") }),
        },
        None if rows.scan().next().is_none() => Ok(Held::Nothing),
        None => Ok(Held::Unfinished),
    }
}

/// All rows but the meta row, in key order.
pub(crate) fn content(rows: &dyn RowStore) -> impl Iterator<Item = Result<Row, StorageError>> + '_ {
    rows.scan().filter(|row| !matches!(row, Ok(row) if row.key == META_KEY))
}

/// Writes the rows that one entry changed, and the description of the state after it.
pub(crate) fn write_changes(
    rows: &mut dyn RowStore,
    changes: RowBatch,
    meta: &proto::StateMeta,
) -> Result<(), StorageError> {
    write_batches(rows, &mut changes.into_iter(), meta)
}

/// Replaces all rows.
pub(crate) fn replace(
    rows: &mut dyn RowStore,
    content: &mut dyn Iterator<Item = Row>,
    meta: &proto::StateMeta,
) -> Result<(), StorageError> {
    rows.clear()?;
    rows.write(vec![(MARKER_KEY.to_vec(), Some(Vec::new()))])?;
    write_batches(rows, &mut content.map(|row| (row.key, Some(row.value))), meta)?;
    rows.flush()
}

fn write_batches(
    rows: &mut dyn RowStore,
    changes: &mut dyn Iterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
    meta: &proto::StateMeta,
) -> Result<(), StorageError> {
    let mut batch: RowBatch = changes.take(MAX_BATCH_ROWS).collect();
    let mut next = changes.next();
    while let Some(first_of_next) = next {
        batch.push((MARKER_KEY.to_vec(), Some(Vec::new())));
        rows.write(batch)?;
        batch = vec![first_of_next];
        batch.extend(changes.take(MAX_BATCH_ROWS - 1));
        next = changes.next();
    }
    batch.push((MARKER_KEY.to_vec(), None));
    batch.push((META_KEY.to_vec(), Some(meta.encode_to_vec())));
    rows.write(batch)
}

//! Checks that this version understands a snapshot, and reads its name.

use std::path::Path;

use keyraft_proto::cluster as proto;

use super::SUFFIX;
use super::format::{VERSION, unsupported_version};
use crate::application::Application;
use crate::storage::error::StorageError;
use crate::storage::intake::unknown_table;
use crate::storage::rows::check_format;
use crate::storage::sessions::OWN_TABLE;
use crate::types::{LogId, Wire};

/// Refuses a snapshot, which lies in `path`, that another version has made.
///
/// # Errors
/// `Unsupported`.
pub(crate) fn check_supported<A: Application>(
    app: &A,
    path: &Path,
    meta: &proto::SnapshotMeta,
) -> Result<(), StorageError> {
    if meta.format != VERSION {
        return Err(unsupported_version(path, meta.format));
    }
    check_format(meta.state.as_ref().unwrap_or(&proto::StateMeta::default()), path)?;
    let knows = |table: u8| table == OWN_TABLE || app.knows_table(table);
    match meta.tables.iter().find(|table| !u8::try_from(**table).is_ok_and(knows)) {
        Some(table) => Err(unknown_table(path, "table", *table)),
        None => Ok(()),
    }
}

/// The last entry that a snapshot covers, by its name.
pub(super) fn covered_by(name: &str) -> Option<LogId> {
    let mut parts = name.strip_suffix(SUFFIX)?.split('-').map(str::parse);
    let (Some(Ok(index)), Some(Ok(term)), Some(Ok(node_id))) = (parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    LogId::from_message(proto::LogId { term, node_id, index }).ok()
}

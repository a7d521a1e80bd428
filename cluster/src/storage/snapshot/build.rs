//! Makes a snapshot of a state while the state goes on.

use std::sync::Arc;

use keyraft_proto::cluster as proto;
use openraft::{AnyError, RaftSnapshotBuilder, Snapshot};

use super::format::{SnapshotWriter, VERSION};
use super::{SnapshotFile, SnapshotStore};
use crate::application::{Application, Row};
use crate::environment::Clock;
use crate::planted::{Bug, TABLE_LEFT_OUT, is_planted};
use crate::runtime::run_blocking;
use crate::storage::applied::Applied;
use crate::storage::digest;
use crate::storage::error::StorageError;
use crate::storage::fault::{Fault, FaultReport};
use crate::types::{RaftIoError, RaftStorageError, TypeConfig};

/// Holds one state and makes its snapshot.
pub struct SnapshotBuilder<A: Application> {
    pub(crate) app: Arc<A>,
    pub(crate) applied: Applied<A>,
    pub(crate) store: Arc<SnapshotStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) fault: FaultReport,
    /// On the caller's thread, so that a simulation repeats.
    pub(crate) is_inline: bool,
}

impl<A: Application> RaftSnapshotBuilder<TypeConfig> for SnapshotBuilder<A> {
    async fn build_snapshot(&mut self) -> Result<Snapshot<TypeConfig>, RaftStorageError> {
        let (app, applied) = (Arc::clone(&self.app), self.applied.clone());
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
        let build = move || build(app.as_ref(), &applied, &store, clock.as_ref());
        let built = run_blocking(self.is_inline, build).await.unwrap_or_else(|error| {
            Err(StorageError::Stopped { reason: format!("the snapshot's thread ended: {error}") })
        });
        let file = built.inspect_err(|error| {
            // openraft stops at it.
            self.fault.report(Fault::Snapshot { reason: error.to_string() });
        });
        let file = file.map_err(|error| RaftIoError::write_snapshot(None, AnyError::error(error)))?;
        Ok(Snapshot { meta: file.meta(), snapshot: Box::new(file) })
    }
}

/// Sum of rows.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    digest: u128,
    rows: u64,
}

impl Sum {
    fn add(&mut self, row: &Row) {
        self.digest = self.digest.wrapping_add(digest::of_row(&row.key, &row.value));
        self.rows += 1;
    }
}

/// The rows that a snapshot is made of: all of them.
fn rows<'a, A: Application>(app: &'a A, applied: &'a Applied<A>) -> impl Iterator<Item = Row> + 'a {
    applied.all_rows(app).filter(|row| {
        !is_planted(Bug::SnapshotWithoutAssignments) || row.key.first() != Some(&TABLE_LEFT_OUT)
    })
}

/// The sum that the rows of a snapshot must have.
fn expected<A: Application>(app: &A, applied: &Applied<A>) -> Sum {
    if is_planted(Bug::SnapshotWithoutAssignments) {
        return expected_by_the_planted_bug(app, applied);
    }
    Sum { digest: applied.digest, rows: applied.rows }
}

/// The bug has to get past our own check of what is written, so it expects what it writes.
fn expected_by_the_planted_bug<A: Application>(app: &A, applied: &Applied<A>) -> Sum {
    let mut sum = Sum::default();
    rows(app, applied).for_each(|row| sum.add(&row));
    sum
}

/// Writes the snapshot of a state; it is durable when this returns.
fn build<A: Application>(
    app: &A,
    applied: &Applied<A>,
    store: &SnapshotStore,
    clock: &dyn Clock,
) -> Result<SnapshotFile, StorageError> {
    if let Some(newest) = store.newest()
        && newest.last_log_id() == applied.last_applied
    {
        return Ok(newest);
    }
    let started = clock.elapsed();
    let last = applied.meta().last_applied.unwrap_or_default();
    let expected = expected(app, applied);
    let digest = expected.digest.to_be_bytes().to_vec().into();
    let meta = proto::SnapshotMeta {
        snapshot_id: format!("{}-{}-{}", last.term, last.node_id, last.index),
        state: Some(proto::StateMeta { digest, ..applied.meta() }),
        rows: expected.rows,
        format: VERSION,
        tables: applied.tables.keys().map(|table| u32::from(*table)).collect(),
    };
    let temporary = store.temporary();
    let written = (|| {
        let mut writer = SnapshotWriter::create(store.disk.as_ref(), &temporary, &meta)?;
        let mut sum = Sum::default();
        for row in rows(app, applied) {
            sum.add(&row);
            writer.push(&row)?;
        }
        // Nobody could load it, and the log that led to it would be dropped.
        if sum != expected {
            let reason = format!(
                "the state holds {} rows with the digest {:032x}; its changes add up to {} with {:032x}",
                sum.rows, sum.digest, expected.rows, expected.digest
            );
            return Err(StorageError::Rows { reason });
        }
        writer.finish()
    })();
    let length_bytes = match written {
        Ok(length_bytes) => length_bytes,
        Err(error) => {
            // A full disk gets its space back; what stays is removed at the next start.
            let _ = store.disk.remove(&temporary);
            return Err(error);
        }
    };
    let file = store.adopt(&temporary, meta)?;
    let took_ms = clock.elapsed().saturating_sub(started).as_millis();
    // Gauges are floating point; both numbers are far below 2^53.
    metrics::gauge!("keyraft_snapshot_bytes").set(length_bytes as f64);
    metrics::gauge!("keyraft_snapshot_time_ms").set(took_ms as f64);
    tracing::info!(index = last.index, rows = applied.rows, length_bytes, "snapshot taken");
    Ok(file)
}

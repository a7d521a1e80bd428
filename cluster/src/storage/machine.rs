//! The state machine as openraft sees it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use keyraft_proto::cluster as proto;
use openraft::storage::RaftStateMachine;
use openraft::{AnyError, OptionalSend, Snapshot};

use super::applied::Applied;
use super::digest::{self, DigestRing};
use super::divergence;
use super::error::StorageError;
use super::fault::{Fault, FaultReport};
use super::sessions::{OWN_TABLE, Sessions};
use super::snapshot::{SnapshotBuilder, SnapshotFile, SnapshotReceiver, SnapshotStore};
use super::wal::Wal;
use super::writer::Writer;
use crate::application::Application;
use crate::disk::Disk;
use crate::environment::Clock;
use crate::lease::Lease;
use crate::planted::is_spoiled_now;
use crate::published::{Publication, Published};
use crate::runtime::run_blocking;
use crate::types::{
    BatchAnswer, Entry, LogId, LogIndex, RaftIoError, RaftStorageError, SnapshotMeta, StoredMembership,
    TypeConfig,
};

/// Parts that the state machine and the handle share.
pub(crate) struct Shared<A: Application> {
    pub app: Arc<A>,
    pub disk: Arc<dyn Disk>,
    pub clock: Arc<dyn Clock>,
    pub wal: Wal,
    pub snapshots: Arc<SnapshotStore>,
    pub writer: Writer,
    pub digests: Mutex<DigestRing>,
    pub fault: FaultReport,
    pub publication: Publication<A>,
    /// Written when this node's state is found to differ: the next start rebuilds it.
    pub diverged_marker: PathBuf,
    /// Written when this node is found to have forgotten: the next start sets its folder aside.
    pub forgot_marker: PathBuf,
    /// The sessions of the newest state.
    pub sessions: Mutex<Sessions>,
    /// Nothing runs on another thread, so that a simulation repeats.
    pub is_inline: bool,
}

/// Applies committed entries.
pub struct StateMachine<A: Application> {
    shared: Arc<Shared<A>>,
    applied: Applied<A>,
    lease: Option<Arc<Lease>>,
}

impl<A: Application> StateMachine<A> {
    pub(crate) fn new(shared: Arc<Shared<A>>, applied: Applied<A>) -> Self {
        Self { shared, applied, lease: None }
    }

    /// Tells `lease` what is applied.
    pub(crate) fn set_lease(&mut self, lease: Arc<Lease>) {
        self.lease = Some(lease);
    }

    /// Position of the state: the last applied entry, and the time ceiling.
    pub(crate) fn standing(&self) -> (Option<LogId>, u64) {
        (self.applied.last_applied, self.applied.time_ceiling_ms)
    }

    /// The membership that the state was applied under.
    pub(crate) fn membership(&self) -> &StoredMembership {
        &self.applied.membership
    }

    /// Shows states to readers, then counts them as applied: the order in which leases want it.
    fn show(&self, states: Vec<(Published<A>, bool)>) {
        let sessions = self.applied.sessions.clone();
        *self.shared.sessions.lock().unwrap_or_else(PoisonError::into_inner) = sessions;
        self.shared.publication.publish(states);
        if let (Some(lease), Some(last)) = (&self.lease, self.applied.last_applied) {
            lease.applied(last.index);
        }
    }

    /// Applies entries in order. An error comes with the entry at which it stopped.
    fn apply_all(&mut self, entries: Vec<Entry>) -> Result<Vec<BatchAnswer>, (LogId, StorageError)> {
        let shared = Arc::clone(&self.shared);
        let started = shared.clock.elapsed();
        let mut answers = Vec::with_capacity(entries.len());
        let mut states = Vec::with_capacity(entries.len());
        for entry in entries {
            let log_id = entry.log_id;
            let mut effect = self.applied.apply(shared.app.as_ref(), entry).map_err(|unknown| {
                let reason = unknown.to_string();
                shared.fault.report(Fault::Unsupported { reason: reason.clone() });
                (log_id, StorageError::Stopped { reason })
            })?;
            if is_spoiled_now() {
                tracing::warn!(
                    index = log_id.index,
                    "the state is spoiled: this build is for the harness alone"
                );
                self.applied.spoil(&mut effect.changes);
            }
            if let (Some(lease), Some(ceiling_ms)) = (&self.lease, effect.time_ceiling_ms) {
                lease.ceiling_applied(log_id.leader_id, ceiling_ms);
            }
            let is_changed = effect.changes.iter().any(|change| change.key.first() != Some(&OWN_TABLE));
            states.push((self.applied.published(), is_changed));
            self.remember_digest(log_id);
            for claim in &effect.claims {
                self.compare(log_id.index, claim).map_err(|fault| {
                    let reason = fault.to_string();
                    (log_id, StorageError::Stopped { reason })
                })?;
            }
            let written = shared.writer.changes(effect.changes, self.applied.meta());
            written.map_err(|error| (log_id, error))?;
            answers.push(effect.answer);
        }
        self.show(states);
        let took = shared.clock.elapsed().saturating_sub(started);
        metrics::histogram!("keyraft_apply_seconds").record(took.as_secs_f64());
        Ok(answers)
    }

    fn remember_digest(&self, log_id: LogId) {
        let mut digests = self.shared.digests.lock().unwrap_or_else(PoisonError::into_inner);
        digests.push(log_id.index, self.applied.whole_digest());
    }

    /// Compares the digest of a majority, which `entry` contains, with this node's own, if that is still remembered.
    fn compare(&self, entry: LogIndex, claim: &proto::VerifyDigest) -> Result<(), Fault> {
        let own = {
            let digests = self.shared.digests.lock().unwrap_or_else(PoisonError::into_inner);
            digests.at(claim.index)
        };
        let (Some(own), Some(agreed)) = (own, digest::from_bytes(&claim.digest)) else { return Ok(()) };
        if own == agreed {
            return Ok(());
        }
        let fault = Fault::Diverged { index: claim.index, own, agreed };
        let marker = &self.shared.diverged_marker;
        if let Err(error) = divergence::note(self.shared.disk.as_ref(), marker, entry, &fault) {
            tracing::error!(file = %marker.display(), %error, "cannot note that the state is wrong");
        }
        self.shared.fault.report(fault.clone());
        Err(fault)
    }

    /// Makes a snapshot of this node's, or of another node's folder, this node's state.
    async fn install(&mut self, file: SnapshotFile) -> Result<(), StorageError> {
        let shared = Arc::clone(&self.shared);
        let work = move || {
            // A file that the receiver has kept is the store's own, and is marked in the log.
            let file = match shared.snapshots.holds(&file) {
                true => file,
                false => copy(&shared, &file)?,
            };
            load(shared.app.as_ref(), &file)
        };
        let applied = run_blocking(self.shared.is_inline, work).await.unwrap_or_else(|error| {
            Err(StorageError::Stopped { reason: format!("the snapshot's thread ended: {error}") })
        })?;
        self.shared.digests.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.applied = applied;
        if let Some(last) = self.applied.last_applied {
            self.remember_digest(last);
        }
        replace_rows(&self.shared.writer, &self.shared.app, &self.applied)?;
        if let (Some(lease), Some(last)) = (&self.lease, self.applied.last_applied) {
            lease.membership_installed(&self.applied.membership, last.index);
            lease.ceiling_applied(last.leader_id, self.applied.time_ceiling_ms);
        }
        self.show(vec![(self.applied.published(), true)]);
        Ok(())
    }
}

/// The state that a snapshot holds, checked against its digest.
pub(crate) fn load<A: Application>(app: &A, file: &SnapshotFile) -> Result<Applied<A>, StorageError> {
    let mut rows = file.rows()?;
    let meta = rows.meta.state.clone().unwrap_or_default();
    Applied::load(app, file.path(), meta, &mut rows)
}

/// Has the rows replaced by those of a state.
pub(crate) fn replace_rows<A: Application>(
    writer: &Writer,
    app: &Arc<A>,
    applied: &Applied<A>,
) -> Result<(), StorageError> {
    let (app, applied) = (Arc::clone(app), applied.clone());
    let meta = applied.meta();
    writer.replace(Box::new(move |take| take(&mut applied.all_rows(app.as_ref()))), meta)
}

fn copy<A: Application>(shared: &Shared<A>, from: &SnapshotFile) -> Result<SnapshotFile, StorageError> {
    let mut receiver = SnapshotReceiver::begin(Arc::clone(&shared.snapshots), shared.wal.clone())?;
    for chunk in from.read_chunks() {
        receiver.write(&chunk.map_err(|source| from.unreadable(source))?)?;
    }
    receiver.finish()
}

impl<A: Application> RaftStateMachine<TypeConfig> for StateMachine<A> {
    type SnapshotBuilder = SnapshotBuilder<A>;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), RaftStorageError> {
        Ok((self.applied.last_applied, self.applied.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<BatchAnswer>, RaftStorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        self.shared.writer.wait_for_rows().await;
        let applied = self.apply_all(entries.into_iter().collect());
        Ok(applied.map_err(|(log_id, error)| RaftIoError::apply(log_id, AnyError::error(error)))?)
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder<A> {
        SnapshotBuilder {
            app: Arc::clone(&self.shared.app),
            applied: self.applied.clone(),
            store: Arc::clone(&self.shared.snapshots),
            clock: Arc::clone(&self.shared.clock),
            fault: self.shared.fault.clone(),
            is_inline: self.shared.is_inline,
        }
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<SnapshotFile>, RaftStorageError> {
        Ok(Box::new(self.shared.snapshots.blank()))
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: Box<SnapshotFile>,
    ) -> Result<(), RaftStorageError> {
        let installed = self.install(*snapshot).await.inspect_err(|error| {
            self.shared.fault.report(Fault::Snapshot { reason: error.to_string() });
        });
        Ok(installed.map_err(|e| RaftIoError::write_snapshot(Some(meta.signature()), AnyError::error(e)))?)
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<TypeConfig>>, RaftStorageError> {
        let newest = self.shared.snapshots.newest();
        Ok(newest.map(|file| Snapshot { meta: file.meta(), snapshot: Box::new(file) }))
    }
}

//! Access to the storage for the rest of a node.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use keyraft_proto::cluster as proto;
use tokio::sync::watch;

use super::error::StorageError;
use super::fault::Fault;
use super::forgetting;
use super::identity::{self, Identity};
use super::machine::Shared;
use super::snapshot::{SnapshotFile, SnapshotReceiver, check_supported};
use super::{aside, divergence};
use crate::application::Application;
use crate::disk::DiskLock;
use crate::types::{LogId, LogIndex, NodeId, Vote};

/// Cheap to clone; every clone is the same storage.
pub struct StorageHandle<A: Application> {
    pub(crate) shared: Arc<Shared<A>>,
    pub(crate) directory: PathBuf,
    pub(crate) identity_path: PathBuf,
    pub(crate) lock: Arc<Mutex<Option<Box<dyn DiskLock>>>>,
}

impl<A: Application> Clone for StorageHandle<A> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            directory: self.directory.clone(),
            identity_path: self.identity_path.clone(),
            lock: Arc::clone(&self.lock),
        }
    }
}

impl<A: Application> StorageHandle<A> {
    /// The stored vote; a new value is shown after it is durable and before openraft acts on it.
    #[must_use]
    pub fn vote_watch(&self) -> watch::Receiver<Option<Vote>> {
        self.shared.wal.vote_watch()
    }

    /// The last entry in the log, or the last one purged.
    #[must_use]
    pub fn last_log_id(&self) -> Option<LogId> {
        self.shared.wal.last_log_id()
    }

    /// Index of the last entry in the log; 0 when there is none.
    #[must_use]
    pub fn last_log_index(&self) -> LogIndex {
        self.last_log_id().map_or(0, |last| last.index)
    }

    /// The log id at an index; `None` when it was purged before or is not there yet.
    #[must_use]
    pub fn log_id_at(&self, index: LogIndex) -> Option<LogId> {
        self.shared.wal.log_id_at(index)
    }

    /// The oldest entry still in the log that was written by this leader.
    #[must_use]
    pub fn first_entry_of(&self, leader: openraft::LeaderId<NodeId>) -> Option<LogId> {
        self.shared.wal.first_entry_of(leader)
    }

    /// Bytes of the entries that the newest snapshot does not cover.
    #[must_use]
    pub fn log_bytes_since_snapshot(&self) -> u64 {
        let covered = self.shared.snapshots.newest().and_then(|file| file.last_log_id());
        self.shared.wal.bytes_after(covered.map(|last| last.index))
    }

    /// The durable snapshot that covers most.
    #[must_use]
    pub fn newest_snapshot(&self) -> Option<SnapshotFile> {
        self.shared.snapshots.newest()
    }

    /// True when nothing may run on a thread of its own.
    pub(crate) fn is_inline(&self) -> bool {
        self.shared.is_inline
    }

    /// Refuses a snapshot of another node, by the description in its first chunk, when another version has made it.
    ///
    /// # Errors
    /// `Unsupported`.
    pub(crate) fn check_snapshot(&self, meta: &proto::SnapshotMeta) -> Result<(), StorageError> {
        check_supported(self.shared.app.as_ref(), Path::new("the snapshot of a peer"), meta)
    }

    /// Reports that the cluster has something that this version does not understand: the node must stop.
    pub(crate) fn report_unsupported(&self, error: &StorageError) {
        self.shared.fault.report(Fault::Unsupported { reason: error.to_string() });
    }

    /// The last entry to purge for at most `limit_bytes` of entries to stay, of those that the newest snapshot covers;
    /// `None` when there is nothing to purge.
    pub(crate) fn outgrown(&self, limit_bytes: u64) -> Option<LogIndex> {
        let covered = self.shared.snapshots.newest()?.last_log_id()?;
        let upto = self.shared.wal.outgrown(limit_bytes)?.min(covered.index);
        (self.shared.wal.purged().map(|purged| purged.index) < Some(upto)).then_some(upto)
    }

    /// Removes all but the newest of what was set aside, of folders and of snapshots. Only while this node has a state
    /// of its own again.
    ///
    /// # Errors
    /// As of the disk.
    pub(crate) fn trim_set_aside(&self) -> Result<(), StorageError> {
        aside::trim(self.shared.disk.as_ref(), &self.directory)?;
        self.shared.snapshots.trim_set_aside()
    }

    /// Takes a snapshot from another node. What it finishes with goes to openraft's
    /// `install_full_snapshot`; where openraft does not run yet, the next [`super::open`] builds on it.
    ///
    /// # Errors
    /// As of the disk.
    pub fn begin_receive_snapshot(&self) -> Result<SnapshotReceiver, StorageError> {
        SnapshotReceiver::begin(Arc::clone(&self.shared.snapshots), self.shared.wal.clone())
    }

    /// The newest boot under which a node has written; 0 when it has not.
    pub(crate) fn boot_of(&self, node: NodeId) -> u64 {
        self.shared.sessions.lock().unwrap_or_else(PoisonError::into_inner).boot_of(node)
    }

    /// Checks that the log still holds `acknowledged`, which this node has acknowledged to `leader`. When it does not,
    /// the node has forgotten: that is noted durably and reported.
    ///
    /// # Errors
    /// [`Fault::Forgot`].
    pub(crate) fn check_acknowledged(
        &self,
        leader: openraft::LeaderId<NodeId>,
        acknowledged: LogId,
    ) -> Result<(), Fault> {
        let Some(end) = self.shared.wal.end_before(leader, acknowledged) else { return Ok(()) };
        let fault = Fault::Forgot { end, acknowledged };
        let marker = &self.shared.forgot_marker;
        if let Err(error) = forgetting::note(self.shared.disk.as_ref(), marker, &fault) {
            tracing::error!(file = %marker.display(), %error, "cannot note that the log was lost");
        }
        self.shared.fault.report(fault.clone());
        Err(fault)
    }

    /// Forgets that the state had diverged. Only when a peer's snapshot has been received, which the
    /// next [`super::open`] then builds on.
    ///
    /// # Errors
    /// As of the disk.
    pub fn clear_divergence(&self) -> Result<(), StorageError> {
        divergence::clear(self.shared.disk.as_ref(), &self.shared.diverged_marker)
    }

    /// Why this node must stop; `None` while it need not.
    #[must_use]
    pub fn fault(&self) -> watch::Receiver<Option<Fault>> {
        self.shared.fault.subscribe()
    }

    /// Digest of the state after an entry, with the log time, the time ceiling and the membership; `None` when it was
    /// applied too long ago, in an earlier life, or not yet. Some thousands are remembered.
    #[must_use]
    pub fn digest_at(&self, index: LogIndex) -> Option<u128> {
        self.shared.digests.lock().unwrap_or_else(PoisonError::into_inner).at(index)
    }

    /// Stores who this node is; durable when this returns.
    ///
    /// # Errors
    /// As of the disk.
    pub fn save_identity(&self, identity: &Identity) -> Result<(), StorageError> {
        identity::save(self.shared.disk.as_ref(), &self.identity_path, identity)
    }

    /// Ends cleanly: the rows catch up with what was applied and are flushed, and the folder is free
    /// for the next [`super::open`]. Blocks until that is done. Afterwards nothing can be applied or logged.
    ///
    /// # Errors
    /// The fault that had already made the node stop.
    pub fn flush_and_close(&self) -> Result<(), StorageError> {
        self.shared.writer.close();
        self.shared.wal.close();
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
        match self.shared.fault.first() {
            Some(fault) => Err(StorageError::Stopped { reason: fault.to_string() }),
            None => Ok(()),
        }
    }
}

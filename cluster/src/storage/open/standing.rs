//! Standing of a node that has opened its folder, by what it found there.

use std::sync::Arc;

use super::Parts;
use super::rows::{Found, remove_rows};
use crate::application::Application;
use crate::storage::applied::Applied;
use crate::storage::error::StorageError;
use crate::storage::identity::Identity;
use crate::storage::rows::{MemoryRows, RowStore};
use crate::storage::wal::Wal;
use crate::storage::writer::Writer;
use crate::storage::{Opened, Standing, divergence, machine};
use crate::types::{LogId, LogIndex};

impl<A: Application> Parts<'_, A> {
    pub(super) fn blank(self, wal: Wal, rows: Option<Box<dyn RowStore>>) -> Result<Opened<A>, StorageError> {
        let applied = Applied::empty(self.app.as_ref());
        let writer = self.rebuild(rows, &applied)?;
        Ok(self.opened(Standing::Empty, None, wal, applied, writer))
    }

    /// A node that must not act under its old identity: its log takes nothing.
    pub(super) fn forgotten(
        self,
        identity: Option<Identity>,
        reason: String,
    ) -> Result<Opened<A>, StorageError> {
        tracing::error!(reason, "this node has forgotten what it promised; it must not vote");
        let wal = Wal::refusing(
            self.layout.wal_options(self.options),
            Arc::clone(&self.disk),
            self.environment,
            self.fault.clone(),
            format!("the node has forgotten its log: {reason}"),
        );
        let applied = Applied::empty(self.app.as_ref());
        let writer = Writer::inline(Box::new(MemoryRows::new()), self.fault.clone());
        Ok(self.opened(Standing::Forgotten { reason }, identity, wal, applied, writer))
    }

    /// The log is whole, and `entry` in it has shown the state to differ from a majority's.
    pub(super) fn diverged(
        self,
        identity: Option<Identity>,
        wal: Wal,
        rows: Option<Box<dyn RowStore>>,
        entry: LogIndex,
    ) -> Result<Opened<A>, StorageError> {
        drop(rows);
        remove_rows(self.options, &self.layout.state)?;
        let purged = wal.purged().map(|purged| purged.index);
        if self.options.has_peers {
            tracing::error!(entry, "the state had diverged from a majority's; it is replaced with a peer's");
            self.snapshots.set_all_aside()?;
            // A peer that serves and has applied the entry has found its own digest to be that of the majority.
            let standing = Standing::NeedsSnapshot { at_least_index: entry.max(purged.unwrap_or_default()) };
            let writer = Writer::inline(Box::new(MemoryRows::new()), self.fault.clone());
            let applied = Applied::empty(self.app.as_ref());
            return Ok(self.opened(standing, identity, wal, applied, writer));
        }
        tracing::error!(entry, "the state had diverged from what was logged; it is rebuilt from the log");
        if purged.is_none() {
            self.snapshots.set_all_aside()?;
        }
        divergence::clear(self.disk.as_ref(), &self.layout.diverged)?;
        let reason = "they had diverged".to_owned();
        self.sound(identity, wal, None, Found::Unusable { reason, shown: None })
    }

    /// The log is whole: finds a state below it that the log can bring up to date.
    pub(super) fn sound(
        self,
        identity: Option<Identity>,
        wal: Wal,
        rows: Option<Box<dyn RowStore>>,
        found: Found<A>,
    ) -> Result<Opened<A>, StorageError> {
        let purged = wal.purged().map(|purged| purged.index);
        let reaches = |last: Option<LogId>| purged.is_none_or(|p| last.is_some_and(|last| last.index >= p));
        let was_blank = matches!(found, Found::Nothing);
        let reason = match found {
            Found::State(applied) if !reaches(applied.last_applied) => {
                format!("they end at {}, and the log begins behind that", applied.index())
            }
            Found::State(applied) => match self.gap(&wal, &applied)? {
                None => {
                    let writer = match rows {
                        Some(rows) => self.writer(rows)?,
                        None => self.rebuild(None, &applied)?,
                    };
                    return Ok(self.opened(Standing::Sound, identity, wal, applied, writer));
                }
                Some(reason) => reason,
            },
            Found::Nothing => "they are missing".to_owned(),
            Found::Unusable { reason, .. } => reason,
        };
        while let Some(file) = self.snapshots.newest() {
            if !reaches(file.last_log_id()) {
                break;
            }
            tracing::warn!(reason, snapshot = file.last_index(), "rebuilding the rows from a snapshot");
            match machine::load(self.app.as_ref(), &file) {
                Ok(applied) => {
                    let writer = self.rebuild(rows, &applied)?;
                    return Ok(self.opened(Standing::Sound, identity, wal, applied, writer));
                }
                Err(error @ StorageError::Unsupported { .. }) => return Err(error),
                Err(error @ StorageError::Io { .. }) => {
                    tracing::warn!(%error, snapshot = file.last_index(), "a snapshot cannot be read");
                    self.snapshots.pass_over(&file, error);
                }
                Err(error) => {
                    tracing::warn!(%error, snapshot = file.last_index(), "a snapshot cannot be used");
                    self.snapshots.reject(&file)?;
                }
            }
        }
        let applied = Applied::empty(self.app.as_ref());
        if let Some(at_least_index) = purged {
            // A node that is alone has no other copy than the one that cannot be read now.
            if !self.options.has_peers
                && let Some(unreadable) = self.snapshots.take_unreadable()
            {
                return Err(unreadable);
            }
            tracing::warn!(reason, at_least_index, "neither the rows nor a snapshot reach the log");
            drop(rows);
            let writer = Writer::inline(Box::new(MemoryRows::new()), self.fault.clone());
            let standing = Standing::NeedsSnapshot { at_least_index };
            return Ok(self.opened(standing, identity, wal, applied, writer));
        }
        if !(was_blank && wal.last_log_id().is_none()) {
            tracing::warn!(reason, "rebuilding the rows from the log");
        }
        let writer = self.rebuild(rows, &applied)?;
        Ok(self.opened(Standing::Sound, identity, wal, applied, writer))
    }

    /// Why a snapshot must be taken instead of the rows although the rows are good: the log does not
    /// lead to what the snapshot shows. Where it does, that much of the log is known to be committed.
    fn gap(&self, wal: &Wal, applied: &Applied<A>) -> Result<Option<String>, StorageError> {
        let Some(covered) = self.snapshots.newest().and_then(|file| file.last_log_id()) else {
            return Ok(None);
        };
        if Some(covered) <= applied.last_applied {
            return Ok(None);
        }
        if wal.log_id_at(covered.index) != Some(covered) {
            let index: LogIndex = applied.index();
            return Ok(Some(format!("they end at {index}, and a snapshot has come that goes further")));
        }
        if wal.committed() < Some(covered) {
            wal.save_committed(covered)?;
        }
        Ok(None)
    }
}

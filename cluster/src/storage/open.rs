//! Opens a node's folder and finds out what it still knows.

use std::path::Path;
use std::sync::{Arc, Mutex};

use super::applied::Applied;
use super::digest::DigestRing;
use super::divergence;
use super::error::StorageError;
use super::fault::FaultReport;
use super::handle::StorageHandle;
use super::identity::{self, Identity};
use super::layout::Layout;
use super::log_store::LogStore;
use super::machine::{self, Shared, StateMachine};
use super::rows::{self, Held, MemoryRows, OpenFailure, RowStore, SledRows};
use super::snapshot::{SnapshotFile, SnapshotStore};
use super::wal::Wal;
use super::writer::Writer;
use super::{Opened, RowsKind, Standing, StorageOptions};
use crate::application::Application;
use crate::disk::{Disk, DiskLock, make_folder};
use crate::environment::Environment;
use crate::published::Publication;
use crate::types::{LogId, LogIndex, Wire};

/// What is known about the rows.
enum Found<A: Application> {
    Nothing,
    /// They cannot be used; they had come at least this far.
    Unusable {
        reason: String,
        shown: Option<LogId>,
    },
    State(Applied<A>),
}

/// The store of the rows, unless it must be removed first, and what is in it.
type FoundRows<A> = (Option<Box<dyn RowStore>>, Found<A>);

impl<A: Application> Found<A> {
    fn shown(&self) -> Option<LogId> {
        match self {
            Self::Nothing => None,
            Self::Unusable { shown, .. } => *shown,
            Self::State(applied) => applied.last_applied,
        }
    }
}

/// Opens a node's folder, or makes one.
///
/// # Errors
/// The folder cannot be read or written, or another process works in it.
pub fn open<A: Application>(
    options: &StorageOptions,
    app: Arc<A>,
    environment: &Environment,
    disk: Arc<dyn Disk>,
) -> Result<Opened<A>, StorageError> {
    let layout = Layout::of(&options.directory);
    let lock = layout.take_lock(disk.as_ref())?;
    let boot = identity::next_boot(disk.as_ref(), &layout.boot, environment.clock.wall_ms())?;
    make_folder(disk.as_ref(), &layout.wal).map_err(StorageError::io("create", &layout.wal))?;
    let snapshots = Arc::new(SnapshotStore::open(Arc::clone(&disk), layout.snapshots.clone())?);
    let diverged = divergence::noted(disk.as_ref(), &layout.diverged)?;

    let fault = FaultReport::new();
    let parts = Parts { options, layout, app, environment, disk, snapshots, fault, boot, lock };
    let (identity, mut trouble) = match identity::load(parts.disk.as_ref(), &parts.layout.identity) {
        Ok(identity) => (identity, None),
        Err(damaged @ StorageError::Damaged { .. }) => (None, Some(damaged.to_string())),
        Err(error) => return Err(error),
    };
    if identity.is_some() && !has_segments(parts.disk.as_ref(), &parts.layout.wal)? {
        trouble = Some("the node has an identity and no log".to_owned());
    }
    if let Some(reason) = trouble {
        return parts.forgotten(identity, reason);
    }
    let own = identity.as_ref().map(|identity| identity.node_id);
    let wal = Wal::open(
        parts.layout.wal_options(options),
        Arc::clone(&parts.disk),
        Arc::clone(&environment.clock),
        parts.fault.clone(),
        own,
    );
    let wal = match wal {
        Ok(wal) => wal,
        Err(damaged @ StorageError::Damaged { .. }) => {
            return parts.forgotten(identity, damaged.to_string());
        }
        Err(error) => return Err(error),
    };

    let (rows, found) = parts.find_rows()?;
    let newest = parts.snapshots.newest();
    let shown = found.shown().max(newest.as_ref().and_then(SnapshotFile::last_log_id));
    if identity.is_none() {
        let holds_no_state = matches!(found, Found::Nothing) && newest.is_none();
        let is_blank = wal.last_log_id().is_none() && wal.vote().is_none() && holds_no_state;
        return match is_blank {
            true => parts.blank(wal, rows),
            false => parts.forgotten(None, "the folder holds a log or a state, and no identity".to_owned()),
        };
    }
    let end = wal.last_log_id().max(wal.received());
    if shown > end {
        let of = |id: Option<LogId>| id.map_or("nothing".to_owned(), |id| id.to_string());
        let reason = format!("the log ends at {}, and {} was applied", of(end), of(shown));
        return parts.forgotten(identity, reason);
    }
    match diverged {
        Some(entry) => parts.diverged(identity, wal, rows, entry),
        None => parts.sound(identity, wal, rows, found),
    }
}

fn has_segments(disk: &dyn Disk, wal: &Path) -> Result<bool, StorageError> {
    let names = disk.list(wal).map_err(StorageError::io("read", wal))?;
    Ok(names.iter().any(|name| name.ends_with(".wal")))
}

fn remove_rows(options: &StorageOptions, state: &Path) -> Result<(), StorageError> {
    match &options.rows {
        RowsKind::Sled => SledRows::remove(state),
        RowsKind::Memory(rows) => {
            rows.wipe();
            Ok(())
        }
    }
}

/// What is known before the standing is.
struct Parts<'a, A: Application> {
    options: &'a StorageOptions,
    layout: Layout,
    app: Arc<A>,
    environment: &'a Environment,
    disk: Arc<dyn Disk>,
    snapshots: Arc<SnapshotStore>,
    fault: FaultReport,
    boot: u64,
    lock: Box<dyn DiskLock>,
}

impl<A: Application> Parts<'_, A> {
    fn open_rows(&self) -> Result<Box<dyn RowStore>, OpenFailure> {
        Ok(match &self.options.rows {
            RowsKind::Sled => Box::new(SledRows::open(&self.layout.state, self.options.row_cache_bytes)?),
            RowsKind::Memory(rows) => Box::new(rows.clone()),
        })
    }

    /// Opens the rows and reads them into a state.
    fn find_rows(&self) -> Result<FoundRows<A>, StorageError> {
        let unusable = |reason| (None, Found::Unusable { reason, shown: None });
        let store = match self.open_rows() {
            Ok(store) => store,
            Err(OpenFailure::Corrupt(reason)) => return Ok(unusable(reason)),
            Err(OpenFailure::Refused(error)) => return Err(error),
        };
        // sled 0.34 panics on some corrupt pages, so they are read on a thread of their own.
        let app = Arc::clone(&self.app);
        let read = std::thread::spawn(move || {
            let found = inspect(app.as_ref(), store.as_ref());
            (store, found)
        });
        Ok(match read.join() {
            Ok((store, found)) => (Some(store), found),
            Err(_) => unusable("reading them panicked".to_owned()),
        })
    }

    /// Empties the rows and has those of `applied` written.
    fn rebuild(&self, rows: Option<Box<dyn RowStore>>, applied: &Applied<A>) -> Result<Writer, StorageError> {
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

    fn writer(&self, rows: Box<dyn RowStore>) -> Result<Writer, StorageError> {
        match self.options.is_inline {
            true => Ok(Writer::inline(rows, self.fault.clone())),
            false => Writer::threaded(rows, self.options.writer_queue_entries, self.fault.clone()),
        }
    }

    fn blank(self, wal: Wal, rows: Option<Box<dyn RowStore>>) -> Result<Opened<A>, StorageError> {
        let applied = Applied::empty(self.app.as_ref());
        let writer = self.rebuild(rows, &applied)?;
        Ok(self.opened(Standing::Empty, None, wal, applied, writer))
    }

    /// A node that must not act under its old identity: its log takes nothing.
    fn forgotten(self, identity: Option<Identity>, reason: String) -> Result<Opened<A>, StorageError> {
        tracing::error!(reason, "this node has forgotten what it promised; it must not vote");
        let wal = Wal::refusing(
            self.layout.wal_options(self.options),
            Arc::clone(&self.disk),
            Arc::clone(&self.environment.clock),
            self.fault.clone(),
            format!("the node has forgotten its log: {reason}"),
        );
        let applied = Applied::empty(self.app.as_ref());
        let writer = Writer::inline(Box::new(MemoryRows::new()), self.fault.clone());
        Ok(self.opened(Standing::Forgotten { reason }, identity, wal, applied, writer))
    }

    /// The log is whole, and `entry` in it has shown the state to differ from the leader's.
    fn diverged(
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
            tracing::error!(entry, "the state had diverged from the leader's; it is replaced with a peer's");
            self.snapshots.set_all_aside()?;
            // A peer that serves and has applied the entry has found its own digest to be the leader's.
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
    fn sound(
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
                Err(error @ StorageError::Io { .. }) => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, snapshot = file.last_index(), "a snapshot cannot be used");
                    self.snapshots.reject(&file)?;
                }
            }
        }
        let applied = Applied::empty(self.app.as_ref());
        if let Some(at_least_index) = purged {
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

    fn opened(
        self,
        standing: Standing,
        identity: Option<Identity>,
        wal: Wal,
        applied: Applied<A>,
        writer: Writer,
    ) -> Opened<A> {
        let publication = Publication::new(applied.published());
        let mut digests = DigestRing::default();
        if let Some(last) = applied.last_applied {
            digests.push(last.index, applied.digest);
        }
        let shared = Arc::new(Shared {
            app: self.app,
            disk: self.disk,
            clock: Arc::clone(&self.environment.clock),
            wal: wal.clone(),
            snapshots: self.snapshots,
            writer,
            digests: Mutex::new(digests),
            fault: self.fault,
            publication: publication.clone(),
            diverged_marker: self.layout.diverged,
            is_inline: self.options.is_inline,
        });
        let handle = StorageHandle {
            shared: Arc::clone(&shared),
            identity_path: self.layout.identity,
            lock: Arc::new(Mutex::new(Some(self.lock))),
        };
        Opened {
            standing,
            identity,
            boot: self.boot,
            log: LogStore::new(wal),
            machine: StateMachine::new(shared, applied),
            publication,
            handle,
        }
    }
}

fn inspect<A: Application>(app: &A, store: &dyn RowStore) -> Found<A> {
    let unusable = |reason: String, shown| Found::Unusable { reason, shown };
    match rows::held(store) {
        Err(error) => unusable(error.to_string(), None),
        Ok(Held::Nothing) => Found::Nothing,
        Ok(Held::Unfinished) => unusable("a rewriting of them was interrupted".to_owned(), None),
        Ok(Held::State(meta)) => {
            let shown = meta.last_applied.and_then(|last| LogId::from_message(last).ok());
            match Applied::load(app, meta, &mut rows::content(store)) {
                Ok(applied) => Found::State(applied),
                Err(error) => unusable(error.to_string(), shown),
            }
        }
    }
}

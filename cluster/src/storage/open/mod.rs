//! Opens a node's folder and finds out what it still knows.

mod rows;
mod standing;

use std::path::Path;
use std::sync::{Arc, Mutex};

use self::rows::Found;
use super::applied::Applied;
use super::digest::DigestRing;
use super::divergence;
use super::error::StorageError;
use super::fault::FaultReport;
use super::forgetting;
use super::handle::StorageHandle;
use super::identity::{self, Identity};
use super::layout::Layout;
use super::log_store::LogStore;
use super::machine::{Shared, StateMachine};
use super::snapshot::SnapshotStore;
use super::wal::Wal;
use super::writer::Writer;
use super::{Opened, Standing, StorageOptions};
use crate::application::Application;
use crate::disk::{Disk, DiskLock, make_folder};
use crate::environment::Environment;
use crate::planted::{Bug, is_planted};
use crate::published::Publication;
use crate::types::LogId;

/// Opens a node's folder, or makes one.
///
/// # Errors
/// The folder cannot be read or written, or another process works in it. It is another node's (`OtherNode`): then
/// nothing in it is changed. Another version wrote something in it (`Unsupported`): then that is left as it is.
pub fn open<A: Application>(
    options: &StorageOptions,
    app: Arc<A>,
    environment: &Environment,
    disk: Arc<dyn Disk>,
) -> Result<Opened<A>, StorageError> {
    let layout = Layout::of(&options.directory);
    let lock = layout.take_lock(disk.as_ref())?;
    let (identity, mut trouble) = match identity::load(disk.as_ref(), &layout.identity) {
        Ok(identity) => (identity, None),
        Err(damaged @ StorageError::Damaged { .. }) => (None, Some(damaged.to_string())),
        Err(error) => return Err(error),
    };
    if let Some(identity) = &identity
        && identity.node_id != options.node_id
        && !is_planted(Bug::ForeignFolder)
    {
        let (stored, configured) = (identity.node_id, options.node_id);
        return Err(StorageError::OtherNode { folder: layout.directory, stored, configured });
    }
    let boot = identity::next_boot(disk.as_ref(), &layout.boot, environment.clock.wall_ms())?;
    make_folder(disk.as_ref(), &layout.wal).map_err(StorageError::io("create", &layout.wal))?;
    let snapshots = SnapshotStore::open(Arc::clone(&disk), layout.snapshots.clone(), options.is_inline)?;
    snapshots.check(app.as_ref())?;
    let snapshots = Arc::new(snapshots);
    let diverged = divergence::noted(disk.as_ref(), &layout.diverged)?;

    let fault = FaultReport::new();
    let parts = Parts { options, layout, app, environment, disk, snapshots, fault, boot, lock };
    if identity.is_some() && !has_segments(parts.disk.as_ref(), &parts.layout.wal)? {
        trouble = Some("the node has an identity and no log".to_owned());
    }
    if let Some(forgotten) = forgetting::noted(parts.disk.as_ref(), &parts.layout.forgot)? {
        trouble = Some(forgotten);
    }
    if let Some(reason) = trouble {
        return parts.forgotten(identity, reason);
    }
    let newest = parts.snapshots.newest().and_then(|file| file.last_log_id());
    let wal = Wal::open(
        parts.layout.wal_options(options),
        Arc::clone(&parts.disk),
        environment,
        parts.fault.clone(),
        identity.as_ref().map(|identity| identity.node_id),
        newest,
    );
    let wal = match wal {
        Ok(wal) => wal,
        Err(damaged @ StorageError::Damaged { .. }) => {
            return parts.forgotten(identity, damaged.to_string());
        }
        Err(error) => return Err(error),
    };

    let (rows, found) = parts.find_rows()?;
    let shown = found.shown().max(newest).max(parts.snapshots.unreadable_last());
    if identity.is_none() {
        let holds_no_state = matches!(found, Found::Nothing) && shown.is_none();
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

/// Knowledge that comes before the standing.
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
    fn opened(
        self,
        standing: Standing,
        identity: Option<Identity>,
        wal: Wal,
        applied: Applied<A>,
        writer: Writer,
    ) -> Opened<A> {
        let publication = Publication::new(applied.published());
        let sessions = Mutex::new(applied.sessions.clone());
        let mut digests = DigestRing::default();
        if let Some(last) = applied.last_applied {
            digests.push(last.index, applied.whole_digest());
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
            forgot_marker: self.layout.forgot,
            sessions,
            is_inline: self.options.is_inline,
        });
        let handle = StorageHandle {
            shared: Arc::clone(&shared),
            directory: self.layout.directory,
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

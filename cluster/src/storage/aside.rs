//! Takes a forgotten node out of its folder, and starts it anew there.

use std::path::Path;
use std::sync::Arc;

use super::error::{StorageError, is_absent};
use super::fault::FaultReport;
use super::identity::{self, Identity};
use super::layout::Layout;
use super::wal::Wal;
use super::{RowsKind, StorageOptions};
use crate::disk::{Disk, make_folder, replace_file};
use crate::environment::Environment;
use crate::types::Vote;

/// Number of the folders, and of the snapshots, that stay of those that were set aside.
pub(crate) const KEPT_ASIDE: usize = 2;
const FOLDER_PREFIX: &str = "forgotten-";

/// The name of the folder with this number.
fn name_of(number: u64) -> String {
    format!("{FOLDER_PREFIX}{number}")
}

/// The number of a folder that was set aside; `None` for other names, such as an operator's `forgotten-01`.
fn number_of(name: &str) -> Option<u64> {
    let number = name.strip_prefix(FOLDER_PREFIX)?.parse().ok()?;
    (name == name_of(number)).then_some(number)
}

/// Removes all but the newest folders that were set aside.
///
/// # Errors
/// As of the disk.
pub(crate) fn trim(disk: &dyn Disk, directory: &Path) -> Result<(), StorageError> {
    let names = disk.list(directory).map_err(StorageError::io("read", directory))?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| number_of(name)).collect();
    numbers.sort_unstable();
    for number in numbers.iter().rev().skip(KEPT_ASIDE) {
        let folder = directory.join(name_of(*number));
        tracing::info!(folder = %folder.display(), "removing what was set aside longer ago");
        disk.remove_dir_all(&folder).map_err(StorageError::io("remove", &folder))?;
    }
    Ok(())
}

/// Moves the log, the state and the snapshots of a node to the next `forgotten-N/` beside them,
/// with the reason. Nothing is deleted here; once the node has a state again, [`trim`] keeps the newest.
/// The storage must be closed.
///
/// # Errors
/// As of the disk.
pub fn set_aside(options: &StorageOptions, disk: &dyn Disk, reason: &str) -> Result<(), StorageError> {
    let layout = Layout::of(&options.directory);
    let _lock = layout.take_lock(disk)?;
    let directory = &layout.directory;
    let names = disk.list(directory).map_err(StorageError::io("read", directory))?;
    let last = names.iter().filter_map(|name| number_of(name)).max().unwrap_or_default();
    let target = directory.join(name_of(last.saturating_add(1)));
    make_folder(disk, &target).map_err(StorageError::io("create", &target))?;
    let note = target.join("reason.txt");
    replace_file(disk, &note, format!("{reason}\n").as_bytes()).map_err(StorageError::io("write", &note))?;
    // The log and the identity go first: what a crash leaves then belongs to no node. If the state went first, a
    // crash after it would leave a log that nothing contradicts.
    for from in [&layout.wal, &layout.snapshots, &layout.state, &layout.diverged, &layout.forgot] {
        let Some(name) = from.file_name() else { continue };
        move_if_there(disk, from, &target.join(name))?;
        for folder in [&target, directory] {
            disk.sync_dir(folder).map_err(StorageError::io("sync", folder))?;
        }
    }
    if let RowsKind::Memory(rows) = &options.rows {
        rows.wipe();
    }
    tracing::warn!(folder = %target.display(), reason, "moved what this node had forgotten out of the way");
    Ok(())
}

fn move_if_there(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), StorageError> {
    match disk.rename(from, to) {
        Ok(()) => Ok(()),
        Err(error) if is_absent(&error) => Ok(()),
        Err(error) => Err(StorageError::io("move", from)(error)),
    }
}

/// Starts a folder whose stored vote is `vote`, so that the node obeys nobody lower, and whose next boot is later than
/// `latest_boot`, so that its requests are taken. The storage must be closed and its log empty.
///
/// # Errors
/// As of the disk.
pub fn seed(
    options: &StorageOptions,
    environment: &Environment,
    disk: Arc<dyn Disk>,
    identity: &Identity,
    vote: Vote,
    latest_boot: u64,
) -> Result<(), StorageError> {
    let layout = Layout::of(&options.directory);
    let _lock = layout.take_lock(disk.as_ref())?;
    if identity.node_id != options.node_id {
        let (stored, configured) = (identity.node_id, options.node_id);
        return Err(StorageError::OtherNode { folder: layout.directory, stored, configured });
    }
    let wal = Wal::open(
        layout.wal_options(options),
        Arc::clone(&disk),
        environment,
        FaultReport::new(),
        None,
        None,
    )?;
    if let Some(last) = wal.last_log_id() {
        let reason = format!("a new log was expected, and this one ends at {last}");
        return Err(StorageError::damaged(&layout.wal, 0, reason));
    }
    wal.save_vote(vote)?;
    identity::raise_boot(disk.as_ref(), &layout.boot, latest_boot)?;
    // Last: a folder without an identity is not used.
    identity::save(disk.as_ref(), &layout.identity, identity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::MemoryDisk;
    use crate::storage::snapshot::SnapshotStore;

    #[test]
    fn the_newest_of_what_was_set_aside_stay() {
        let disk = MemoryDisk::new();
        let directory = Path::new("/node");
        let (snapshots, good) = (directory.join("snapshots"), "00000000000000000009-1-1.tmp.other");
        make_folder(&disk, &snapshots).unwrap();
        for number in [1, 2, 9, 10] {
            let folder = directory.join(format!("forgotten-{number}"));
            make_folder(&disk, &folder).unwrap();
            replace_file(&disk, &folder.join("reason.txt"), b"x").unwrap();
            let bad = snapshots.join(format!("{number:020}-1-1.snapshot.bad"));
            replace_file(&disk, &bad, b"x").unwrap();
        }
        replace_file(&disk, &snapshots.join(good), b"x").unwrap();
        let other = "forgotten-01";
        make_folder(&disk, &directory.join(other)).unwrap();
        let store = SnapshotStore::open(Arc::new(disk.clone()), snapshots.clone(), true).unwrap();
        for _ in 0..2 {
            trim(&disk, directory).unwrap();
            store.trim_set_aside().unwrap();
            assert_eq!(disk.list(directory).unwrap(), [other, "forgotten-10", "forgotten-9", "snapshots"]);
            let kept = [9, 10].map(|number| format!("{number:020}-1-1.snapshot.bad"));
            let names = disk.list(&snapshots).unwrap();
            assert_eq!(
                names.iter().filter(|name| name.ends_with(".bad")).collect::<Vec<_>>(),
                kept.each_ref()
            );
            assert!(names.contains(&good.to_owned()), "{names:?}");
        }
        assert_eq!(disk.read(&directory.join("forgotten-9/reason.txt")).unwrap(), b"x");
    }
}

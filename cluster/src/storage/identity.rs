//! Identity of a node, and the numbers of its lives.

use std::path::Path;

use keyraft_proto::cluster as proto;
use prost::Message;

use super::error::{StorageError, is_absent};
use crate::disk::{Disk, replace_file};
use crate::types::NodeId;

/// Format of a node's folder. 2 is the first that its files name.
pub(crate) const FOLDER_FORMAT: u32 = 2;

/// Progress of a node in joining its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It has agreed to be a member; the cluster may not have begun yet.
    Forming,
    /// The cluster has begun.
    Formed,
}

/// Identity of a node. Durable; without it the log is nobody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster it belongs to.
    pub cluster_id: String,
    /// Its number there.
    pub node_id: NodeId,
    /// Its progress.
    pub phase: Phase,
    /// Random number of this folder.
    pub folder: u64,
}

/// The stored identity, if there is one.
///
/// # Errors
/// `Unsupported` when another version made the folder; `Damaged`; as of the disk.
pub(crate) fn load(disk: &dyn Disk, path: &Path) -> Result<Option<Identity>, StorageError> {
    let bytes = match disk.read(path) {
        Ok(bytes) => bytes,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(StorageError::io("read", path)(error)),
    };
    let damaged = || StorageError::damaged(path, 0, "it is not an identity");
    let (crc, payload) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
    if crc32c::crc32c(payload) != u32::from_le_bytes(*crc) {
        return Err(damaged());
    }
    let message = proto::NodeIdentity::decode(payload).map_err(|_| damaged())?;
    if message.format != FOLDER_FORMAT {
        return Err(StorageError::Unsupported {
            path: path.to_owned(),
            what: "folder format",
            found: message.format.into(),
            known: FOLDER_FORMAT.to_string(),
        });
    }
    let phase = match message.phase() {
        proto::node_identity::Phase::Forming => Phase::Forming,
        proto::node_identity::Phase::Formed => Phase::Formed,
    };
    let (cluster_id, node_id, folder) = (message.cluster_id, message.node_id, message.folder);
    Ok(Some(Identity { cluster_id, node_id, phase, folder }))
}

/// Stores the identity; it is durable when this returns.
pub(crate) fn save(disk: &dyn Disk, path: &Path, identity: &Identity) -> Result<(), StorageError> {
    let phase = match identity.phase {
        Phase::Forming => proto::node_identity::Phase::Forming,
        Phase::Formed => proto::node_identity::Phase::Formed,
    };
    let message = proto::NodeIdentity {
        cluster_id: identity.cluster_id.clone(),
        node_id: identity.node_id,
        phase: phase.into(),
        format: FOLDER_FORMAT,
        folder: identity.folder,
    };
    let payload = message.encode_to_vec();
    let bytes = [crc32c::crc32c(&payload).to_le_bytes().as_slice(), &payload].concat();
    replace_file(disk, path, &bytes).map_err(StorageError::io("write", path))
}

/// Begins a new life: its number is higher than that of every earlier one, even when the wall clock has
/// stepped back, and durable when this returns. Request ids of an earlier life are refused.
pub(crate) fn next_boot(disk: &dyn Disk, path: &Path, wall_ms: u64) -> Result<u64, StorageError> {
    let previous = last_boot(disk, path)?;
    let boot = previous.map_or(wall_ms, |previous| wall_ms.max(previous.saturating_add(1))).max(1);
    save_boot(disk, path, boot)?;
    Ok(boot)
}

/// Makes the numbers of all later lives higher than `latest`, under which this node wrote before it lost its files.
pub(crate) fn raise_boot(disk: &dyn Disk, path: &Path, latest: u64) -> Result<(), StorageError> {
    match last_boot(disk, path)? {
        Some(previous) if previous >= latest => Ok(()),
        _ => save_boot(disk, path, latest),
    }
}

fn last_boot(disk: &dyn Disk, path: &Path) -> Result<Option<u64>, StorageError> {
    match disk.read(path) {
        Ok(bytes) => Ok(std::str::from_utf8(&bytes).ok().and_then(|text| text.trim().parse().ok())),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(StorageError::io("read", path)(error)),
    }
}

fn save_boot(disk: &dyn Disk, path: &Path, boot: u64) -> Result<(), StorageError> {
    replace_file(disk, path, format!("{boot}\n").as_bytes()).map_err(StorageError::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::MemoryDisk;

    #[test]
    fn boots_grow_even_when_the_clock_steps_back() {
        let disk = MemoryDisk::new();
        crate::disk::make_folder(&disk, Path::new("/n")).unwrap();
        let path = Path::new("/n/boot");
        assert_eq!(next_boot(&disk, path, 1_000).unwrap(), 1_000);
        disk.crash();
        assert_eq!(next_boot(&disk, path, 400).unwrap(), 1_001);
        assert_eq!(next_boot(&disk, path, 5_000).unwrap(), 5_000);
    }

    #[test]
    fn a_new_folder_goes_on_behind_the_boots_of_the_lost_one() {
        let disk = MemoryDisk::new();
        crate::disk::make_folder(&disk, Path::new("/n")).unwrap();
        let path = Path::new("/n/boot");
        assert_eq!(next_boot(&disk, path, 1_000).unwrap(), 1_000);
        raise_boot(&disk, path, 9_000).unwrap();
        raise_boot(&disk, path, 8_000).unwrap();
        disk.crash();
        assert_eq!(next_boot(&disk, path, 1_500).unwrap(), 9_001);
    }

    #[test]
    fn an_identity_survives_a_crash_and_rot_is_noticed() {
        let disk = MemoryDisk::new();
        crate::disk::make_folder(&disk, Path::new("/n")).unwrap();
        let path = Path::new("/n/identity");
        assert_eq!(load(&disk, path).unwrap(), None);
        let identity = Identity { cluster_id: "c".into(), node_id: 3, phase: Phase::Formed, folder: 7 };
        save(&disk, path, &identity).unwrap();
        disk.crash();
        assert_eq!(load(&disk, path).unwrap(), Some(identity));
        disk.tamper(path, |bytes| bytes[6] ^= 4).unwrap();
        assert!(matches!(load(&disk, path), Err(StorageError::Damaged { .. })));
    }

    #[test]
    fn an_identity_of_another_format_is_refused() {
        let disk = MemoryDisk::new();
        crate::disk::make_folder(&disk, Path::new("/n")).unwrap();
        let path = Path::new("/n/identity");
        for format in [0, FOLDER_FORMAT + 1] {
            let message = proto::NodeIdentity { node_id: 3, format, ..Default::default() };
            let payload = message.encode_to_vec();
            let bytes = [crc32c::crc32c(&payload).to_le_bytes().as_slice(), &payload].concat();
            replace_file(&disk, path, &bytes).unwrap();
            let refused = load(&disk, path);
            assert!(
                matches!(refused, Err(StorageError::Unsupported { found, .. }) if found == u64::from(format)),
                "{refused:?}"
            );
        }
    }
}

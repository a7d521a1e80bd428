//! Logs of another version.

use super::*;
use crate::storage::wal::record::{CHECKPOINT_BYTES, Checkpoint, LOG_FORMAT, frame};

fn refused(disk: &MemoryDisk) -> (PathBuf, u64) {
    match try_open(disk, None).err() {
        Some(StorageError::Unsupported { path, found, .. }) => (path, found),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_whole_record_of_an_unknown_kind_is_refused_and_not_cut() {
    for (kind, payload) in [(8, b"new".as_slice()), (record::ENTRY, b"")] {
        let disk = MemoryDisk::new();
        let wal = open(&disk);
        wal.append(vec![entry(1, 0, 20)]).unwrap();
        let (path, salt) = (last_segment(&disk), wal.index().place(0).unwrap().spot.salt);
        drop(wal);
        disk.tamper(&path, |bytes| {
            let synced = u32::try_from(bytes.len()).unwrap();
            frame(kind, salt, synced, payload, bytes);
        })
        .unwrap();
        let before = disk.read(&path).unwrap();
        assert_eq!(refused(&disk), (path.clone(), kind.into()));
        assert_eq!(disk.read(&path).unwrap(), before);
    }
}

#[test]
fn an_unknown_record_that_is_torn_is_cut() {
    let disk = MemoryDisk::new();
    let wal = open(&disk);
    wal.append(vec![entry(1, 0, 20)]).unwrap();
    let (path, salt) = (last_segment(&disk), wal.index().place(0).unwrap().spot.salt);
    disk.tamper(&path, |bytes| {
        frame(8, salt, u32::try_from(bytes.len()).unwrap(), b"new", bytes);
        bytes.pop();
    })
    .unwrap();
    assert_eq!(entries(&open(&disk)).len(), 1);
}

#[test]
fn a_segment_of_another_format_is_refused() {
    for format in [0, LOG_FORMAT + 1] {
        let disk = MemoryDisk::new();
        drop(open(&disk));
        let path = last_segment(&disk);
        let mut bytes = Vec::new();
        let checkpoint = Checkpoint { format, sequence: 1, ..Checkpoint::default() };
        record::Record::Checkpoint(checkpoint).encode(0, 0, &mut bytes);
        bytes.resize(CHECKPOINT_BYTES, 0);
        bytes.extend(b"whatever it may be");
        disk.tamper(&path, |old| old.clone_from(&bytes)).unwrap();
        assert_eq!(refused(&disk), (path.clone(), format.into()));
        assert_eq!(disk.read(&path).unwrap(), bytes);
    }
}

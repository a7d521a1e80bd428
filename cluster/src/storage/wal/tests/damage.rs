//! Crashes, full disks, and files that are torn, rotten or missing.

use super::*;

#[test]
fn what_was_acknowledged_survives_a_crash() {
    let disk = MemoryDisk::new();
    let wal = open(&disk);
    wal.save_vote(Vote::new_committed(3, 2)).unwrap();
    wal.append((0..20).map(|index| entry(3, index, 50)).collect()).unwrap();
    let before = entries(&wal);
    disk.crash();
    let wal = open(&disk);
    assert_eq!(entries(&wal), before);
    assert_eq!(wal.vote(), Some(Vote::new_committed(3, 2)));
}

#[test]
fn a_torn_last_write_is_cut_and_the_log_goes_on() {
    for kept in 1..60 {
        let disk = MemoryDisk::new();
        let wal = open(&disk);
        wal.append((0..3).map(|index| entry(1, index, 20)).collect()).unwrap();
        disk.fill_after(Some(kept));
        wal.append(vec![entry(1, 3, 60)]).unwrap_err();
        disk.fill_after(None);
        disk.crash_keeping(|unsynced| unsynced);
        let wal = open(&disk);
        assert_eq!(entries(&wal).len(), 3, "{kept} bytes of the fourth");
        wal.append(vec![entry(1, 3, 20)]).unwrap();
        disk.crash();
        assert_eq!(entries(&open(&disk)).len(), 4);
    }
}

#[test]
fn zeros_behind_the_last_record_are_cut() {
    let disk = MemoryDisk::new();
    open(&disk).append(vec![entry(1, 0, 20)]).unwrap();
    disk.tamper(&last_segment(&disk), |bytes| bytes.extend([0; 100])).unwrap();
    assert_eq!(entries(&open(&disk)).len(), 1);
}

#[test]
fn a_broken_record_before_an_acknowledged_one_is_damage() {
    let disk = MemoryDisk::new();
    let wal = open(&disk);
    for index in 0..3 {
        wal.append(vec![entry(1, index, 20)]).unwrap();
    }
    let (path, second) = (last_segment(&disk), wal.index().place(1).unwrap().spot.offset);
    disk.tamper(&path, |bytes| bytes[second as usize + record::HEADER_BYTES + 2] ^= 1).unwrap();
    match try_open(&disk, None).err() {
        Some(StorageError::Damaged { path: damaged, offset, .. }) => {
            assert_eq!((damaged, offset), (path, u64::from(second)));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_broken_record_of_one_interrupted_write_is_no_damage_though_whole_ones_follow() {
    let disk = MemoryDisk::new();
    let wal = open(&disk);
    wal.append(vec![entry(1, 0, 20)]).unwrap();
    // One write of two entries, of which a power failure kept the second block only.
    wal.append(vec![entry(1, 1, 20), entry(1, 2, 20)]).unwrap();
    let first = wal.index().place(1).unwrap().spot.offset as usize;
    disk.tamper(&last_segment(&disk), |bytes| bytes[first + 4] ^= 1).unwrap();
    assert_eq!(entries(&open(&disk)).len(), 1);
}

#[test]
fn rot_in_an_older_segment_is_damage() {
    let disk = MemoryDisk::new();
    open(&disk).append((0..3).map(|index| entry(1, index, 300)).collect()).unwrap();
    let older = last_segment(&disk);
    open(&disk).append(vec![entry(1, 3, 20)]).unwrap();
    assert_ne!(older, last_segment(&disk));
    disk.tamper(&older, |bytes| *bytes.last_mut().unwrap() ^= 1).unwrap();
    assert!(matches!(try_open(&disk, None), Err(StorageError::Damaged { .. })));
}

#[test]
fn a_missing_segment_is_damage() {
    let disk = MemoryDisk::new();
    let wal = open(&disk);
    for index in 0..30 {
        wal.append(vec![entry(1, index, 100)]).unwrap();
    }
    let names = disk.list(Path::new(FOLDER)).unwrap();
    disk.remove(&Path::new(FOLDER).join(&names[names.len() / 2])).unwrap();
    assert!(matches!(try_open(&disk, None), Err(StorageError::Damaged { .. })));
}

#[test]
fn a_missing_first_segment_is_damage() {
    let disk = MemoryDisk::new();
    let wal = open(&disk);
    for index in 0..30 {
        wal.append(vec![entry(1, index, 100)]).unwrap();
    }
    wal.purge(log_id(1, 2)).unwrap();
    let names = disk.list(Path::new(FOLDER)).unwrap();
    disk.remove(&Path::new(FOLDER).join(&names[0])).unwrap();
    assert!(matches!(try_open(&disk, None), Err(StorageError::Damaged { .. })));
}

#[test]
fn a_missing_first_segment_is_damage_even_when_no_entry_tells() {
    for purged in [false, true] {
        let disk = MemoryDisk::new();
        let wal = open(&disk);
        if purged {
            wal.append(vec![entry(1, 0, 300)]).unwrap();
            wal.purge(log_id(1, 0)).unwrap();
        }
        wal.append(vec![entry(1, 1, 500)]).unwrap();
        let lost = last_segment(&disk);
        wal.save_vote(Vote::new(2, 2)).unwrap();
        assert_ne!(lost, last_segment(&disk));
        for name in disk.list(Path::new(FOLDER)).unwrap() {
            let path = Path::new(FOLDER).join(name);
            if path <= lost {
                disk.remove(&path).unwrap();
            }
        }
        assert!(matches!(try_open(&disk, None), Err(StorageError::Damaged { .. })), "purged: {purged}");
    }
}

#[test]
fn a_removed_segment_whose_end_was_truncated_before_it_was_purged_is_no_damage() {
    let disk = MemoryDisk::new();
    let wal = open(&disk);
    wal.append((0..5).map(|index| entry(1, index, 100)).collect()).unwrap();
    wal.truncate(3).unwrap();
    wal.append(vec![entry(2, 3, 100)]).unwrap();
    wal.purge(log_id(2, 3)).unwrap();
    assert!(!disk.list(Path::new(FOLDER)).unwrap().contains(&"0000000000000001.wal".to_owned()));
    assert_eq!(open(&disk).last_log_id(), Some(log_id(2, 3)));
}

#[test]
fn a_crash_while_a_segment_is_begun_loses_nothing() {
    let disk = MemoryDisk::new();
    let wal = open(&disk);
    wal.append(vec![entry(1, 0, 500)]).unwrap();
    let next = segment_path(Path::new(FOLDER), 2);
    disk.create(&next).unwrap().append(&[1, 2, 3]).unwrap();
    disk.sync_dir(Path::new(FOLDER)).unwrap();
    let wal = open(&disk);
    assert_eq!(entries(&wal).len(), 1);
    wal.append(vec![entry(1, 1, 20)]).unwrap();
    assert_eq!(entries(&open(&disk)).len(), 2);
}

#[test]
fn after_a_full_disk_nothing_is_acknowledged_any_more() {
    let disk = MemoryDisk::new();
    let fault = FaultReport::new();
    let wal =
        Wal::open(options(), Arc::new(disk.clone()), &environment(), fault.clone(), None, None).unwrap();
    wal.append(vec![entry(1, 0, 20)]).unwrap();
    disk.fill_after(Some(30));
    let full = wal.append(vec![entry(1, 1, 20)]).unwrap_err().to_string();
    assert!(full.contains(FOLDER), "{full}");
    disk.fill_after(None);
    assert!(matches!(wal.append(vec![entry(1, 1, 20)]), Err(StorageError::Stopped { .. })));
    assert!(matches!(wal.save_vote(Vote::new(9, 1)), Err(StorageError::Stopped { .. })));
    assert!(matches!(fault.first(), Some(Fault::Log { .. })));
    assert_eq!(entries(&wal).len(), 1);
    let wal = open(&disk);
    assert_eq!((entries(&wal).len(), wal.vote()), (1, None));
}

#[test]
fn a_failed_sync_is_not_acknowledged() {
    let disk = MemoryDisk::new();
    let wal = open(&disk);
    disk.fail_syncs(true);
    wal.save_vote(Vote::new(2, 2)).unwrap_err();
    assert_eq!(*wal.vote_watch().borrow(), None);
    disk.fail_syncs(false);
    assert!(wal.append(vec![entry(1, 0, 1)]).is_err());
}

#[test]
fn a_rotten_checkpoint_is_no_torn_one() {
    let disk = MemoryDisk::new();
    open(&disk).save_vote(Vote::new(2, 2)).unwrap();
    for at in [0, 4, 13, record::HEADER_BYTES] {
        disk.tamper(&last_segment(&disk), |bytes| bytes[at] ^= 1).unwrap();
        assert!(matches!(try_open(&disk, None), Err(StorageError::Damaged { .. })), "byte {at}");
        disk.tamper(&last_segment(&disk), |bytes| bytes[at] ^= 1).unwrap();
    }
    assert_eq!(open(&disk).vote(), Some(Vote::new(2, 2)));
}

#[test]
fn a_torn_entry_that_holds_the_image_of_a_record_is_cut() {
    let disk = MemoryDisk::new();
    let wal = open(&disk);
    wal.append(vec![entry(1, 0, 20)]).unwrap();
    let length = disk.length(&last_segment(&disk)).unwrap();
    // As a client would write it, who guesses where its command will lie: a record that was written after the
    // entry around it was durable.
    let mut image = Vec::new();
    for salt in [0, 1] {
        record::frame(record::ENTRY, salt, u32::try_from(length).unwrap() + 1, b"", &mut image);
    }
    image.extend([b'x'; 64]);
    let request = proto::Request {
        body: Some(proto::request::Body::Command(Bytes::from(image))),
        ..Default::default()
    };
    let batch = proto::Batch { stamp_ms: 1, requests: vec![request] };
    wal.append(vec![Entry { log_id: log_id(1, 1), payload: EntryPayload::Normal(batch) }]).unwrap();
    disk.tamper(&last_segment(&disk), |bytes| bytes.truncate(bytes.len() - 1)).unwrap();
    assert_eq!(entries(&open(&disk)).len(), 1);
}

#[test]
fn each_segment_has_a_salt_of_its_own() {
    let disk = MemoryDisk::new();
    let wal = open(&disk);
    wal.append((0..3).map(|index| entry(1, index, 300)).collect()).unwrap();
    wal.append(vec![entry(1, 3, 20)]).unwrap();
    let salts = [0, 3].map(|index| wal.index().place(index).unwrap().spot.salt);
    assert_ne!(salts[0], salts[1]);
    assert_eq!(entries(&open(&disk)).len(), 4);
}

#[test]
fn a_torn_entry_full_of_headers_is_looked_through_once() {
    let disk = MemoryDisk::new();
    let wal = open(&disk);
    wal.append(vec![entry(1, 0, 20)]).unwrap();
    let synced = u32::try_from(disk.length(&last_segment(&disk)).unwrap()).unwrap() + 1;
    // Each claims a long payload: with the checksums of all of them a start would take hours.
    let mut header = (1_u32 << 20).to_le_bytes().to_vec();
    header.extend(synced.to_le_bytes());
    header.extend([2; 9]);
    let request = proto::Request {
        body: Some(proto::request::Body::Command(Bytes::from(header.repeat(200_000)))),
        ..Default::default()
    };
    let batch = proto::Batch { stamp_ms: 1, requests: vec![request] };
    wal.append(vec![Entry { log_id: log_id(1, 1), payload: EntryPayload::Normal(batch) }]).unwrap();
    disk.tamper(&last_segment(&disk), |bytes| bytes.truncate(bytes.len() - 1)).unwrap();
    assert_eq!(entries(&open(&disk)).len(), 1);
}

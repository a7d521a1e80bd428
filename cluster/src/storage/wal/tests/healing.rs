//! Entries that rot while a snapshot covers them.

use super::*;

/// A log with a vote and ten entries, of which `rotten` has a flipped bit.
fn rotten(rotten: LogIndex, entry_bytes: usize) -> MemoryDisk {
    let disk = MemoryDisk::new();
    let wal = open(&disk);
    wal.save_vote(Vote::new(5, 3)).unwrap();
    for index in 0..10 {
        wal.append(vec![entry(1, index, entry_bytes)]).unwrap();
    }
    let spot = wal.index().place(rotten).unwrap().spot;
    let at = spot.offset as usize + record::HEADER_BYTES + 2;
    disk.tamper(&segment_path(Path::new(FOLDER), spot.segment), |bytes| bytes[at] ^= 1).unwrap();
    disk
}

fn check_healed(wal: &Wal, covered: LogIndex) {
    assert_eq!(wal.purged(), Some(log_id(1, covered)));
    assert_eq!(wal.vote(), Some(Vote::new(5, 3)));
    let held: Vec<LogId> = entries(wal).iter().map(|entry| entry.log_id).collect();
    assert_eq!(held, (covered + 1..10).map(|index| log_id(1, index)).collect::<Vec<_>>());
}

#[test]
fn a_rotten_entry_that_a_snapshot_covers_is_dropped_with_those_before_it() {
    // In one segment, and over several.
    for entry_bytes in [1, 100] {
        for covered in [3, 4, 8, 9] {
            let disk = rotten(3, entry_bytes);
            check_healed(&open_covered(&disk, log_id(1, covered)).unwrap(), covered);
            disk.crash();
            let wal = try_open(&disk, None).unwrap();
            check_healed(&wal, covered);
            wal.append(vec![entry(1, 10, 5)]).unwrap();
            assert_eq!(entries(&open(&disk)).len() as u64, 10 - covered);
        }
    }
}

#[test]
fn a_rotten_entry_that_no_snapshot_covers_is_damage() {
    for covered in [0, 2] {
        let disk = rotten(3, 100);
        let opened = open_covered(&disk, log_id(1, covered));
        assert!(matches!(opened, Err(StorageError::Damaged { .. })), "{covered}");
    }
    assert!(matches!(try_open(&rotten(3, 100), None), Err(StorageError::Damaged { .. })));
}

#[test]
fn a_rotten_vote_is_damage_whatever_a_snapshot_covers() {
    let disk = MemoryDisk::new();
    let wal = open(&disk);
    wal.append(vec![entry(1, 0, 5)]).unwrap();
    let at = disk.length(&last_segment(&disk)).unwrap() as usize + record::HEADER_BYTES;
    wal.save_vote(Vote::new(5, 3)).unwrap();
    wal.append(vec![entry(1, 1, 5)]).unwrap();
    disk.tamper(&last_segment(&disk), |bytes| bytes[at] ^= 1).unwrap();
    assert!(matches!(open_covered(&disk, log_id(1, 1)), Err(StorageError::Damaged { .. })));
}

#[test]
fn an_older_segment_that_cannot_be_read_is_passed_over_when_a_snapshot_covers_it() {
    for is_missing in [false, true] {
        let ruined = |covered: LogIndex| {
            let disk = rotten(9, 100);
            let names = disk.list(Path::new(FOLDER)).unwrap();
            assert!(names.len() > 2, "{names:?}");
            let (first, second) = (&names[0], &names[1]);
            let path = Path::new(FOLDER).join(if is_missing { second } else { first });
            match is_missing {
                true => disk.remove(&path).unwrap(),
                false => disk.ruin(&path).unwrap(),
            }
            (open_covered(&disk, log_id(1, covered)), disk)
        };
        let (opened, disk) = ruined(9);
        let wal = opened.unwrap();
        assert_eq!((wal.purged(), wal.vote()), (Some(log_id(1, 9)), Some(Vote::new(5, 3))));
        assert_eq!(disk.list(Path::new(FOLDER)).unwrap().len(), 1, "what is not needed is removed");
        drop(wal);
        assert_eq!(open(&disk).purged(), Some(log_id(1, 9)));
        assert!(ruined(0).0.is_err());
    }
}

mod damage;
mod healing;
mod history;
mod versions;

use std::path::Path;

use bytes::Bytes;
use keyraft_proto::cluster as proto;
use openraft::EntryPayload;

use super::*;
use crate::disk::MemoryDisk;
use crate::environment::{SeededRandom, SystemClock};

const FOLDER: &str = "/node/wal";

fn options() -> WalOptions {
    // Small, so that a few entries roll segments and leave the cache.
    WalOptions { folder: FOLDER.into(), segment_bytes: 600, cache_bytes: 300 }
}

fn environment() -> Environment {
    Environment { clock: Arc::new(SystemClock::default()), random: Arc::new(SeededRandom::from_seed(1)) }
}

fn try_open(disk: &MemoryDisk, own: Option<NodeId>) -> Result<Wal, StorageError> {
    Wal::open(options(), Arc::new(disk.clone()), &environment(), FaultReport::new(), own, None)
}

/// With a snapshot up to `covered`.
fn open_covered(disk: &MemoryDisk, covered: LogId) -> Result<Wal, StorageError> {
    Wal::open(options(), Arc::new(disk.clone()), &environment(), FaultReport::new(), None, Some(covered))
}

fn open(disk: &MemoryDisk) -> Wal {
    try_open(disk, None).unwrap()
}

fn log_id(term: u64, index: LogIndex) -> LogId {
    LogId::new(openraft::CommittedLeaderId::new(term, 1), index)
}

fn entry(term: u64, index: LogIndex, bytes: usize) -> Entry {
    let request = proto::Request {
        body: Some(proto::request::Body::Command(Bytes::from(vec![b'x'; bytes]))),
        ..Default::default()
    };
    let batch = proto::Batch { stamp_ms: index, requests: vec![request] };
    Entry { log_id: log_id(term, index), payload: EntryPayload::Normal(batch) }
}

fn entries(wal: &Wal) -> Vec<Entry> {
    wal.read(0..u64::MAX, u64::MAX).unwrap()
}

fn last_segment(disk: &MemoryDisk) -> PathBuf {
    Path::new(FOLDER).join(disk.list(Path::new(FOLDER)).unwrap().last().unwrap())
}

#[test]
fn an_own_committed_vote_has_to_be_won_again() {
    let disk = MemoryDisk::new();
    open(&disk).save_vote(Vote::new_committed(7, 2)).unwrap();
    assert_eq!(try_open(&disk, Some(2)).unwrap().vote(), Some(Vote::new(7, 2)));
    assert_eq!(*try_open(&disk, Some(2)).unwrap().vote_watch().borrow(), Some(Vote::new(7, 2)));
    assert_eq!(try_open(&disk, Some(1)).unwrap().vote(), Some(Vote::new_committed(7, 2)));
}

#[test]
fn a_saved_vote_is_shown_to_watchers() {
    let wal = open(&MemoryDisk::new());
    let watch = wal.vote_watch();
    wal.save_vote(Vote::new(4, 9)).unwrap();
    assert_eq!(*watch.borrow(), Some(Vote::new(4, 9)));
}

#[test]
fn purged_segments_are_removed_and_the_rest_reads_on() {
    let disk = MemoryDisk::new();
    let wal = open(&disk);
    wal.save_vote(Vote::new(5, 3)).unwrap();
    for index in 0..50 {
        wal.append(vec![entry(1, index, 100)]).unwrap();
    }
    let before = disk.list(Path::new(FOLDER)).unwrap().len();
    wal.purge(log_id(1, 40)).unwrap();
    assert!(disk.list(Path::new(FOLDER)).unwrap().len() < before / 3);
    disk.crash();
    let wal = open(&disk);
    assert_eq!(wal.purged(), Some(log_id(1, 40)));
    assert_eq!(entries(&wal).first().unwrap().log_id, log_id(1, 41));
    assert_eq!(entries(&wal).len(), 9);
    assert_eq!(wal.vote(), Some(Vote::new(5, 3)), "carried over by the checkpoints");
}

#[test]
fn a_purge_past_a_conflicting_end_drops_it() {
    let disk = MemoryDisk::new();
    let wal = open(&disk);
    wal.append((0..20).map(|index| entry(1, index, 10)).collect()).unwrap();
    wal.purge(log_id(2, 10)).unwrap();
    assert_eq!(wal.last_log_id(), Some(log_id(2, 10)));
    wal.append(vec![entry(2, 11, 10)]).unwrap();
    assert_eq!(entries(&open(&disk)), vec![entry(2, 11, 10)]);
}

#[test]
fn a_limited_read_gives_one_entry_at_least() {
    let wal = open(&MemoryDisk::new());
    wal.append((0..10).map(|index| entry(1, index, 100)).collect()).unwrap();
    assert_eq!(wal.read(2..9, 1).unwrap().len(), 1);
    assert_eq!(wal.read(2..9, 300).unwrap().len(), 2);
    assert_eq!(wal.read(2..9, u64::MAX).unwrap().len(), 7);
}

#[test]
fn the_bytes_after_an_entry_are_those_of_the_later_ones() {
    let wal = open(&MemoryDisk::new());
    wal.append((1..11).map(|index| entry(1, index, 100)).collect()).unwrap();
    let all = wal.bytes_after(None);
    assert!(all > 1_000);
    assert_eq!(wal.bytes_after(Some(5)), all / 2);
    wal.purge(log_id(1, 5)).unwrap();
    assert_eq!(wal.bytes_after(None), all / 2);
    assert_eq!(wal.bytes_after(Some(10)), 0);
}

#[test]
fn the_first_entry_of_a_leader_is_found() {
    let wal = open(&MemoryDisk::new());
    let terms = [1, 1, 2, 2, 2, 4];
    wal.append((0..).zip(terms).map(|(index, term)| entry(term, index, 1)).collect()).unwrap();
    assert_eq!(wal.first_entry_of(*log_id(2, 0).committed_leader_id()), Some(log_id(2, 2)));
    assert_eq!(wal.first_entry_of(*log_id(3, 0).committed_leader_id()), None);
}

#[test]
fn all_but_the_newest_entries_outgrow_the_limit() {
    let wal = open(&MemoryDisk::new());
    assert_eq!(wal.outgrown(0), None);
    wal.append((1..11).map(|index| entry(1, index, 100)).collect()).unwrap();
    let all = wal.bytes_after(None);
    assert_eq!(wal.outgrown(all), None);
    assert_eq!(wal.outgrown(all - 1), Some(1));
    assert_eq!(wal.outgrown(all / 2), Some(5));
    assert_eq!(wal.outgrown(0), Some(10));
    wal.purge(log_id(1, 5)).unwrap();
    assert_eq!(wal.outgrown(all / 2), None);
}

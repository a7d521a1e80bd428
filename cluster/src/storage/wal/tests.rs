use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use keyraft_proto::cluster as proto;
use openraft::EntryPayload;
use proptest::prelude::*;

use super::*;
use crate::disk::MemoryDisk;
use crate::environment::SystemClock;

const FOLDER: &str = "/node/wal";

fn options() -> WalOptions {
    // Small, so that a few entries roll segments and leave the cache.
    WalOptions { folder: FOLDER.into(), segment_bytes: 400, cache_bytes: 300 }
}

fn try_open(disk: &MemoryDisk, own: Option<NodeId>) -> Result<Wal, StorageError> {
    Wal::open(options(), Arc::new(disk.clone()), Arc::new(SystemClock::default()), FaultReport::new(), own)
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
    let (path, second) = (last_segment(&disk), wal.index().place(1).unwrap().offset);
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
    let first = wal.index().place(1).unwrap().offset as usize;
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
fn after_a_full_disk_nothing_is_acknowledged_any_more() {
    let disk = MemoryDisk::new();
    let fault = FaultReport::new();
    let wal =
        Wal::open(options(), Arc::new(disk.clone()), Arc::new(SystemClock::default()), fault.clone(), None)
            .unwrap();
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

/// What happens to a log.
#[derive(Clone, Debug)]
enum Step {
    Append {
        sizes: Vec<usize>,
        new_leader: bool,
    },
    /// The disk fills up during an append, and the power fails.
    InterruptedAppend {
        sizes: Vec<usize>,
        room: u64,
        kept: usize,
    },
    Truncate {
        keep: u8,
    },
    Purge {
        part: u8,
    },
    Vote {
        committed: bool,
    },
    Committed,
    Received {
        ahead: u64,
    },
    Reopen,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let sizes = || prop::collection::vec(0..200usize, 1..6);
    prop_oneof![
        6 => (sizes(), any::<bool>()).prop_map(|(sizes, new_leader)| Step::Append { sizes, new_leader }),
        2 => (sizes(), 0..600u64, 0..600usize)
            .prop_map(|(sizes, room, kept)| Step::InterruptedAppend { sizes, room, kept }),
        1 => any::<u8>().prop_map(|keep| Step::Truncate { keep }),
        1 => any::<u8>().prop_map(|part| Step::Purge { part }),
        2 => any::<bool>().prop_map(|committed| Step::Vote { committed }),
        2 => Just(Step::Committed),
        1 => (0..9u64).prop_map(|ahead| Step::Received { ahead }),
        1 => Just(Step::Reopen),
        2 => Just(Step::Crash),
    ]
}

/// What was acknowledged.
#[derive(Default)]
struct Model {
    term: u64,
    entries: BTreeMap<LogIndex, Entry>,
    purged: Option<LogId>,
    received: Option<LogId>,
    vote: Option<Vote>,
}

impl Model {
    fn next(&self) -> LogIndex {
        let purged = self.purged.map_or(0, |purged| purged.index + 1);
        self.entries.keys().last().map_or(purged, |last| last + 1)
    }

    fn new_entries(&self, sizes: &[usize]) -> Vec<Entry> {
        (self.next()..).zip(sizes).map(|(index, size)| entry(self.term, index, *size)).collect()
    }

    fn check(&self, wal: &Wal) {
        let held: Vec<Entry> = self.entries.values().cloned().collect();
        assert_eq!(entries(wal), held);
        assert_eq!(wal.purged(), self.purged);
        assert_eq!(wal.received(), self.received);
        assert_eq!(wal.vote(), self.vote);
        for (index, entry) in &self.entries {
            assert_eq!(wal.log_id_at(*index), Some(entry.log_id));
        }
    }

    fn take(&mut self, step: &Step, disk: &MemoryDisk, wal: &mut Wal) {
        match step {
            Step::Append { sizes, new_leader } => {
                self.term += u64::from(*new_leader);
                let new = self.new_entries(sizes);
                wal.append(new.clone()).unwrap();
                self.entries.extend(new.into_iter().map(|entry| (entry.log_id.index, entry)));
            }
            Step::InterruptedAppend { sizes, room, kept } => {
                let new = self.new_entries(sizes);
                disk.fill_after(Some(*room));
                let result = wal.append(new.clone());
                disk.fill_after(None);
                disk.crash_keeping(|unsynced| unsynced.min(*kept));
                *wal = open(disk);
                // All of it when it was acknowledged; else any first part of it, which is then kept.
                let survived = match result {
                    Ok(()) => new.len(),
                    Err(_) => entries(wal).len() - self.entries.len(),
                };
                let new = new.into_iter().take(survived).map(|entry| (entry.log_id.index, entry));
                self.entries.extend(new);
            }
            Step::Truncate { keep } => {
                let first = self.entries.keys().next().copied().unwrap_or(self.next());
                let from = first + (self.next() - first) * u64::from(*keep) / 255;
                wal.truncate(from).unwrap();
                self.entries.split_off(&from);
            }
            Step::Purge { part } => {
                let at = self.entries.len() * usize::from(*part) / 256;
                let Some(upto) = self.entries.values().nth(at).map(|entry| entry.log_id) else { return };
                wal.purge(upto).unwrap();
                self.entries = self.entries.split_off(&(upto.index + 1));
                self.purged = Some(upto);
            }
            Step::Vote { committed } => {
                self.term += 1;
                let mut vote = Vote::new(self.term, 3);
                vote.committed = *committed;
                wal.save_vote(vote).unwrap();
                self.vote = Some(vote);
            }
            Step::Committed => {
                if let Some(last) = self.entries.values().last() {
                    wal.save_committed(last.log_id).unwrap();
                }
            }
            Step::Received { ahead } => {
                let covered = log_id(self.term, self.next() + ahead);
                wal.save_snapshot_received(covered).unwrap();
                self.received = self.received.max(Some(covered));
            }
            Step::Reopen => *wal = open(disk),
            Step::Crash => {
                disk.crash();
                *wal = open(disk);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_log_holds_exactly_what_was_acknowledged(steps in prop::collection::vec(step(), 1..40)) {
        let disk = MemoryDisk::new();
        let mut wal = open(&disk);
        let mut model = Model::default();
        for step in &steps {
            model.take(step, &disk, &mut wal);
            model.check(&wal);
        }
        disk.crash();
        model.check(&open(&disk));
    }
}

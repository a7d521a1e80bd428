//! Any history of a log, beside a model of it.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

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

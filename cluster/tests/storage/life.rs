//! A node without its network: what it keeps, and one life of it after another.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use imbl::OrdMap;
use keyraft_cluster::disk::{Disk, MemoryDisk, SystemDisk};
use keyraft_cluster::storage::{
    self, Identity, MemoryRows, Opened, Phase, RowsKind, Standing, StorageOptions,
};
use keyraft_cluster::types::{BatchAnswer, Entry, LogId, TypeConfig};
use keyraft_cluster::{
    Application, Environment, LogMoment, Row, RowChange, RowError, SeededRandom, SystemClock,
};
use keyraft_proto::cluster as proto;
use openraft::storage::{RaftLogStorage, RaftLogStorageExt, RaftStateMachine, StorageHelper};
use openraft::{CommittedLeaderId, EntryPayload, RaftSnapshotBuilder};

pub type Map = OrdMap<Vec<u8>, Vec<u8>>;

/// Keys and values.
///
/// `set K V`, `count K` (adds one, answers the new number), `fill N V` (sets N keys), and `hide K` (sets
/// it, but does not tell).
pub struct Table;

impl Application for Table {
    type State = Map;

    fn empty(&self) -> Map {
        Map::new()
    }

    fn knows_table(&self, table: u8) -> bool {
        table == 1
    }

    fn load(&self, rows: &mut dyn Iterator<Item = Row>) -> Result<Map, RowError> {
        rows.map(|row| match row.key.split_first() {
            Some((1, key)) => Ok((key.to_vec(), row.value)),
            _ => Err(RowError { table: row.key[0], reason: "unknown".into() }),
        })
        .collect()
    }

    fn rows<'a>(&'a self, state: &'a Map) -> Box<dyn Iterator<Item = Row> + Send + 'a> {
        Box::new(state.iter().map(|(key, value)| Row { key: row_key(key), value: value.clone() }))
    }

    fn apply(&self, state: &mut Map, _: LogMoment, command: &[u8], changes: &mut Vec<RowChange>) -> Bytes {
        let text = std::str::from_utf8(command).unwrap();
        let words: Vec<&str> = text.split(' ').collect();
        let mut set = |key: String, value: String| {
            let before = state.insert(key.clone().into(), value.clone().into());
            changes.push(RowChange { key: row_key(key.as_bytes()), before, after: Some(value.into()) });
        };
        match words[..] {
            ["set", key, value] => set(key.into(), value.into()),
            ["fill", count, value] => {
                for number in 0..count.parse::<u32>().unwrap() {
                    set(format!("fill-{number:06}"), value.into());
                }
            }
            ["count", key] => {
                let before = state.get(key.as_bytes()).map(|v| String::from_utf8(v.clone()).unwrap());
                let next = before.map_or(1, |before| before.parse::<u64>().unwrap() + 1).to_string();
                let old = state.insert(key.into(), next.clone().into());
                let after = Some(next.clone().into());
                changes.push(RowChange { key: row_key(key.as_bytes()), before: old, after });
                return next.into();
            }
            // Changes a row and says nothing of it: a fault of the application.
            ["hide", key] => {
                state.insert(key.into(), Vec::new());
            }
            _ => panic!("{text}"),
        }
        Bytes::new()
    }
}

fn row_key(key: &[u8]) -> Vec<u8> {
    [&[1], key].concat()
}

/// What outlives a node's lives.
pub struct Node {
    pub options: StorageOptions,
    pub disk: Arc<dyn Disk>,
    pub memory: Option<(MemoryDisk, MemoryRows)>,
    _folder: Option<tempfile::TempDir>,
}

pub fn environment() -> Environment {
    Environment { clock: Arc::new(SystemClock::default()), random: Arc::new(SeededRandom::from_seed(1)) }
}

pub fn log_id(index: u64) -> LogId {
    LogId::new(CommittedLeaderId::new(1, 1), index)
}

pub fn identity() -> Identity {
    Identity { cluster_id: "c".into(), node_id: 1, phase: Phase::Formed, folder: 1 }
}

impl Node {
    /// On a real folder, with sled.
    pub fn on_disk() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = StorageOptions { segment_bytes: 4 << 10, ..StorageOptions::new(folder.path(), 1) };
        Self { options, disk: Arc::new(SystemDisk), memory: None, _folder: Some(folder) }
    }

    /// In memory.
    pub fn in_memory() -> Self {
        let (disk, rows) = (MemoryDisk::new(), MemoryRows::new());
        let options = StorageOptions {
            segment_bytes: 4 << 10,
            rows: RowsKind::Memory(rows.clone()),
            is_inline: true,
            ..StorageOptions::new("/node", 1)
        };
        Self { options, disk: Arc::new(disk.clone()), memory: Some((disk, rows)), _folder: None }
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.options.directory.join(name)
    }

    pub fn open(&self) -> Opened<Table> {
        storage::open(&self.options, Arc::new(Table), &environment(), Arc::clone(&self.disk)).unwrap()
    }

    /// Starts as the node would, with openraft's own start.
    pub async fn start(&self) -> Life {
        let opened = self.open();
        match opened.standing {
            Standing::Empty => opened.handle.save_identity(&identity()).unwrap(),
            Standing::Sound => {}
            other => panic!("{other:?}"),
        }
        let mut life = Life(opened);
        StorageHelper::new(&mut life.0.log, &mut life.0.machine).get_initial_state().await.unwrap();
        life
    }

    /// Loses power; of the rows, the newest batches.
    pub fn crash(&self, lost_row_batches: usize) {
        let (disk, rows) = self.memory.as_ref().unwrap();
        disk.crash();
        rows.crash(lost_row_batches);
    }

    pub fn segments(&self) -> Vec<std::path::PathBuf> {
        let names = self.disk.list(&self.path("wal")).unwrap();
        let names = names.into_iter().filter(|name| Path::new(name).extension().is_some_and(|e| e == "wal"));
        names.map(|name| self.path("wal").join(name)).collect()
    }
}

pub struct Life(pub Opened<Table>);

pub fn command(text: &str) -> proto::Request {
    let body = proto::request::Body::Command(Bytes::from(text.to_owned()));
    proto::Request { body: Some(body), ..Default::default() }
}

impl Life {
    pub fn applied(&self) -> u64 {
        self.0.publication.load().applied_index
    }

    pub fn digest(&self) -> u128 {
        self.0.publication.load().digest
    }

    pub fn value(&self, key: &str) -> Option<String> {
        let published = self.0.publication.load();
        published.state.get(key.as_bytes()).map(|value| String::from_utf8(value.clone()).unwrap())
    }

    /// Logs, commits and applies one entry.
    pub async fn write(&mut self, requests: Vec<proto::Request>) -> BatchAnswer {
        let index = self.0.log.last_log_id().map_or(0, |last| last.index + 1);
        let batch = proto::Batch { stamp_ms: 1_000 + index, requests };
        let entry: Entry = Entry { log_id: log_id(index), payload: EntryPayload::Normal(batch) };
        self.0.log.blocking_append([entry.clone()]).await.unwrap();
        self.0.log.save_committed(Some(entry.log_id)).await.unwrap();
        self.0.machine.apply([entry]).await.unwrap().pop().unwrap()
    }

    pub async fn write_numbered(&mut self, count: u64) {
        for number in 0..count {
            self.write(vec![command(&format!("set key-{number} value-{number}"))]).await;
        }
    }

    pub async fn snapshot(&mut self) -> openraft::Snapshot<TypeConfig> {
        self.0.machine.get_snapshot_builder().await.build_snapshot().await.unwrap()
    }

    /// Takes a snapshot, then forgets all of the log that it covers.
    pub async fn compact(&mut self) {
        let last = self.snapshot().await.meta.last_log_id.unwrap();
        self.0.log.purge(last).await.unwrap();
    }

    pub fn close(self) {
        self.0.handle.flush_and_close().unwrap();
    }
}

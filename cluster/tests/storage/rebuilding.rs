//! The rows are a copy: whatever happens to them, the state comes back.

use std::path::Path;

use keyraft_cluster::disk::Disk;
use keyraft_cluster::storage::Standing;
use openraft::storage::RaftLogStorage;

use crate::life::{Life, Node, command, log_id};

/// Ruins what is in a folder of sled's.
type Ruin = fn(&Path);

const RUINS: [(&str, Ruin); 6] = [
    ("removed", |state| std::fs::remove_dir_all(state).unwrap()),
    ("garbage", |state| rewrite(state, |bytes| bytes.fill(0xa5))),
    ("emptied", |state| rewrite(state, |bytes| bytes.clear())),
    ("cut", |state| rewrite(state, |bytes| bytes.truncate(bytes.len() / 2))),
    ("rotten", |state| {
        rewrite(state, |bytes| bytes.iter_mut().skip(7).step_by(61).for_each(|byte| *byte ^= 0x10));
    }),
    ("not sled", |state| {
        std::fs::remove_dir_all(state).unwrap();
        std::fs::create_dir(state).unwrap();
        std::fs::write(state.join("db"), b"hello").unwrap();
        std::fs::write(state.join("conf"), b"hello").unwrap();
    }),
];

fn rewrite(state: &Path, change: impl Fn(&mut Vec<u8>)) {
    for file in std::fs::read_dir(state).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let mut bytes = std::fs::read(&path).unwrap();
            change(&mut bytes);
            std::fs::write(&path, bytes).unwrap();
        }
    }
}

async fn seeded(node: &Node, is_compacted: bool) -> (u64, u128) {
    let mut life = node.start().await;
    life.write_numbered(80).await;
    if is_compacted {
        life.compact().await;
        life.write(vec![command("count after-the-snapshot")]).await;
    }
    let known = (life.applied(), life.digest());
    life.close();
    known
}

#[tokio::test]
async fn a_clean_stop_is_reopened_from_the_rows() {
    let node = Node::on_disk();
    let mut life = node.start().await;
    life.write_numbered(80).await;
    let known = (life.applied(), life.digest());
    let compared = life.0.handle.digest_at(known.0);
    assert!(compared.is_some());
    life.close();
    // Before openraft's start has replayed anything.
    let opened = node.open();
    let published = opened.publication.load();
    assert_eq!((published.applied_index, published.digest), known);
    assert_eq!(opened.handle.digest_at(known.0), compared);
}

#[tokio::test]
async fn a_row_that_sled_gives_back_wrong_is_noticed() {
    let node = Node::on_disk();
    let known = seeded(&node, false).await;
    {
        let database = sled::open(node.path("state")).unwrap();
        let rows = database.open_tree("rows").unwrap();
        let before = rows.insert(b"\x01key-7", b"value-8").unwrap();
        assert_eq!(before.as_deref(), Some(b"value-7".as_slice()));
        database.flush().unwrap();
    }
    let life = node.start().await;
    assert_eq!((life.applied(), life.digest()), known);
    assert_eq!(life.value("key-7").as_deref(), Some("value-7"));
}

#[tokio::test]
async fn ruined_rows_are_rebuilt_from_the_log() {
    for (name, ruin) in RUINS {
        let node = Node::on_disk();
        let known = seeded(&node, false).await;
        ruin(&node.path("state"));
        let life = node.start().await;
        assert_eq!((life.applied(), life.digest()), known, "{name}");
        life.close();
        let published = node.open().publication.load();
        assert_eq!((published.applied_index, published.digest), known, "{name}: the rows are good again");
    }
}

#[tokio::test]
async fn ruined_rows_are_rebuilt_from_a_snapshot_and_the_log() {
    for (name, ruin) in RUINS {
        let node = Node::on_disk();
        let known = seeded(&node, true).await;
        ruin(&node.path("state"));
        let life = node.start().await;
        assert_eq!((life.applied(), life.digest()), known, "{name}");
        assert_eq!(life.value("after-the-snapshot").as_deref(), Some("1"), "{name}");
        life.close();
    }
}

#[tokio::test]
async fn rows_that_lag_behind_the_purged_log_are_rebuilt_from_a_snapshot() {
    let node = Node::in_memory();
    let mut life = node.start().await;
    life.write_numbered(30).await;
    life.compact().await;
    let known = (life.applied(), life.digest());
    drop(life);
    node.crash(20);
    let life = node.start().await;
    assert_eq!((life.applied(), life.digest()), known);
}

#[tokio::test]
async fn rows_that_lag_are_brought_up_by_the_log() {
    let node = Node::in_memory();
    let mut life = node.start().await;
    life.write_numbered(30).await;
    let known = (life.applied(), life.digest());
    drop(life);
    node.crash(20);
    assert_eq!(node.open().publication.load().applied_index, 9);
    // The power failure took the committed index, not the entries.
    let mut life = Life(node.open());
    let mut log = life.0.log.clone();
    log.save_committed(Some(log_id(29))).await.unwrap();
    drop(life);
    life = node.start().await;
    assert_eq!((life.applied(), life.digest()), known);
}

#[tokio::test]
async fn a_snapshot_ahead_of_the_rows_shows_what_was_committed() {
    let node = Node::in_memory();
    let mut life = node.start().await;
    life.write_numbered(30).await;
    life.snapshot().await;
    let known = (life.applied(), life.digest());
    drop(life);
    node.crash(20);
    let opened = node.open();
    assert_eq!(opened.publication.load().applied_index, 9, "the log leads there, so the rows are used");
    drop(opened);
    let life = node.start().await;
    assert_eq!((life.applied(), life.digest()), known);
}

#[tokio::test]
async fn a_large_change_that_was_interrupted_is_done_again() {
    for lost in 1..=12 {
        let node = Node::in_memory();
        let mut life = node.start().await;
        life.write(vec![command("fill 1000 old")]).await;
        life.compact().await;
        life.write(vec![command("fill 1000 new")]).await;
        let known = (life.applied(), life.digest());
        life.0.log.save_vote(&openraft::Vote::new(1, 1)).await.unwrap();
        drop(life);
        node.crash(lost);
        let life = node.start().await;
        assert_eq!((life.applied(), life.digest()), known, "{lost} batches lost");
        assert_eq!(life.value("fill-000999").as_deref(), Some("new"));
        drop(life);
        let published = node.open().publication.load();
        assert_eq!((published.applied_index, published.digest), known, "the rows are good again");
    }
}

#[tokio::test]
async fn without_rows_and_snapshot_the_node_asks_for_one() {
    let node = Node::in_memory();
    let mut life = node.start().await;
    life.write_numbered(30).await;
    let snapshot = life.snapshot().await.snapshot;
    let chunks: Vec<Vec<u8>> = snapshot.read_chunks().map(Result::unwrap).collect();
    life.0.log.purge(log_id(20)).await.unwrap();
    let known = (life.applied(), life.digest());
    drop((life, snapshot));
    let (disk, rows) = node.memory.as_ref().unwrap();
    rows.wipe();
    let name = disk.list(&node.path("snapshots")).unwrap().pop().unwrap();
    disk.tamper(&node.path("snapshots").join(name), |bytes| bytes[100] ^= 1).unwrap();

    let opened = node.open();
    assert_eq!(opened.standing, Standing::NeedsSnapshot { at_least_index: 20 });
    let mut receiver = opened.handle.begin_receive_snapshot().unwrap();
    chunks.iter().for_each(|chunk| receiver.write(chunk).unwrap());
    receiver.finish().unwrap();
    opened.handle.flush_and_close().unwrap();
    drop(opened);
    let life = node.start().await;
    assert_eq!((life.applied(), life.digest()), known);
    let names = disk.list(&node.path("snapshots")).unwrap();
    assert!(names.iter().any(|name| name.ends_with(".bad")), "{names:?}");
}

//! Files that cannot be read, or have rotted, while others make up for them.

use std::path::PathBuf;

use keyraft_cluster::disk::Disk;
use keyraft_cluster::storage::{self, Standing, StorageError};
use openraft::storage::RaftLogStorage;

use crate::life::{Node, Table, environment, log_id};

fn snapshots(node: &Node) -> Vec<PathBuf> {
    let names = node.disk.list(&node.path("snapshots")).unwrap();
    names.iter().map(|name| node.path("snapshots").join(name)).collect()
}

/// A node with two snapshots, whose log begins behind the older one.
async fn with_snapshots() -> (Node, (u64, u128)) {
    let node = Node::in_memory();
    let mut life = node.start().await;
    life.write_numbered(10).await;
    life.compact().await;
    life.write_numbered(10).await;
    life.snapshot().await;
    life.write_numbered(5).await;
    let known = (life.applied(), life.digest());
    life.close();
    (node, known)
}

#[tokio::test]
async fn an_unreadable_snapshot_does_not_refuse_the_start_while_another_is_good() {
    for (unreadable, good) in [(0, 19), (1, 9)] {
        let (node, known) = with_snapshots().await;
        let (disk, rows) = node.memory.as_ref().unwrap();
        let file = snapshots(&node)[unreadable].clone();
        disk.ruin(&file).unwrap();
        rows.wipe();
        let life = node.start().await;
        assert_eq!(life.0.handle.newest_snapshot().unwrap().last_log_id(), Some(log_id(good)));
        assert_eq!((life.applied(), life.digest()), known);
        assert!(snapshots(&node).contains(&file), "it may be readable another time");
    }
}

#[tokio::test]
async fn without_a_readable_snapshot_a_peer_is_asked_or_the_start_refused() {
    for has_peers in [true, false] {
        let (mut node, known) = with_snapshots().await;
        node.options.has_peers = has_peers;
        let (disk, rows) = node.memory.as_ref().unwrap();
        snapshots(&node).iter().for_each(|file| disk.ruin(file).unwrap());
        // The rows are enough.
        let published = node.open().publication.load();
        assert_eq!((published.applied_index, published.digest), known);
        rows.wipe();
        let opened = storage::open(
            &node.options,
            std::sync::Arc::new(Table),
            &environment(),
            std::sync::Arc::clone(&node.disk),
        );
        match opened {
            Ok(opened) => {
                assert!(has_peers);
                assert_eq!(opened.standing, Standing::NeedsSnapshot { at_least_index: 9 });
            }
            Err(error) => assert!(!has_peers && matches!(error, StorageError::Io { .. }), "{error}"),
        }
    }
}

#[tokio::test]
async fn an_unusable_snapshot_still_shows_that_the_log_has_forgotten() {
    for is_rotten in [false, true] {
        let (node, _) = with_snapshots().await;
        let (disk, rows) = node.memory.as_ref().unwrap();
        let file = snapshots(&node)[1].clone();
        match is_rotten {
            true => disk.tamper(&file, |bytes| *bytes.last_mut().unwrap() ^= 1).unwrap(),
            false => disk.ruin(&file).unwrap(),
        }
        rows.wipe();
        let segments = node.segments();
        for segment in segments.iter().skip(1) {
            disk.remove(segment).unwrap();
        }
        disk.tamper(&segments[0], |bytes| bytes.truncate(600)).unwrap();
        // A rotten one is set aside by the first start.
        for _ in 0..2 {
            let standing = node.open().standing;
            assert!(matches!(standing, Standing::Forgotten { .. }), "{standing:?}");
        }
    }
}

#[tokio::test]
async fn a_rotten_entry_that_a_snapshot_covers_does_not_cost_the_vote() {
    let node = Node::in_memory();
    let mut life = node.start().await;
    life.0.log.save_vote(&openraft::Vote::new(1, 1)).await.unwrap();
    life.write_numbered(10).await;
    life.snapshot().await;
    life.write_numbered(10).await;
    let known = (life.applied(), life.digest());
    life.close();
    let (disk, rows) = node.memory.as_ref().unwrap();
    // In the payload of one of the first entries.
    disk.tamper(&node.segments()[0], |bytes| {
        let at = bytes.windows(5).position(|window| window == b"key-3").unwrap();
        bytes[at] ^= 1;
    })
    .unwrap();
    for _ in 0..2 {
        let mut life = node.start().await;
        assert_eq!((life.applied(), life.digest()), known);
        assert!(life.0.log.read_vote().await.unwrap().is_some());
        assert_eq!(life.0.log.log_id_at(9), Some(log_id(9)), "what the snapshot ends with");
        assert_eq!(life.0.log.log_id_at(3), None);
        life.close();
        rows.wipe();
    }
    // One that no snapshot covers costs it.
    disk.tamper(&node.segments()[0], |bytes| {
        let at = bytes.windows(5).rposition(|window| window == b"key-3").unwrap();
        bytes[at] ^= 1;
    })
    .unwrap();
    let standing = node.open().standing;
    assert!(matches!(standing, Standing::Forgotten { .. }), "{standing:?}");
}

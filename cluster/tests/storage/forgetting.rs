//! A node that has lost what it promised must not vote.

use std::sync::Arc;

use keyraft_cluster::storage::{self, Standing, StorageError};
use openraft::storage::{RaftLogStorage, RaftLogStorageExt, RaftStateMachine};
use openraft::{RaftSnapshotBuilder, Vote};

use crate::life::{Life, Node, Table, environment, identity, log_id};

fn reason(node: &Node) -> String {
    match node.open().standing {
        Standing::Forgotten { reason } => reason,
        other => panic!("{other:?}"),
    }
}

async fn with_entries(count: u64) -> Node {
    let node = Node::in_memory();
    let mut life = node.start().await;
    life.write_numbered(count).await;
    life.close();
    node
}

#[test]
fn a_new_folder_is_empty_until_it_has_an_identity() {
    let node = Node::in_memory();
    let opened = node.open();
    assert_eq!(opened.standing, Standing::Empty);
    opened.handle.save_identity(&identity()).unwrap();
    drop(opened);
    let opened = node.open();
    assert_eq!((opened.standing, opened.identity), (Standing::Sound, Some(identity())));
}

#[tokio::test]
async fn a_log_that_ends_below_the_applied_rows_is_forgotten() {
    let node = with_entries(10).await;
    let (disk, _) = node.memory.as_ref().unwrap();
    let last = node.segments().pop().unwrap();
    // As a torn write would leave it, were it not for what the rows show.
    disk.tamper(&last, |bytes| bytes.truncate(bytes.len() / 2)).unwrap();
    let reason = reason(&node);
    assert!(reason.contains("the log ends at"), "{reason}");
}

#[tokio::test]
async fn damage_in_the_log_is_forgotten_and_the_log_takes_nothing() {
    let node = with_entries(10).await;
    let (disk, _) = node.memory.as_ref().unwrap();
    disk.tamper(&node.segments()[0], |bytes| bytes[300] ^= 1).unwrap();
    let mut opened = node.open();
    assert!(matches!(&opened.standing, Standing::Forgotten { reason } if reason.contains(".wal")));
    assert_eq!(opened.identity, Some(identity()), "it still knows who it was");
    assert!(opened.log.save_vote(&Vote::new(9, 1)).await.is_err());
    assert!(
        opened
            .log
            .blocking_append([openraft::Entry { log_id: log_id(0), payload: openraft::EntryPayload::Blank }])
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_node_without_its_log_or_its_identity_is_forgotten() {
    let node = with_entries(3).await;
    for segment in node.segments() {
        node.disk.remove(&segment).unwrap();
    }
    assert!(reason(&node).contains("no log"));

    let node = with_entries(3).await;
    node.disk.remove(&node.path("wal/identity")).unwrap();
    assert!(reason(&node).contains("no identity"));

    let node = with_entries(3).await;
    let (disk, _) = node.memory.as_ref().unwrap();
    disk.tamper(&node.path("wal/identity"), |bytes| bytes[5] ^= 1).unwrap();
    assert!(reason(&node).contains("identity"));
}

#[tokio::test]
async fn what_is_left_of_an_interrupted_setting_aside_is_still_forgotten() {
    let node = with_entries(3).await;
    node.disk.rename(&node.path("wal"), &node.path("forgotten-1")).unwrap();
    assert!(reason(&node).contains("no identity"));
}

#[tokio::test]
async fn unreadable_rows_without_a_log_are_not_taken_for_a_new_folder() {
    let node = Node::on_disk();
    let mut life = node.start().await;
    life.write_numbered(3).await;
    life.close();
    std::fs::remove_dir_all(node.path("wal")).unwrap();
    std::fs::write(node.path("state/conf"), b"rot").unwrap();
    assert!(reason(&node).contains("no identity"));
}

#[tokio::test]
async fn a_snapshot_that_finds_no_room_is_told_and_leaves_nothing() {
    let node = Node::in_memory();
    let mut life = node.start().await;
    life.write_numbered(50).await;
    let (disk, _) = node.memory.as_ref().unwrap();
    disk.fill_after(Some(100));
    let mut builder = life.0.machine.get_snapshot_builder().await;
    assert!(builder.build_snapshot().await.is_err());
    let fault = life.0.handle.fault().borrow().clone().unwrap().to_string();
    assert!(fault.contains("/node/snapshots/"), "{fault}");
    assert!(node.disk.list(&node.path("snapshots")).unwrap().is_empty());
}

#[tokio::test]
async fn a_crash_between_receiving_a_snapshot_and_purging_the_log_is_not_forgotten() {
    let node = with_entries(10).await;
    let mut leader = with_entries(0).await.start().await;
    leader.write_numbered(60).await;
    let snapshot = leader.snapshot().await.snapshot;

    let life = node.start().await;
    let mut receiver = life.0.handle.begin_receive_snapshot().unwrap();
    for chunk in snapshot.read_chunks() {
        receiver.write(&chunk.unwrap()).unwrap();
    }
    receiver.finish().unwrap();
    drop(life);
    node.crash(0);
    let life = node.start().await;
    assert_eq!((life.applied(), life.digest()), (59, leader.digest()));
    // openraft's start has purged the log up to it.
    assert_eq!(life.0.log.last_log_id(), Some(log_id(59)));
    drop(life);
    node.crash(0);
    let life: Life = node.start().await;
    assert_eq!((life.applied(), life.digest()), (59, leader.digest()));
}

#[tokio::test]
async fn a_snapshot_that_nobody_received_shows_that_the_log_is_gone() {
    let node = with_entries(10).await;
    let other = with_entries(60).await;
    let mut leader = other.start().await;
    leader.snapshot().await;
    let name = other.disk.list(&other.path("snapshots")).unwrap().pop().unwrap();
    let bytes = other.disk.read(&other.path("snapshots").join(&name)).unwrap();
    let mut file = node.disk.create(&node.path("snapshots").join(&name)).unwrap();
    file.append(&bytes).unwrap();
    assert!(reason(&node).contains("the log ends at"));
}

#[tokio::test]
async fn what_was_forgotten_is_set_aside_and_the_node_starts_with_the_given_vote() {
    for node in [Node::in_memory(), Node::on_disk()] {
        for round in 1..=2 {
            let mut life = node.start().await;
            life.write_numbered(5).await;
            life.compact().await;
            life.close();
            storage::set_aside(&node.options, node.disk.as_ref(), "it was asked to").unwrap();
            let aside = node.disk.list(&node.path(&format!("forgotten-{round}"))).unwrap();
            for name in ["reason.txt", "snapshots", "wal"] {
                assert!(aside.iter().any(|held| held == name), "{name} in {aside:?}");
            }
            let vote = Vote::new_committed(8, 2);
            storage::seed(&node.options, &environment(), Arc::clone(&node.disk), &identity(), vote, 0)
                .unwrap();
            let mut opened = node.open();
            assert_eq!(opened.standing, Standing::Sound);
            assert_eq!(opened.identity, Some(identity()));
            assert_eq!(opened.log.read_vote().await.unwrap(), Some(vote));
            assert_eq!(opened.publication.load().applied_index, 0);
            assert!(opened.publication.load().state.is_empty());
        }
    }
}

#[tokio::test]
async fn an_own_committed_vote_is_won_anew() {
    let node = Node::in_memory();
    let mut life = node.start().await;
    life.0.log.save_vote(&Vote::new_committed(3, 1)).await.unwrap();
    drop(life);
    node.crash(0);
    let mut life = node.start().await;
    assert_eq!(life.0.log.read_vote().await.unwrap(), Some(Vote::new(3, 1)));
}

#[tokio::test]
async fn every_life_has_a_higher_boot() {
    let node = Node::in_memory();
    let first = node.open().boot;
    let second = node.open().boot;
    assert!(second > first);
    node.crash(0);
    assert!(node.open().boot > second);
}

#[test]
fn two_processes_do_not_share_a_folder() {
    for node in [Node::in_memory(), Node::on_disk()] {
        let held = node.open();
        let again = storage::open(&node.options, Arc::new(Table), &environment(), Arc::clone(&node.disk));
        assert!(matches!(again.err(), Some(StorageError::InUse { .. })));
        drop(held);
        node.open();
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_told_with_its_path() {
    let mut node = Node::on_disk();
    std::fs::write(node.path("file"), b"").unwrap();
    node.options.directory = node.path("file").join("below");
    let error = storage::open(&node.options, Arc::new(Table), &environment(), Arc::clone(&node.disk))
        .err()
        .unwrap()
        .to_string();
    assert!(error.starts_with("cannot create ") && error.contains("file/below"), "{error}");
    assert!(!error.contains('\n'));
}

#[tokio::test]
async fn a_full_disk_stops_the_node_and_loses_nothing() {
    let node = Node::in_memory();
    let mut life = node.start().await;
    life.write_numbered(20).await;
    let (applied, digest) = (life.applied(), life.digest());
    let (disk, _) = node.memory.as_ref().unwrap();
    let mut fault = life.0.handle.fault();
    disk.fill_after(Some(10));
    let entry = openraft::Entry { log_id: log_id(20), payload: openraft::EntryPayload::Blank };
    assert!(life.0.log.blocking_append([entry]).await.is_err());
    let fault = fault.wait_for(Option::is_some).await.unwrap().clone().unwrap().to_string();
    assert!(fault.contains("/node/wal"), "{fault}");
    let closed = life.0.handle.flush_and_close().unwrap_err().to_string();
    assert!(closed.contains(&fault), "{closed}");
    drop(life);
    disk.fill_after(None);
    node.crash(0);
    let life = node.start().await;
    assert_eq!((life.applied(), life.digest()), (applied, digest));
}

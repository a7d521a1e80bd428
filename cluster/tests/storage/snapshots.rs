use keyraft_cluster::disk::Disk;
use keyraft_cluster::storage::{Fault, StorageError};
use openraft::RaftSnapshotBuilder;
use openraft::storage::RaftStateMachine;

use crate::life::{Node, command, log_id};

#[tokio::test]
async fn a_snapshot_holds_the_state_it_was_begun_on_while_writes_go_on() {
    let node = Node::on_disk();
    let mut life = node.start().await;
    life.write(vec![command("fill 20000 old")]).await;
    let known = (life.applied(), life.digest());
    let mut builder = life.0.machine.get_snapshot_builder().await;
    let building = tokio::spawn(async move { builder.build_snapshot().await.unwrap() });
    life.write(vec![command("fill 100 new")]).await;
    let snapshot = building.await.unwrap();
    assert_eq!(snapshot.meta.last_log_id, Some(log_id(known.0)));
    assert_ne!(life.digest(), known.1);

    let mut other = Node::in_memory().start().await;
    other.0.machine.install_snapshot(&snapshot.meta, snapshot.snapshot).await.unwrap();
    assert_eq!((other.applied(), other.digest()), known);
    assert_eq!(other.value("fill-000000").as_deref(), Some("old"));
}

#[tokio::test]
async fn a_snapshot_that_could_not_be_loaded_is_not_made() {
    for command_text in ["hide new", "hide key-1"] {
        let node = Node::in_memory();
        let mut life = node.start().await;
        life.write_numbered(3).await;
        life.write(vec![command(command_text)]).await;
        let mut builder = life.0.machine.get_snapshot_builder().await;
        builder.build_snapshot().await.unwrap_err();
        assert!(matches!(*life.0.handle.fault().borrow(), Some(Fault::Snapshot { .. })));
        assert_eq!(node.disk.list(&node.path("snapshots")).unwrap(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_installed_snapshot_survives_a_restart_and_the_log_goes_on_behind_it() {
    let mut leader = Node::in_memory().start().await;
    leader.write(vec![command("fill 500 x")]).await;
    leader.write_numbered(40).await;
    let snapshot = leader.snapshot().await;
    for node in [Node::in_memory(), Node::on_disk()] {
        let mut life = node.start().await;
        life.write_numbered(3).await;
        let file = snapshot.snapshot.clone();
        life.0.machine.install_snapshot(&snapshot.meta, file).await.unwrap();
        assert_eq!((life.applied(), life.digest()), (leader.applied(), leader.digest()));
        drop(life);
        let mut life = node.start().await;
        assert_eq!((life.applied(), life.digest()), (leader.applied(), leader.digest()));
        life.write(vec![command("count c")]).await;
        assert_eq!(life.applied(), leader.applied() + 1);
        let digest = life.digest();
        life.close();
        let published = node.open().publication.load();
        assert_eq!((published.applied_index, published.digest), (leader.applied() + 1, digest));
    }
}

#[tokio::test]
async fn every_flipped_bit_and_every_cut_of_a_snapshot_is_noticed() {
    let mut leader = Node::in_memory().start().await;
    leader.write_numbered(30).await;
    let file = leader.snapshot().await.snapshot;
    let good: Vec<u8> = file.read_chunks().flat_map(Result::unwrap).collect();
    assert_eq!(good.len() as u64, file.length_bytes());
    let node = Node::in_memory();
    let life = node.start().await;
    let receive = |bytes: &[u8]| {
        let mut receiver = life.0.handle.begin_receive_snapshot().unwrap();
        bytes.chunks(100).for_each(|chunk| receiver.write(chunk).unwrap());
        receiver.finish()
    };
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let result = receive(&bad);
        assert!(matches!(result, Err(StorageError::Damaged { .. })), "bit {bit}: {result:?}");
    }
    for length in 0..good.len() {
        assert!(receive(&good[..length]).is_err(), "{length} bytes of {}", good.len());
    }
    assert!(receive(&[good.as_slice(), b"x"].concat()).is_err());
    assert!(life.0.handle.newest_snapshot().is_none());
    let names = node.disk.list(&node.path("snapshots")).unwrap();
    assert!(names.is_empty(), "what was refused leaves nothing behind: {names:?}");
    assert_eq!(receive(&good).unwrap().last_log_id(), Some(log_id(29)));
}

#[tokio::test]
async fn a_snapshot_that_rots_on_disk_is_set_aside_for_the_one_before() {
    let node = Node::in_memory();
    let mut life = node.start().await;
    life.write_numbered(10).await;
    life.snapshot().await;
    life.write_numbered(10).await;
    life.snapshot().await;
    drop(life);
    let (disk, _) = node.memory.as_ref().unwrap();
    let newest = disk.list(&node.path("snapshots")).unwrap().pop().unwrap();
    disk.tamper(&node.path("snapshots").join(&newest), |bytes| *bytes.last_mut().unwrap() ^= 1).unwrap();
    let opened = node.open();
    assert_eq!(opened.handle.newest_snapshot().unwrap().last_log_id(), Some(log_id(9)));
    let names = disk.list(&node.path("snapshots")).unwrap();
    assert!(names.contains(&format!("{newest}.bad")), "{names:?}");
}

#[tokio::test]
async fn two_snapshots_are_kept_and_those_that_are_read() {
    let node = Node::in_memory();
    let mut life = node.start().await;
    life.write_numbered(5).await;
    let first = life.snapshot().await.snapshot;
    for _ in 0..4 {
        life.write_numbered(5).await;
        life.snapshot().await;
    }
    assert_eq!(node.disk.list(&node.path("snapshots")).unwrap().len(), 3);
    assert!(first.read_chunks().all(|chunk| chunk.is_ok()));
    drop(first);
    life.write_numbered(5).await;
    life.snapshot().await;
    assert_eq!(node.disk.list(&node.path("snapshots")).unwrap().len(), 2);
}

#[tokio::test]
async fn the_log_since_the_snapshot_is_measured() {
    let node = Node::in_memory();
    let mut life = node.start().await;
    assert_eq!(life.0.handle.log_bytes_since_snapshot(), 0);
    life.write_numbered(50).await;
    assert!(life.0.handle.log_bytes_since_snapshot() > 50 * 20);
    life.snapshot().await;
    assert_eq!(life.0.handle.log_bytes_since_snapshot(), 0);
    life.write_numbered(1).await;
    let one = life.0.handle.log_bytes_since_snapshot();
    assert!((20..200).contains(&one), "{one}");
}

#[tokio::test]
async fn a_half_written_snapshot_is_removed_at_start() {
    let node = Node::in_memory();
    node.start().await.write_numbered(3).await;
    let path = node.path("snapshots/7.tmp");
    node.disk.create(&path).unwrap().append(b"half").unwrap();
    node.start().await;
    assert!(node.disk.list(&node.path("snapshots")).unwrap().is_empty());
}

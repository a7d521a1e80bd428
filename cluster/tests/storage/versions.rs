//! Files of another version are refused, and stay as they are.

use std::sync::Arc;

use keyraft_cluster::storage::{self, Fault, StorageError};
use keyraft_proto::cluster as proto;
use keyraft_proto::cluster::outcome::Refusal;
use openraft::storage::{RaftLogStorageExt, RaftStateMachine};
use prost::Message;

use crate::life::{Life, Node, Table, command, environment, log_id};

fn refusal(node: &Node) -> StorageError {
    storage::open(&node.options, Arc::new(Table), &environment(), Arc::clone(&node.disk)).err().unwrap()
}

/// A node with a snapshot, whose file has been made anew with this version and this header.
async fn with_snapshot(version: u32, change: impl FnOnce(&mut proto::SnapshotMeta)) -> (Node, String) {
    let node = Node::in_memory();
    let mut life = node.start().await;
    life.write_numbered(10).await;
    life.snapshot().await;
    life.close();
    let name = node.disk.list(&node.path("snapshots")).unwrap().pop().unwrap();
    let (disk, _) = node.memory.as_ref().unwrap();
    disk.tamper(&node.path("snapshots").join(&name), |bytes| {
        let length = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
        let mut meta = proto::SnapshotMeta::decode(&bytes[20..20 + length]).unwrap();
        change(&mut meta);
        let header = meta.encode_to_vec();
        let mut covered = version.to_le_bytes().to_vec();
        covered.extend(u32::try_from(header.len()).unwrap().to_le_bytes());
        let crc = crc32c::crc32c_append(crc32c::crc32c(&covered), &header);
        let mut made = bytes[..8].to_vec();
        made.extend(covered);
        made.extend(crc.to_le_bytes());
        made.extend(header);
        made.extend(&bytes[20 + length..bytes.len() - 4]);
        made.extend(crc32c::crc32c(&made).to_le_bytes());
        *bytes = made;
    })
    .unwrap();
    (node, name)
}

#[tokio::test]
async fn a_snapshot_of_another_version_is_refused_and_keeps_its_name() {
    let (node, _) = with_snapshot(2, |_| {}).await;
    node.open();
    for version in [1, 3] {
        let (node, name) = with_snapshot(version, |_| {}).await;
        // Also where the rows could not do without it.
        for _ in 0..2 {
            let refused = refusal(&node);
            assert!(
                matches!(refused, StorageError::Unsupported { found, .. } if found == u64::from(version)),
                "{refused}"
            );
            assert!(refused.to_string().contains("another version"), "{refused}");
            assert_eq!(node.disk.list(&node.path("snapshots")).unwrap(), std::slice::from_ref(&name));
            node.memory.as_ref().unwrap().1.wipe();
        }
    }
}

#[tokio::test]
async fn a_snapshot_with_an_unknown_table_or_row_format_is_refused_and_keeps_its_name() {
    type Change = fn(&mut proto::SnapshotMeta);
    let changes: [(u64, Change); 2] =
        [(200, |meta| meta.tables.push(200)), (9, |meta| meta.state.as_mut().unwrap().format = 9)];
    for (number, change) in changes {
        let (node, name) = with_snapshot(2, change).await;
        let refused = refusal(&node);
        assert!(matches!(refused, StorageError::Unsupported { found, .. } if found == number), "{refused}");
        assert_eq!(node.disk.list(&node.path("snapshots")).unwrap(), [name]);
    }
}

#[tokio::test]
async fn a_snapshot_names_its_tables() {
    let node = Node::in_memory();
    let mut life = node.start().await;
    assert_eq!(life.snapshot().await.snapshot.message().tables, Vec::<u32>::new());
    let id = proto::RequestId { node_id: 1, boot: 1, sequence: 1 };
    life.write(vec![proto::Request { id: Some(id), ..command("set a b") }]).await;
    assert_eq!(life.snapshot().await.snapshot.message().tables, [0, 1]);
    life.close();
    let mut life = node.start().await;
    life.write(vec![command("set c d")]).await;
    assert_eq!(
        life.snapshot().await.snapshot.message().tables,
        [0, 1],
        "they are counted alike after a start"
    );
}

/// Writes a row past the node.
fn put(node: &Node, key: &[u8], change: impl FnOnce(Option<Vec<u8>>) -> Vec<u8>) {
    let database = sled::open(node.path("state")).unwrap();
    let rows = database.open_tree("rows").unwrap();
    let before = rows.get(key).unwrap().map(|value| value.to_vec());
    rows.insert(key, change(before)).unwrap();
    database.flush().unwrap();
}

#[tokio::test]
async fn rows_of_an_unknown_table_kind_or_format_are_refused_and_stay() {
    let meta = |before: Option<Vec<u8>>| {
        let meta = proto::StateMeta::decode(before.unwrap().as_slice()).unwrap();
        proto::StateMeta { format: 7, ..meta }.encode_to_vec()
    };
    type Change = fn(Option<Vec<u8>>) -> Vec<u8>;
    let changes: [(&[u8], u64, Change); 3] =
        [(&[200, 1], 200, |_| b"new".to_vec()), (&[0, 9], 9, |_| b"new".to_vec()), (&[0, 0], 7, meta)];
    for (key, number, change) in changes {
        let node = Node::on_disk();
        let mut life = node.start().await;
        life.write_numbered(3).await;
        life.close();
        put(&node, key, change);
        let refused = refusal(&node);
        assert!(matches!(refused, StorageError::Unsupported { found, .. } if found == number), "{refused}");
        put(&node, key, |stays| stays.unwrap());
    }
}

#[tokio::test]
async fn a_request_without_a_known_body_is_neither_logged_nor_applied() {
    let node = Node::in_memory();
    let mut life = node.start().await;
    life.write(vec![command("set a b")]).await;
    let batch = proto::Batch { stamp_ms: 9, requests: vec![proto::Request::default()] };
    let entry =
        || openraft::Entry { log_id: log_id(1), payload: openraft::EntryPayload::Normal(batch.clone()) };
    assert!(life.0.log.blocking_append([entry()]).await.is_err());
    assert!(matches!(*life.0.handle.fault().borrow(), Some(Fault::Unsupported { .. })));
    assert_eq!(life.0.log.last_log_id(), Some(log_id(0)));
    assert!(life.0.machine.apply([entry()]).await.is_err());
    assert_eq!(life.applied(), 0);
}

#[tokio::test]
async fn a_command_at_which_the_application_panics_is_refused_for_good() {
    let node = Node::in_memory();
    let mut life = node.start().await;
    let panics = || {
        let id = proto::RequestId { node_id: 1, boot: 1, sequence: 1 };
        proto::Request { id: Some(id), ..command("no command") }
    };
    let outcomes = life.write(vec![command("set a b"), panics(), command("count a-number")]).await.outcomes;
    let refusals: Vec<_> = outcomes.iter().map(proto::Outcome::refusal).collect();
    assert_eq!(refusals, [Refusal::None, Refusal::Panicked, Refusal::None]);
    assert_eq!((life.value("a").as_deref(), life.value("a-number").as_deref()), (Some("b"), Some("1")));
    let known = (life.applied(), life.digest());
    // All is applied anew.
    drop(life);
    node.memory.as_ref().unwrap().1.wipe();
    let mut life: Life = node.start().await;
    assert_eq!((life.applied(), life.digest()), known);
    assert_eq!(life.write(vec![panics()]).await.outcomes[0].refusal(), Refusal::Panicked);
}

#[tokio::test]
async fn the_folder_of_another_node_is_refused_and_stays_as_it_is() {
    let mut node = Node::on_disk();
    let mut life = node.start().await;
    life.write_numbered(3).await;
    life.close();
    let content = |node: &Node| {
        let read = |name: &str| std::fs::read(node.path(name)).unwrap();
        let wal = node.segments().iter().map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>();
        (node.disk.list(&node.options.directory).unwrap(), read("boot"), read("wal/identity"), wal)
    };
    let before = content(&node);
    node.options.node_id = 2;
    let refused = refusal(&node);
    assert!(
        matches!(&refused, StorageError::OtherNode { folder, stored: 1, configured: 2 }
            if *folder == node.options.directory),
        "{refused}"
    );
    assert_eq!(content(&node), before);
    node.options.node_id = 1;
    node.start().await;
}

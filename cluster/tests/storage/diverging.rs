//! A state that differs from that of a majority is replaced.

use bytes::Bytes;
use keyraft_cluster::storage::{Fault, Standing};
use keyraft_proto::cluster as proto;
use openraft::storage::{RaftLogStorage, RaftLogStorageExt, RaftStateMachine};
use openraft::{Entry, EntryPayload};

use crate::life::{Node, command, log_id};

fn claim(index: u64, digest: u128) -> proto::Request {
    let digest = Bytes::copy_from_slice(&digest.to_be_bytes());
    let body = proto::request::Body::VerifyDigest(proto::VerifyDigest { index, digest });
    proto::Request { body: Some(body), ..Default::default() }
}

#[tokio::test]
async fn a_state_that_differs_stops_the_node_and_is_rebuilt_from_the_log_of_a_node_that_is_alone() {
    for node in [Node::in_memory(), Node::on_disk()] {
        let mut life = node.start().await;
        life.write_numbered(20).await;
        life.snapshot().await;
        let digest = life.0.handle.digest_at(12).unwrap();
        life.write(vec![claim(12, digest)]).await;
        assert_eq!(*life.0.handle.fault().borrow(), None, "the same digest");
        let known = (life.applied(), life.digest());

        let batch = proto::Batch { stamp_ms: 0, requests: vec![claim(12, digest ^ 1)] };
        let entry = Entry { log_id: log_id(21), payload: EntryPayload::Normal(batch) };
        life.0.log.blocking_append([entry.clone()]).await.unwrap();
        assert!(life.0.machine.apply([entry]).await.is_err());
        let fault = life.0.handle.fault().borrow().clone();
        assert_eq!(fault, Some(Fault::Diverged { index: 12, own: digest, agreed: digest ^ 1 }));
        drop(life);

        let opened = node.open();
        assert_eq!(opened.publication.load().applied_index, 0, "rows and snapshots are not trusted");
        assert!(opened.handle.newest_snapshot().is_none());
        drop(opened);
        let life = node.start().await;
        assert_eq!((life.applied(), life.digest()), known);
    }
}

#[tokio::test]
async fn after_a_divergence_a_node_with_peers_trusts_neither_its_snapshots_nor_its_log() {
    let mut good = Node::in_memory().start().await;
    good.write_numbered(21).await;
    let known = (good.applied(), good.digest());
    let sent = good.snapshot().await.snapshot;

    for is_compacted in [false, true] {
        let mut node = Node::in_memory();
        node.options.has_peers = true;
        let mut life = node.start().await;
        life.write_numbered(15).await;
        if is_compacted {
            life.compact().await;
        }
        for number in 15..20 {
            life.write(vec![command(&format!("set key-{number} wrong"))]).await;
        }
        life.snapshot().await;
        let own = life.digest();
        let batch = proto::Batch { stamp_ms: 0, requests: vec![claim(19, own ^ 1)] };
        let entry = Entry { log_id: log_id(20), payload: EntryPayload::Normal(batch) };
        life.0.log.blocking_append([entry.clone()]).await.unwrap();
        life.0.log.save_committed(Some(entry.log_id)).await.unwrap();
        assert!(life.0.machine.apply([entry]).await.is_err());
        drop(life);

        // However often it starts before it has received one.
        for _ in 0..2 {
            let opened = node.open();
            assert_eq!(opened.standing, Standing::NeedsSnapshot { at_least_index: 20 });
            assert_eq!(opened.publication.load().applied_index, 0);
            assert!(opened.handle.newest_snapshot().is_none());
        }
        let opened = node.open();
        let mut receiver = opened.handle.begin_receive_snapshot().unwrap();
        sent.read_chunks().for_each(|chunk| receiver.write(&chunk.unwrap()).unwrap());
        receiver.finish().unwrap();
        drop(opened);
        let opened = node.open();
        assert_eq!(opened.standing, Standing::NeedsSnapshot { at_least_index: 20 }, "not cleared yet");
        let mut receiver = opened.handle.begin_receive_snapshot().unwrap();
        sent.read_chunks().for_each(|chunk| receiver.write(&chunk.unwrap()).unwrap());
        receiver.finish().unwrap();
        opened.handle.clear_divergence().unwrap();
        opened.handle.flush_and_close().unwrap();
        drop(opened);
        let life = node.start().await;
        assert_eq!((life.applied(), life.digest()), known);
        assert_eq!(life.value("key-17").as_deref(), Some("value-17"));
    }
}

#[tokio::test]
async fn after_a_divergence_a_node_that_is_alone_keeps_the_snapshot_that_its_log_begins_with() {
    let node = Node::in_memory();
    let mut life = node.start().await;
    life.write_numbered(20).await;
    life.compact().await;
    life.write(vec![command("count later")]).await;
    let known = (life.applied(), life.digest());
    drop(life);
    node.disk.create(&node.path("diverged")).unwrap();
    let life = node.start().await;
    assert_eq!((life.applied(), life.digest()), known);
}

#[tokio::test]
async fn a_diverged_node_that_has_lost_its_log_has_forgotten_it() {
    let mut node = Node::in_memory();
    node.options.has_peers = true;
    let mut life = node.start().await;
    life.write_numbered(30).await;
    drop(life);
    node.disk.create(&node.path("diverged")).unwrap();
    for segment in node.segments() {
        node.disk.remove(&segment).unwrap();
    }
    assert!(matches!(node.open().standing, Standing::Forgotten { .. }));
}

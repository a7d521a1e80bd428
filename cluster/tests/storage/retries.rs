//! One request is applied once, however often it comes.

use bytes::Bytes;
use keyraft_proto::cluster::outcome::Refusal;
use keyraft_proto::cluster::{Outcome, Request, RequestId};

use crate::life::{Life, Node, command};

fn request(boot: u64, sequence: u64, lowest_in_flight: u64) -> Request {
    let id = RequestId { node_id: 2, boot, sequence };
    Request { id: Some(id), lowest_in_flight, ..command("count c") }
}

async fn one(life: &mut Life, request: Request) -> Outcome {
    life.write(vec![request]).await.outcomes.pop().unwrap()
}

fn answer(text: &str) -> Outcome {
    Outcome { answer: Bytes::from(text.to_owned()), ..Default::default() }
}

#[tokio::test]
async fn a_retry_is_answered_alike_and_not_applied_in_the_same_entry_and_in_a_later_one() {
    let mut life = Node::in_memory().start().await;
    let answered = life.write(vec![request(1, 1, 1), request(1, 1, 1), request(1, 2, 1)]).await;
    assert_eq!(answered.outcomes, [answer("1"), answer("1"), answer("2")]);
    assert_eq!(one(&mut life, request(1, 2, 1)).await, answer("2"));
    assert_eq!(life.value("c").as_deref(), Some("2"));
}

#[tokio::test]
async fn a_retry_is_known_after_a_snapshot_and_a_restart() {
    for node in [Node::in_memory(), Node::on_disk()] {
        let mut life = node.start().await;
        assert_eq!(one(&mut life, request(5, 1, 1)).await, answer("1"));
        assert_eq!(one(&mut life, request(5, 3, 3)).await, answer("2"));
        life.compact().await;
        let snapshot = life.snapshot().await.snapshot;
        life.close();

        let mut life = node.start().await;
        assert_eq!(one(&mut life, request(5, 3, 3)).await, answer("2"));
        assert_eq!(one(&mut life, request(5, 1, 1)).await.refusal(), Refusal::Forgotten);
        let superseded = one(&mut life, request(4, 9, 9)).await;
        assert_eq!((superseded.refusal(), superseded.latest_boot), (Refusal::Superseded, 5));

        // And on a node that has only the snapshot.
        let other = Node::in_memory();
        let mut life = other.start().await;
        use openraft::storage::RaftStateMachine;
        life.0.machine.install_snapshot(&snapshot.meta(), snapshot.clone()).await.unwrap();
        drop(life);
        let mut life = other.start().await;
        assert_eq!(one(&mut life, request(5, 3, 3)).await, answer("2"));
        assert_eq!(life.value("c").as_deref(), Some("2"));
    }
}

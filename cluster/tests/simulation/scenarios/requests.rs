//! A request id is applied once, however often and to whomever it is sent.

use crate::cluster::Cluster;
use crate::kv::{get, increment};
use crate::scenario::Scenario;
use keyraft_cluster::{Fault, NodeId, ProposeError, ReadError};
use keyraft_cluster_testing::calls::Envelope;
use keyraft_proto::cluster as proto;
use keyraft_proto::cluster::consensus_client::ConsensusClient;
use keyraft_proto::cluster::outcome::Refusal;
use tonic::Code;
use tonic::transport::Channel;

struct Caller {
    client: ConsensusClient<Channel>,
    envelope: Envelope,
}

impl Caller {
    async fn to(cluster: &Cluster, node: NodeId) -> Self {
        let (channel, mut envelope) = cluster.channel(node);
        let mut client = ConsensusClient::new(channel);
        let call = envelope.wrap(proto::IdentifyRequest { node_id: envelope.from });
        let answer = client.identify(call).await.unwrap().into_inner();
        assert!(answer.formed);
        envelope.cluster_id = answer.cluster_id;
        Self { client, envelope }
    }

    async fn increment(&mut self, boot: u64, sequence: u64) -> Result<proto::Outcome, Code> {
        self.increment_as(9, boot, sequence).await
    }

    async fn increment_as(
        &mut self,
        node_id: NodeId,
        boot: u64,
        sequence: u64,
    ) -> Result<proto::Outcome, Code> {
        let call = self.envelope.wrap(proto::ProposeRequest {
            request: Some(proto::Request {
                id: Some(proto::RequestId { node_id, boot, sequence }),
                lowest_in_flight: sequence,
                body: Some(proto::request::Body::Command(increment("count"))),
            }),
            relay: false,
        });
        let answer = self.client.propose(call).await.map_err(|status| status.code())?;
        Ok(answer.into_inner().outcome.unwrap())
    }
}

#[test]
fn a_retry_is_applied_once_even_by_another_leader() {
    Scenario::of(3).run(async |cluster| {
        let first = cluster.leader().await;
        let mut caller = Caller::to(&cluster, first).await;
        for _ in 0..3 {
            assert_eq!(caller.increment(1, 1).await.unwrap().answer, "1");
        }
        cluster.stop_node(first).await;
        let second = cluster.leader().await;
        assert_ne!(second, first);
        let mut caller = Caller::to(&cluster, second).await;
        assert_eq!(caller.increment(1, 1).await.unwrap().answer, "1");
        assert_eq!(caller.increment(1, 2).await.unwrap().answer, "2");
        let state = cluster.node(second).read().await.unwrap();
        assert_eq!(get(&state.state, "count"), Some("2".into()));

        // Below the floor that sequence 2 has set, and of an earlier boot.
        assert_eq!(caller.increment(1, 1).await.unwrap().refusal(), Refusal::Forgotten);
        assert_eq!(caller.increment(2, 1).await.unwrap().answer, "3");
        let superseded = caller.increment(1, 3).await.unwrap();
        assert_eq!((superseded.refusal(), superseded.latest_boot), (Refusal::Superseded, 2));
    });
}

#[test]
fn only_the_leader_takes_requests_and_only_from_its_own_cluster() {
    Scenario::of(3).run(async |cluster| {
        let follower = cluster.follower().await;
        let refused = Caller::to(&cluster, follower).await.increment(1, 1).await;
        assert_eq!(refused.unwrap_err(), Code::FailedPrecondition);
        let leader = cluster.leader().await;
        let mut stranger = Caller::to(&cluster, leader).await;
        stranger.envelope.cluster_id = "0123456789abcdef0123456789abcdef".into();
        assert_eq!(stranger.increment(1, 1).await.unwrap_err(), Code::PermissionDenied);
    });
}

#[test]
fn writes_through_a_link_that_comes_and_goes_are_each_applied_once() {
    Scenario::of(3).run(async |cluster| {
        let (leader, writer) = (cluster.leader().await, cluster.follower().await);
        let node = cluster.node(writer);
        let writing = tokio::spawn(async move {
            let mut answers = Vec::new();
            for _ in 0..60 {
                let proposed = node.propose(increment("count")).await.unwrap();
                answers.push(std::str::from_utf8(&proposed.answer).unwrap().parse::<u64>().unwrap());
            }
            answers
        });
        let mut pulse = tokio::time::interval(std::time::Duration::from_millis(60));
        while !writing.is_finished() {
            pulse.tick().await;
            cluster.cut(writer, leader);
            pulse.tick().await;
            cluster.heal_link(writer, leader);
        }
        assert_eq!(writing.await.unwrap(), (1..=60).collect::<Vec<_>>());
    });
}

/// Requests, responses or both are lost, and with them the connections that they were sent on.
#[test]
fn writes_through_a_link_that_loses_one_direction_are_each_applied_once() {
    Scenario::of(3).run(async |cluster| {
        let (leader, writer) = (cluster.leader().await, cluster.follower().await);
        let node = cluster.node(writer);
        let writing = tokio::spawn(async move {
            let mut counts = Vec::new();
            for _ in 0..20 {
                let proposed = node.propose(increment("count")).await.unwrap();
                counts.push(std::str::from_utf8(&proposed.answer).unwrap().parse::<u64>().unwrap());
            }
            counts
        });
        let mut pulse = tokio::time::interval(std::time::Duration::from_millis(60));
        for (from, to) in [(writer, leader), (leader, writer)].into_iter().cycle() {
            pulse.tick().await;
            cluster.lose(from, to);
            pulse.tick().await;
            cluster.stop_losing(from, to);
            // Until a write has come through, or it would never end.
            if writing.is_finished() {
                break;
            }
        }
        assert_eq!(writing.await.unwrap(), (1..=20).collect::<Vec<_>>());
    });
}

#[test]
fn a_node_whose_later_life_has_written_stops_serving() {
    Scenario::of(3).run(async |cluster| {
        cluster.allow_faults();
        let leader = cluster.leader().await;
        Caller::to(&cluster, leader).await.increment_as(leader, u64::MAX - 1, 1).await.unwrap();
        let superseded = cluster.node(leader).propose(increment("count")).await.err().unwrap();
        assert!(
            matches!(
                superseded,
                ProposeError::Faulty(Fault::Superseded { latest_boot, .. }) if latest_boot == u64::MAX - 1
            ),
            "{superseded}"
        );
        assert!(matches!(cluster.node(leader).read().await, Err(ReadError::Faulty(_))));
        // It must not lead either.
        let other = if leader == 1 { 2 } else { 1 };
        let proposed = cluster.node(other).propose(increment("count")).await.unwrap();
        assert_eq!(proposed.answer, "2");
        assert!(!cluster.node(leader).is_leader());
        cluster.stop_node(leader).await;
    });
}

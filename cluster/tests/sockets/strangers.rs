//! Who is no node of this cluster gets nothing out of its port, whatever is called.

use std::sync::Arc;

use futures::stream;
use keyraft_cluster::{
    ClusterSecret, Environment, Host, KeyId, NodeConfig, NodeId, ProposeError, SystemNetwork,
};
use keyraft_cluster_testing::calls::{self, Envelope, secret};
use keyraft_cluster_testing::start;
use keyraft_proto::cluster::consensus_client::ConsensusClient;
use keyraft_proto::cluster::{FetchSnapshotRequest, LeaderMessage, RejoinRequest, SnapshotChunk};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::cluster::TestCluster;
use crate::kv::{KeyValue, set};
use crate::observed::eventually;

const PROTO: &str = include_str!("../../../proto/proto/keyraft/cluster.proto");

/// The calls of all services, as the nodes' own language has them.
fn rpcs() -> Vec<&'static str> {
    let named = |kind: &str| {
        let lines = PROTO.lines().filter_map(move |line| line.trim().strip_prefix(kind)?.strip_prefix(' '));
        lines.map(|rest| rest.split([' ', '(']).next().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(named("service"), ["Consensus"], "another service needs a table of its own");
    named("rpc")
}

/// Makes a call of any kind. Of those that return a stream, its first message.
async fn call(rpc: &str, channel: &Channel, envelope: &Envelope) -> Result<(), Status> {
    let mut client = ConsensusClient::new(channel.clone());
    match rpc {
        "AppendEntries" => client.append_entries(envelope.wrap(Default::default())).await.map(drop),
        "RequestVote" => client.request_vote(envelope.wrap(Default::default())).await.map(drop),
        "InstallSnapshot" => {
            client.install_snapshot(envelope.wrap(stream::empty::<SnapshotChunk>())).await.map(drop)
        }
        "PreVote" => client.pre_vote(envelope.wrap(Default::default())).await.map(drop),
        "Propose" => client.propose(envelope.wrap(Default::default())).await.map(drop),
        "ReadIndex" => client.read_index(envelope.wrap(Default::default())).await.map(drop),
        "Lease" => {
            let mut replies =
                client.lease(envelope.wrap(stream::empty::<LeaderMessage>())).await?.into_inner();
            replies.message().await.map(drop)
        }
        "NodeStatus" => client.node_status(envelope.wrap(Default::default())).await.map(drop),
        "Identify" => client.identify(envelope.wrap(Default::default())).await.map(drop),
        "Form" => client.form(envelope.wrap(Default::default())).await.map(drop),
        "Rejoin" => {
            let own = RejoinRequest { node_id: envelope.from, ..Default::default() };
            client.rejoin(envelope.wrap(own)).await.map(drop)
        }
        "Digest" => client.digest(envelope.wrap(Default::default())).await.map(drop),
        "FetchSnapshot" => {
            let wanted = FetchSnapshotRequest { at_least_index: u64::MAX };
            let mut chunks = client.fetch_snapshot(envelope.wrap(wanted)).await?.into_inner();
            chunks.message().await.map(drop)
        }
        other => panic!("{other} is not in this table"),
    }
}

fn channel(cluster: &TestCluster, secret: ClusterSecret, from: NodeId, to: NodeId) -> Channel {
    let address = cluster.address(to).to_string();
    calls::channel(Arc::new(SystemNetwork), secret, from, (to, &address))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_gets_anything_out_of_any_call() {
    let cluster = TestCluster::start(3).await;
    let leader = cluster.leader().await;
    let (from, to) = match leader {
        1 => (2, 3),
        2 => (1, 3),
        _ => (1, 2),
    };
    let own = channel(&cluster, secret(), from, to);
    let nameless = Envelope { from, to, cluster_id: String::new() };
    let identified = ConsensusClient::new(own.clone()).identify(nameless.wrap(Default::default())).await;
    let member = Envelope { cluster_id: identified.unwrap().into_inner().cluster_id, ..nameless };

    let without_handshake = Endpoint::from_shared(format!("http://{}", cluster.address(to))).unwrap();
    let other_key = ClusterSecret::derive(KeyId([2; 8]), &[2; 32]);
    let impostor = ClusterSecret::derive(secret().id(), &[2; 32]);
    let foreign = Envelope { cluster_id: "0123456789abcdef0123456789abcdef".into(), ..member.clone() };
    let strangers: [(&str, Channel, Envelope, Code, &str); 8] = [
        ("no handshake", without_handshake.connect_lazy(), member.clone(), Code::Unavailable, ""),
        ("another key", channel(&cluster, other_key, from, to), member.clone(), Code::Unavailable, ""),
        ("a key's name", channel(&cluster, impostor, from, to), member.clone(), Code::Unavailable, ""),
        (
            "an id that nobody has listed",
            channel(&cluster, secret(), 9, to),
            Envelope { from: 9, ..member.clone() },
            Code::PermissionDenied,
            "node 9 is neither configured",
        ),
        (
            "another's name",
            own.clone(),
            Envelope { from: leader, ..member.clone() },
            Code::PermissionDenied,
            "has not proved",
        ),
        (
            "a call for another",
            own.clone(),
            Envelope { to: leader, ..member.clone() },
            Code::PermissionDenied,
            "the call is for",
        ),
        ("another cluster", own.clone(), foreign, Code::PermissionDenied, "belongs to another cluster"),
        (
            "a connection for another",
            calls::channel(
                Arc::new(SystemNetwork),
                secret(),
                from,
                (leader, &cluster.address(to).to_string()),
            ),
            member.clone(),
            Code::Unavailable,
            "",
        ),
    ];
    let rpcs = rpcs();
    assert!(rpcs.contains(&"AppendEntries") && rpcs.len() >= 12, "{rpcs:?}");
    for (who, channel, envelope, code, reason) in &strangers {
        for rpc in &rpcs {
            let refused = call(rpc, channel, envelope).await.expect_err(&format!("{rpc} with {who}"));
            // tonic names a connection that was closed in several ways.
            let is_expected = match code {
                Code::Unavailable => refused.code() != Code::PermissionDenied,
                code => refused.code() == *code && refused.message().contains(reason),
            };
            assert!(is_expected, "{rpc} with {who}: {refused}");
        }
    }
    for rpc in &rpcs {
        if let Err(status) = call(rpc, &own, &member).await {
            let is_heard = ![Code::PermissionDenied, Code::Unavailable].contains(&status.code());
            assert!(is_heard, "{rpc} of a member: {status}");
        }
    }
    cluster.stop().await;
}

/// The address of one node leads to another: its responses must not count twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_at_the_address_of_another_is_not_counted_twice() {
    let mut cluster = TestCluster::start_with(5, |config| config.write_timeout_ms = 3_000).await;
    for node in [2, 4, 5] {
        cluster.stop_node(node).await;
    }
    // With these two, node 1 would have three of five.
    cluster.link(1, 2).lead_to(cluster.address(3));
    let written = cluster.node(1).propose(set("key", "value")).await;
    assert!(
        matches!(written, Err(ProposeError::Unknown { .. } | ProposeError::NoLeader { .. })),
        "two of five have written: {written:?}"
    );
    eventually("node 1 reports whom it has reached", || async {
        let status = cluster.node(1).status().await;
        let second = status.nodes.into_iter().find(|node| node.number == 2).unwrap();
        assert_eq!(second.role, "unreachable");
        second.notice.contains("has reached node 3").then_some(())
    })
    .await;
    cluster.stop().await;
}

/// The key of a node is changed: it is heard by nobody, knows that it is the one to be changed back, and the others go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_key_is_not_that_of_the_others_knows_it() {
    let mut cluster = TestCluster::start(3).await;
    cluster.stop_node(3).await;
    let other_key = ClusterSecret::derive(KeyId([2; 8]), &[2; 32]);
    let config = NodeConfig { secret: Some(other_key), ..cluster.config(3) };
    let stranger =
        start(config, KeyValue::default(), Environment::system().unwrap(), Host::system()).await.unwrap();
    let outvoted = eventually("it knows", || async { stranger.outvoted() }).await;
    assert_eq!((outvoted.own, outvoted.theirs), (KeyId([2; 8]), secret().id()));
    cluster.node(1).propose(set("key", "value")).await.unwrap();
    eventually("the others report why they do not speak to it", || async {
        let status = cluster.node(1).status().await;
        status.nodes[2].notice.contains("its cluster key is 0202020202020202").then_some(())
    })
    .await;
    assert_eq!([1, 2].map(|node| cluster.node(node).outvoted()), [None, None]);
    stranger.shutdown().await;

    cluster.start_node(3).await;
    assert_eq!(cluster.node(3).propose(set("key", "value 2")).await.map(drop), Ok(()));
    assert_eq!(cluster.node(3).outvoted(), None);
    cluster.stop().await;
}

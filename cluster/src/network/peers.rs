//! The other nodes: where they are, and the connections to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use keyraft_proto::cluster::consensus_client::ConsensusClient;
use tonic::Status;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

use super::connector::Dialer;
use super::introductions::Introductions;
use super::sockets::Network;
use super::{CLUSTER_KEY, CONNECT_TIMEOUT, NODE_KEY, TO_KEY};
use crate::config::NodeConfig;
use crate::environment::Environment;
use crate::types::NodeId;

/// The time between two attempts to connect to peers that have shown to be no nodes of this cluster.
const INTRODUCTION_INTERVAL: Duration = Duration::from_millis(2_000);

pub(crate) type Client = ConsensusClient<InterceptedService<Channel, To>>;

/// Names the node that the calls of a client are for: whoever else is reached refuses them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct To(NodeId);

impl Interceptor for To {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, Status> {
        request.metadata_mut().insert(TO_KEY, MetadataValue::from(self.0));
        Ok(request)
    }
}

/// What a call is about, so that bulk never delays a heartbeat: each has its own connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Heartbeats, log entries, votes, read indexes.
    Urgent,
    /// Forwarded writes.
    Writes,
    /// Snapshots, status, formation.
    Bulk,
}

/// The other nodes of the cluster.
pub(crate) struct Peers {
    me: NodeId,
    max_message_bytes: usize,
    dialer: Dialer,
    introductions: Arc<Introductions>,
    cluster_id: ArcSwap<String>,
    configured: BTreeMap<NodeId, String>,
    // Addresses that the log has told, of nodes the configuration does not name.
    learned: Mutex<BTreeMap<NodeId, String>>,
    clients: Mutex<BTreeMap<(NodeId, Lane), (String, Client)>>,
}

impl Peers {
    pub(crate) fn new(config: &NodeConfig, environment: &Environment, network: Arc<dyn Network>) -> Self {
        Self {
            me: config.node_id,
            max_message_bytes: config.max_message_bytes(),
            dialer: Dialer {
                network,
                secret: config.secret.clone(),
                random: Arc::clone(&environment.random),
                node_id: config.node_id,
            },
            introductions: Arc::new(Introductions::new(config)),
            cluster_id: ArcSwap::from_pointee(String::new()),
            configured: config.members().into_iter().map(|peer| (peer.node_id, peer.address)).collect(),
            learned: Mutex::new(BTreeMap::new()),
            clients: Mutex::new(BTreeMap::new()),
        }
    }

    /// The id of the cluster that this node belongs to; empty before it does.
    pub(crate) fn cluster_id(&self) -> Arc<String> {
        self.cluster_id.load_full()
    }

    pub(crate) fn set_cluster_id(&self, cluster_id: &str) {
        self.cluster_id.store(Arc::new(cluster_id.to_owned()));
    }

    /// Remembers where a node is. The configuration, when it names the node, goes first: an operator
    /// may reach it by another way than the other nodes do.
    pub(crate) fn learn(&self, node_id: NodeId, address: &str) {
        if self.configured.contains_key(&node_id) || address.is_empty() {
            return;
        }
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        learned.insert(node_id, address.to_owned());
    }

    /// What came of the connections to them.
    pub(crate) fn introductions(&self) -> &Introductions {
        &self.introductions
    }

    pub(crate) fn is_configured(&self, node_id: NodeId) -> bool {
        self.configured.contains_key(&node_id)
    }

    /// The nodes whose address is known, this one not among them.
    pub(crate) fn others(&self) -> BTreeSet<NodeId> {
        let learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.configured.keys().chain(learned.keys()).copied();
        known.filter(|node_id| *node_id != self.me).collect()
    }

    pub(crate) fn address(&self, node_id: NodeId) -> Option<String> {
        let configured = self.configured.get(&node_id).cloned();
        configured
            .or_else(|| self.learned.lock().unwrap_or_else(PoisonError::into_inner).get(&node_id).cloned())
    }

    /// A client of a node, which connects when it is first used and again whenever needed.
    ///
    /// # Errors
    /// Nobody has told where the node is.
    pub(crate) fn client(&self, node_id: NodeId, lane: Lane) -> Result<Client, Status> {
        let address = self
            .address(node_id)
            .ok_or_else(|| Status::unavailable(format!("the address of node {node_id} is unknown")))?;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, client)) = clients.get(&(node_id, lane))
            && *known == address
        {
            return Ok(client.clone());
        }
        let client = self.connect(node_id, &address)?;
        clients.insert((node_id, lane), (address, client.clone()));
        Ok(client)
    }

    /// A call that says who makes it, and that ends after `timeout`.
    pub(crate) fn request<T>(&self, message: T, timeout: Option<Duration>) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        if let Some(timeout) = timeout {
            request.set_timeout(timeout);
        }
        request.metadata_mut().insert(NODE_KEY, MetadataValue::from(self.me));
        if let Ok(cluster_id) = MetadataValue::<Ascii>::try_from(self.cluster_id.load().as_str()) {
            request.metadata_mut().insert(CLUSTER_KEY, cluster_id);
        }
        request
    }

    /// Connects again, every [`INTRODUCTION_INTERVAL`], to the peers that the last connection has shown to be no nodes of
    /// this cluster: those whose key or address was corrected may be of no interest to this node otherwise, and would count
    /// against its own key for ever.
    pub(crate) async fn introduce_again(&self) {
        loop {
            tokio::time::sleep(INTRODUCTION_INTERVAL).await;
            let failed = self.introductions.failed().into_iter();
            futures::future::join_all(failed.map(|peer| self.introduce(peer))).await;
        }
    }

    async fn introduce(&self, peer: NodeId) {
        let Some(address) = self.address(peer) else { return };
        let dialed = tokio::time::timeout(CONNECT_TIMEOUT, self.dialer.dial(peer, &address)).await;
        if let Ok(dialed) = dialed {
            self.introductions.note(peer, &dialed.map(drop));
        }
    }

    fn connect(&self, node_id: NodeId, address: &str) -> Result<Client, Status> {
        let channel = self.dialer.noted_channel(node_id, address, Some(Arc::clone(&self.introductions)));
        let channel = channel.map_err(|_| Status::unavailable(format!("{address:?} is no address")))?;
        Ok(ConsensusClient::with_interceptor(channel, To(node_id))
            .max_decoding_message_size(self.max_message_bytes)
            .max_encoding_message_size(self.max_message_bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use keyraft_proto::cluster as proto;

    use super::*;
    use crate::network::secret::{ClusterSecret, KeyId};
    use crate::network::sockets::{Incoming, NoNetwork, Socket};

    /// Counts the connections that are asked for, and makes none.
    #[derive(Default)]
    struct Counted(AtomicUsize);

    #[async_trait::async_trait]
    impl Network for Counted {
        async fn connect(&self, _: &str) -> io::Result<Socket> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Err(io::Error::other("a test"))
        }

        async fn listen(&self, address: SocketAddr) -> io::Result<Incoming> {
            NoNetwork.listen(address).await
        }
    }

    #[tokio::test]
    async fn a_peer_has_one_connection_for_each_lane_until_its_address_changes() {
        let secret = ClusterSecret::derive(KeyId([1; 8]), &[1; 32]);
        let config = NodeConfig { secret: Some(secret), ..NodeConfig::default() };
        let environment = Environment::system().unwrap();
        let peers = Peers::new(&config, &environment, Arc::new(Counted::default()) as Arc<dyn Network>);
        let known = |peers: &Peers| peers.clients.lock().unwrap().len();
        let address = |lane| peers.clients.lock().unwrap()[&(7, lane)].0.clone();
        peers.client(7, Lane::Urgent).unwrap_err();
        peers.learn(7, "127.0.0.1:1");
        assert!([Lane::Urgent, Lane::Urgent].iter().all(|lane| peers.client(7, *lane).is_ok()));
        assert_eq!(known(&peers), 1);
        assert!([Lane::Bulk, Lane::Urgent, Lane::Writes].iter().all(|lane| peers.client(7, *lane).is_ok()));
        assert_eq!(known(&peers), 3);
        peers.learn(7, "127.0.0.1:2");
        peers.client(7, Lane::Urgent).unwrap();
        assert_eq!(
            (address(Lane::Urgent), address(Lane::Bulk)),
            ("127.0.0.1:2".into(), "127.0.0.1:1".into())
        );
    }

    #[tokio::test]
    async fn without_a_cluster_key_nobody_is_called() {
        let network = Arc::new(Counted::default());
        let environment = Environment::system().unwrap();
        let peers =
            Peers::new(&NodeConfig::default(), &environment, Arc::clone(&network) as Arc<dyn Network>);
        peers.learn(7, "127.0.0.1:1");
        let call = peers.request(proto::IdentifyRequest::default(), None);
        peers.client(7, Lane::Bulk).unwrap().identify(call).await.unwrap_err();
        assert_eq!(network.0.load(Ordering::Relaxed), 0);
    }
}

//! The other nodes: where they are, and the connections to them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use keyraft_proto::cluster::consensus_client::ConsensusClient;
use tonic::Status;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};

use super::sockets::Network;
use super::{
    CALL_WINDOW_BYTES, CLUSTER_KEY, CONNECT_TIMEOUT, CONNECTION_WINDOW_BYTES, NODE_KEY, PROBE_INTERVAL,
    PROBE_TIMEOUT,
};
use crate::config::NodeConfig;
use crate::types::NodeId;

pub(crate) type Client = ConsensusClient<Channel>;

/// What a call is about, so that bulk never delays a heartbeat: each has its own connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Heartbeats, log entries, votes, read indexes.
    Urgent,
    /// Snapshots, forwarded writes, status, formation.
    Bulk,
}

/// The other nodes of the cluster.
pub(crate) struct Peers {
    me: NodeId,
    max_message_bytes: usize,
    network: Arc<dyn Network>,
    cluster_id: ArcSwap<String>,
    configured: BTreeMap<NodeId, String>,
    // Addresses that the log has told, of nodes the configuration does not name.
    learned: Mutex<BTreeMap<NodeId, String>>,
    clients: Mutex<BTreeMap<(NodeId, Lane), (String, Client)>>,
}

impl Peers {
    pub(crate) fn new(config: &NodeConfig, network: Arc<dyn Network>) -> Self {
        Self {
            me: config.node_id,
            max_message_bytes: config.max_message_bytes(),
            network,
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
        let client = self.connect(&address)?;
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

    fn connect(&self, address: &str) -> Result<Client, Status> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|_| Status::unavailable(format!("{address:?} is no address")))?
            .tcp_nodelay(true)
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(PROBE_INTERVAL)
            .keep_alive_timeout(PROBE_TIMEOUT)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(CALL_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
        Ok(ConsensusClient::new(self.network.channel(&endpoint))
            .max_decoding_message_size(self.max_message_bytes)
            .max_encoding_message_size(self.max_message_bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::network::sockets::{Incoming, NoNetwork};

    /// Counts the connections that are asked for.
    #[derive(Default)]
    struct Counted(AtomicUsize);

    #[async_trait::async_trait]
    impl Network for Counted {
        fn channel(&self, endpoint: &Endpoint) -> Channel {
            self.0.fetch_add(1, Ordering::Relaxed);
            NoNetwork.channel(endpoint)
        }

        async fn listen(&self, address: SocketAddr) -> io::Result<Incoming> {
            NoNetwork.listen(address).await
        }
    }

    #[tokio::test]
    async fn a_peer_has_one_connection_for_each_lane_until_its_address_changes() {
        let network = Arc::new(Counted::default());
        let peers = Peers::new(&NodeConfig::default(), Arc::clone(&network) as Arc<dyn Network>);
        let connections = |lanes: &[Lane]| {
            lanes.iter().for_each(|lane| drop(peers.client(7, *lane).unwrap()));
            network.0.load(Ordering::Relaxed)
        };
        peers.client(7, Lane::Urgent).unwrap_err();
        peers.learn(7, "127.0.0.1:1");
        assert_eq!(connections(&[Lane::Urgent, Lane::Urgent]), 1);
        assert_eq!(connections(&[Lane::Bulk, Lane::Urgent, Lane::Bulk]), 2);
        peers.learn(7, "127.0.0.1:2");
        assert_eq!(connections(&[Lane::Urgent, Lane::Urgent]), 3);
    }
}

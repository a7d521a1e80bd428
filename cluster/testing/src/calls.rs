//! Calls of the cluster service as another node makes them.

use std::sync::Arc;

use keyraft_cluster::{ClusterSecret, Dialer, KeyId, Network, NodeId, SeededRandom};
use tonic::Request;
use tonic::transport::Channel;

/// What the nodes of the tests prove to one another.
#[must_use]
pub fn secret() -> ClusterSecret {
    ClusterSecret::derive(KeyId([1; 8]), &[1; 32])
}

/// A channel from node `from` to node `to`.
#[must_use]
pub fn channel(
    network: Arc<dyn Network>,
    secret: ClusterSecret,
    from: NodeId,
    (to, address): (NodeId, &str),
) -> Channel {
    let random = Arc::new(SeededRandom::from_seed(from));
    Dialer { network, secret: Some(secret), random, node_id: from }.channel(to, address).unwrap()
}

/// The metadata of each call.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The sender.
    pub from: NodeId,
    /// The receiver.
    pub to: NodeId,
    /// Empty: the sender belongs to no cluster yet.
    pub cluster_id: String,
}

impl Envelope {
    /// A call with this message.
    pub fn wrap<T>(&self, message: T) -> Request<T> {
        let mut call = Request::new(message);
        let metadata = call.metadata_mut();
        metadata.insert("keyraft-node", self.from.into());
        metadata.insert("keyraft-to", self.to.into());
        metadata.insert("keyraft-cluster", self.cluster_id.parse().unwrap());
        call
    }
}

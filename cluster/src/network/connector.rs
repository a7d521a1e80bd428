//! Connections to peers: opened on the injected network, and used once both sides have proved the cluster key.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use tonic::codegen::Service;
use tonic::codegen::http::Uri;
use tonic::transport::{Channel, Endpoint};

use super::handshake::{HandshakeError, Own, greet};
use super::introductions::Introductions;
use super::secret::ClusterSecret;
use super::sockets::{Network, Socket};
use super::{CALL_WINDOW_BYTES, CONNECT_TIMEOUT, CONNECTION_WINDOW_BYTES, PROBE_INTERVAL, PROBE_TIMEOUT};
use crate::environment::Random;
use crate::types::NodeId;

/// Opens the connections of one node.
#[derive(Clone)]
pub struct Dialer {
    /// The way to the others.
    pub network: Arc<dyn Network>,
    /// What this node proves; without it, it speaks to nobody.
    pub secret: Option<ClusterSecret>,
    /// The source of nonces.
    pub random: Arc<dyn Random>,
    /// This node's number.
    pub node_id: NodeId,
}

impl Dialer {
    /// A channel to node `to` at `host:port`, which connects when it is first used and again whenever needed. Each of
    /// its connections begins with the proof of the cluster key.
    ///
    /// # Errors
    /// The address is malformed.
    pub fn channel(&self, to: NodeId, address: &str) -> Result<Channel, tonic::transport::Error> {
        self.noted_channel(to, address, None)
    }

    pub(crate) fn noted_channel(
        &self,
        to: NodeId,
        address: &str,
        introductions: Option<Arc<Introductions>>,
    ) -> Result<Channel, tonic::transport::Error> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(PROBE_INTERVAL)
            .keep_alive_timeout(PROBE_TIMEOUT)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(CALL_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
        let connector = Connector { dialer: self.clone(), to, introductions };
        Ok(endpoint.connect_with_connector_lazy(connector))
    }

    /// A connection to node `to` at `host:port`, on which both sides have proved the cluster key.
    ///
    /// # Errors
    /// Nothing responds there, or what does is not node `to` of this cluster.
    pub(crate) async fn dial(&self, to: NodeId, address: &str) -> Result<Socket, HandshakeError> {
        let secret = self.secret.as_ref().ok_or(HandshakeError::NoKey)?;
        let mut socket = self.network.connect(address).await?;
        greet(&mut socket, Own { node_id: self.node_id, secret, random: self.random.as_ref() }, to).await?;
        Ok(socket)
    }
}

/// As tonic wants it.
struct Connector {
    dialer: Dialer,
    to: NodeId,
    introductions: Option<Arc<Introductions>>,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Socket>;
    type Error = HandshakeError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, HandshakeError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), HandshakeError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (dialer, to, introductions) = (self.dialer.clone(), self.to, self.introductions.clone());
        Box::pin(async move {
            let address = uri.authority().map(ToString::to_string).unwrap_or_default();
            let dialed = dialer.dial(to, &address).await;
            if let Some(introductions) = introductions {
                introductions.note(to, &dialed.as_ref().map(|_| ()).map_err(Clone::clone));
            }
            dialed.map(TokioIo::new)
        })
    }
}

//! Connections of peers, admitted once they have proved the cluster key.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

use super::handshake::{HandshakeError, Own, receive};
use super::repeated::Repeated;
use super::sockets::{Incoming, Socket};
use crate::node::site::Site;
use crate::node::supervised::forever;
use crate::types::NodeId;

/// How long a caller may take to prove the cluster key.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_millis(5_000);
/// The most connections between their first byte and their proof. A new one evicts the oldest: a peer needs one round
/// trip, and a client that opens connections without proving anything shuts nobody else out.
const MOST_HALF_OPEN: usize = 64;
/// How many admitted connections wait to be served.
const MOST_ADMITTED: usize = 16;
/// Pause after a connection could not be accepted, for want of file descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The node that has proved the cluster key on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proven(pub(crate) NodeId);

/// A connection of a node of this cluster.
pub(crate) struct Admitted {
    socket: Socket,
    peer: NodeId,
}

/// Admits those of `incoming` that prove the cluster key, until the node stops.
pub(crate) fn admit(
    site: &Arc<Site>,
    incoming: Incoming,
) -> impl Stream<Item = io::Result<Admitted>> + Send + 'static {
    let (admitted, waiting) = mpsc::channel(MOST_ADMITTED);
    let accepting = Arc::clone(site);
    forever(site, "admission", async move { accept(&accepting, incoming, admitted).await });
    ReceiverStream::new(waiting)
}

async fn accept(site: &Arc<Site>, mut incoming: Incoming, admitted: mpsc::Sender<io::Result<Admitted>>) {
    let refusals = Repeated::default();
    let mut half_open: VecDeque<AbortHandle> = VecDeque::new();
    let mut handshakes = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(ended) = handshakes.join_next() => {
                half_open.retain(|handshake| !handshake.is_finished());
                match ended {
                    Ok(Ok(connection)) => if admitted.send(Ok(connection)).await.is_err() {
                        return;
                    },
                    Ok(Err(error)) => note(site, &refusals, &error),
                    // It was evicted.
                    Err(_) => {}
                }
            }
            accepted = incoming.next() => match accepted {
                Some(Ok(socket)) => {
                    if half_open.len() >= MOST_HALF_OPEN && let Some(oldest) = half_open.pop_front() {
                        oldest.abort();
                    }
                    half_open.push_back(handshakes.spawn(meet(Arc::clone(site), socket)));
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "a connection of a node could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                None => return,
            },
        }
    }
}

async fn meet(site: Arc<Site>, mut socket: Socket) -> Result<Admitted, HandshakeError> {
    let secret = site.config.secret.as_ref().ok_or(HandshakeError::NoKey)?;
    let own = Own { node_id: site.me(), secret, random: site.environment.random.as_ref() };
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, receive(&mut socket, own)).await {
        Ok(received) => Ok(Admitted { peer: received?, socket }),
        Err(_) => {
            let limit_ms = HANDSHAKE_TIMEOUT.as_millis();
            Err(HandshakeError::Lost { reason: format!("nothing was proved in {limit_ms} ms") })
        }
    }
}

/// Counts a refused connection, and logs it when that is news.
fn note(site: &Site, refusals: &Repeated<HandshakeError>, error: &HandshakeError) {
    metrics::counter!("keyraft_cluster_connections_refused_total", "reason" => error.name()).increment(1);
    let is_lost = matches!(error, HandshakeError::Lost { .. });
    if !is_lost && refusals.is_news(error, site.contact.now()) {
        tracing::warn!(%error, "a connection to the cluster port was refused");
    }
}

impl Connected for Admitted {
    type ConnectInfo = Proven;

    fn connect_info(&self) -> Proven {
        Proven(self.peer)
    }
}

impl AsyncRead for Admitted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for Admitted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, DuplexStream, duplex};
    use tokio_stream::wrappers::UnboundedReceiverStream;

    use super::*;
    use crate::config::NodeConfig;
    use crate::environment::{Environment, SeededRandom};
    use crate::host::Host;
    use crate::network::handshake::greet;
    use crate::network::secret::{ClusterSecret, KeyId};

    struct Door {
        connections: mpsc::UnboundedSender<io::Result<Socket>>,
        admitted: Pin<Box<dyn Stream<Item = io::Result<Admitted>> + Send>>,
        _site: Arc<Site>,
    }

    fn secret() -> ClusterSecret {
        ClusterSecret::derive(KeyId([1; 8]), &[1; 32])
    }

    /// The door of node 0.
    fn door() -> Door {
        let config = NodeConfig { secret: Some(secret()), ..NodeConfig::default() };
        let site = Site::new(config, Environment::system().unwrap(), &Host::in_memory());
        let (connections, incoming) = mpsc::unbounded_channel();
        let admitted = admit(&site, UnboundedReceiverStream::new(incoming).boxed()).boxed();
        Door { connections, admitted, _site: site }
    }

    fn connect(door: &Door) -> DuplexStream {
        let (here, there) = duplex(1024);
        door.connections.send(Ok(Socket::new(there))).unwrap();
        here
    }

    async fn prove(stream: &mut DuplexStream) -> Result<(), HandshakeError> {
        let (secret, random) = (secret(), SeededRandom::from_seed(5));
        greet(stream, Own { node_id: 7, secret: &secret, random: &random }, 0).await
    }

    async fn is_closed(mut stream: DuplexStream) -> bool {
        stream.read(&mut [0; 1]).await.unwrap() == 0
    }

    #[tokio::test(start_paused = true)]
    async fn who_proves_nothing_is_disconnected_in_time_and_shuts_nobody_out() {
        let mut door = door();
        let mut silent: VecDeque<_> = (0..MOST_HALF_OPEN).map(|_| connect(&door)).collect();
        let started = tokio::time::Instant::now();
        let mut peer = connect(&door);
        prove(&mut peer).await.unwrap();
        assert_eq!(door.admitted.next().await.unwrap().unwrap().connect_info(), Proven(7));
        assert!(is_closed(silent.pop_front().unwrap()).await, "the oldest is evicted");
        assert!(started.elapsed() < HANDSHAKE_TIMEOUT);
        for stream in silent {
            assert!(is_closed(stream).await);
        }
        assert_eq!(started.elapsed().as_secs(), HANDSHAKE_TIMEOUT.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_cannot_be_accepted_ends_nothing() {
        let mut door = door();
        door.connections.send(Err(io::Error::other("no file descriptor is free"))).unwrap();
        prove(&mut connect(&door)).await.unwrap();
        assert!(door.admitted.next().await.unwrap().is_ok());
    }
}

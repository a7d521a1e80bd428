//! The network card of a machine: it is a host of turmoil, which carries what nodes say to one another. The node
//! itself runs beside it, on a runtime of its own, so that it can be stopped while its card goes on.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::StreamExt;
use keyraft_cluster::{Incoming, Network, NodeId, Peer, Socket};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::UnboundedReceiverStream;
use turmoil::net::{TcpListener, TcpStream};

use crate::trace::Trace;

/// Where every node listens.
const PORT: u16 = 5001;
/// What lies between a node and its card.
const BUFFER_BYTES: usize = 64 << 10;

/// The name of a machine.
pub fn name(node: NodeId) -> String {
    format!("node{node}")
}

/// A member of the cluster, as the others reach it.
pub fn peer(node: NodeId) -> Peer {
    Peer { node_id: node, address: format!("{}:{PORT}", name(node)) }
}

enum Order {
    Connect { address: String, reply: oneshot::Sender<io::Result<DuplexStream>> },
    Listen(mpsc::UnboundedSender<DuplexStream>),
}

/// A node's end of its card. It outlives the node.
#[derive(Clone)]
pub struct Wire(mpsc::UnboundedSender<Order>);

/// The card's end.
pub struct Card {
    orders: mpsc::UnboundedReceiver<Order>,
    node: NodeId,
    trace: Trace,
}

pub fn card(node: NodeId, trace: &Trace) -> (Wire, Card) {
    let (sender, orders) = mpsc::unbounded_channel();
    (Wire(sender), Card { orders, node, trace: trace.clone() })
}

#[async_trait::async_trait]
impl Network for Wire {
    async fn connect(&self, address: &str) -> io::Result<Socket> {
        let (reply, connected) = oneshot::channel();
        let order = Order::Connect { address: address.to_owned(), reply };
        self.0.send(order).map_err(io::Error::other)?;
        Ok(Socket::new(connected.await.map_err(io::Error::other)??))
    }

    async fn listen(&self, _address: SocketAddr) -> io::Result<Incoming> {
        let (sender, incoming) = mpsc::unbounded_channel();
        self.0.send(Order::Listen(sender)).map_err(io::Error::other)?;
        Ok(UnboundedReceiverStream::new(incoming).map(|stream| Ok(Socket::new(stream))).boxed())
    }
}

impl Card {
    /// Carries until the simulation ends.
    pub async fn run(mut self) -> turmoil::Result {
        let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
        let mut node: Option<mpsc::UnboundedSender<DuplexStream>> = None;
        let line = Arc::new((self.node, self.trace));
        loop {
            tokio::select! {
                biased;
                order = self.orders.recv() => match order {
                    Some(Order::Listen(sender)) => node = Some(sender),
                    Some(Order::Connect { address, reply }) => {
                        tokio::spawn(connect(address, reply, Arc::clone(&line)));
                    }
                    None => return Ok(()),
                },
                accepted = listener.accept() => {
                    let (stream, peer) = accepted?;
                    let (inner, outer) = duplex(BUFFER_BYTES);
                    // A node that is not there refuses.
                    if node.as_ref().is_some_and(|node| node.send(inner).is_ok()) {
                        tokio::spawn(carry(stream, outer, Arc::clone(&line), peer.to_string()));
                    }
                }
            }
        }
    }
}

type Line = Arc<(NodeId, Trace)>;

async fn connect(address: String, mut reply: oneshot::Sender<io::Result<DuplexStream>>, line: Line) {
    let connected = tokio::select! {
        biased;
        () = reply.closed() => return,
        connected = TcpStream::connect(address.as_str()) => connected,
    };
    let (inner, outer) = duplex(BUFFER_BYTES);
    let given = match connected {
        Ok(stream) => reply.send(Ok(inner)).map(|()| Some(stream)),
        Err(error) => reply.send(Err(error)).map(|()| None),
    };
    if let Ok(Some(stream)) = given {
        carry(stream, outer, line, address).await;
    }
}

async fn carry(stream: TcpStream, node: DuplexStream, line: Line, peer: String) {
    let (from_network, to_network) = stream.into_split();
    let (from_node, to_node) = tokio::io::split(node);
    let sent = pump(from_node, to_network, |bytes| line.1.bytes(line.0, &peer, bytes));
    let received = pump(from_network, to_node, |_| {});
    // Either side ends both when it breaks; a side that only ends waits for the other.
    let _ = tokio::try_join!(sent, received);
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    seen: impl Fn(&[u8]),
) -> io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        seen(&buffer[..length]);
        to.write_all(&buffer[..length]).await?;
    }
}

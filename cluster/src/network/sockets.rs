//! Sockets, injected so that a simulation can cut and delay them.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::server::TcpIncoming;

/// The way between nodes. What travels on it, and who may speak, is decided above it.
#[async_trait::async_trait]
pub trait Network: Send + Sync + 'static {
    /// A new connection to `host:port`.
    ///
    /// # Errors
    /// As of `connect(2)`, or the name is not found.
    async fn connect(&self, address: &str) -> io::Result<Socket>;

    /// Listens for peers.
    ///
    /// # Errors
    /// As of `bind(2)`.
    async fn listen(&self, address: SocketAddr) -> io::Result<Incoming>;
}

/// Connections of peers, as they come.
pub type Incoming = BoxStream<'static, io::Result<Socket>>;

/// The network of this machine.
#[derive(Debug, Clone, Copy)]
pub struct SystemNetwork;

#[async_trait::async_trait]
impl Network for SystemNetwork {
    async fn connect(&self, address: &str) -> io::Result<Socket> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Socket::new(stream))
    }

    async fn listen(&self, address: SocketAddr) -> io::Result<Incoming> {
        let listener = TcpListener::bind(address).await?;
        Ok(TcpIncoming::from(listener).with_nodelay(Some(true)).map_ok(Socket::new).boxed())
    }
}

/// The network of a node that is alone: nobody connects to it, and it reaches nobody.
#[derive(Debug, Clone, Copy)]
pub struct NoNetwork;

#[async_trait::async_trait]
impl Network for NoNetwork {
    async fn connect(&self, _: &str) -> io::Result<Socket> {
        std::future::pending().await
    }

    async fn listen(&self, _: SocketAddr) -> io::Result<Incoming> {
        Ok(futures::stream::pending().boxed())
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// One connection between two nodes.
pub struct Socket(Box<dyn Stream>);

impl Socket {
    /// The socket that `stream` is.
    #[must_use]
    pub fn new(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self(Box::new(stream))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

//! A link between two nodes that can be cut: bytes stop, and connections hang.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub struct Proxy {
    pub address: SocketAddr,
    target: watch::Sender<SocketAddr>,
    is_cut: watch::Sender<bool>,
}

impl Proxy {
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let is_cut = watch::Sender::new(false);
        let (cut, target) = (is_cut.clone(), watch::Sender::new(target));
        let targets = target.subscribe();
        tokio::spawn(async move {
            while let Ok((from, _)) = listener.accept().await {
                let target = *targets.borrow();
                let Ok(to) = TcpStream::connect(target).await else { continue };
                let _ = (from.set_nodelay(true), to.set_nodelay(true));
                let ((from_read, from_write), (to_read, to_write)) = (from.into_split(), to.into_split());
                tokio::spawn(pump(from_read, to_write, cut.subscribe()));
                tokio::spawn(pump(to_read, from_write, cut.subscribe()));
            }
        });
        Self { address, target, is_cut }
    }

    /// New connections lead to another node.
    pub fn lead_to(&self, target: SocketAddr) {
        self.target.send_replace(target);
    }

    pub fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    pub fn heal(&self) {
        self.is_cut.send_replace(false);
    }
}

/// Copies bytes while the link is whole; what comes while it is cut waits.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut is_cut: watch::Receiver<bool>) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(length) = from.read(&mut buffer).await else { return };
        if length == 0 || is_cut.wait_for(|cut| !cut).await.is_err() {
            return;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

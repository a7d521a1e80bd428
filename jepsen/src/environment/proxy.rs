//! Proxies between the nodes, one for each node that is reached: they hold back, delay and thin what passes.
//!
//! A link that is cut loses nothing: the bytes wait, as with TCP, which repeats packets that got lost. Who connects is
//! told by the address in namespaces; on loopback it is the process that has the other end of the connection.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::network::Link;
use super::{EnvironmentError, namespaces, sockets};

const CHUNK_BYTES: usize = 16 * 1024;
/// Pause after a connection that could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Chunks of one connection that are under way.
const MOST_UNDER_WAY: usize = 256;

/// How the links are now.
#[derive(Clone, Debug, Default)]
struct Conditions {
    cut: BTreeSet<Link>,
    delay: Duration,
    bytes_per_second: Option<u32>,
}

/// Who is at the other end of a connection.
pub enum Callers {
    /// Each node has an address of its own.
    ByAddress,
    /// Nodes are processes; which one is which changes when they start again.
    ByProcess(Arc<Mutex<BTreeMap<u32, usize>>>),
}

impl Callers {
    fn of(&self, address: SocketAddr) -> Option<usize> {
        match self {
            Self::ByAddress => namespaces::node_at(address),
            Self::ByProcess(processes) => {
                let processes = processes.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let inode = sockets::inode_of(address)?;
                processes.into_iter().find(|(process, _)| sockets::has(*process, inode)).map(|(_, node)| node)
            }
        }
    }
}

/// The proxies of a cluster. They end with the runtime.
pub struct Proxies {
    conditions: watch::Sender<Conditions>,
}

impl Proxies {
    /// Lets each listener lead to the node of the same place.
    ///
    /// # Errors
    /// A listener is of no use.
    pub fn start(
        listeners: Vec<std::net::TcpListener>,
        targets: &[SocketAddr],
        callers: Callers,
    ) -> Result<Self, EnvironmentError> {
        let (conditions, watched) = watch::channel(Conditions::default());
        let callers = Arc::new(callers);
        for (to, (listener, target)) in listeners.into_iter().zip(targets.iter().copied()).enumerate() {
            let unusable = |error: io::Error| EnvironmentError::Network(error.to_string());
            listener.set_nonblocking(true).map_err(unusable)?;
            let listener = TcpListener::from_std(listener).map_err(unusable)?;
            let (watched, callers) = (watched.clone(), Arc::clone(&callers));
            tokio::spawn(async move {
                // Ends with the runtime.
                loop {
                    let Ok((near, address)) = listener.accept().await else {
                        // The caller has gone already, or the machine is out of something for now.
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    };
                    let (watched, callers) = (watched.clone(), Arc::clone(&callers));
                    tokio::spawn(async move {
                        let from =
                            tokio::task::spawn_blocking(move || callers.of(address)).await.ok().flatten();
                        // Whoever is no node is let through: it cannot be told which links are its own.
                        let _ = carry(near, target, from.unwrap_or(usize::MAX), to, watched).await;
                    });
                }
            });
        }
        Ok(Self { conditions })
    }

    /// Cuts exactly these links.
    pub fn cut(&self, cut: &BTreeSet<Link>) {
        self.conditions.send_modify(|conditions| conditions.cut.clone_from(cut));
    }

    /// Delays what passes from now on, and bounds the bytes of each connection in a second.
    pub fn slow_down(&self, delay: Duration, bytes_per_second: Option<u32>) {
        self.conditions.send_modify(|conditions| {
            conditions.delay = delay;
            conditions.bytes_per_second = bytes_per_second;
        });
    }
}

async fn carry(
    near: TcpStream,
    target: SocketAddr,
    from: usize,
    to: usize,
    mut watched: watch::Receiver<Conditions>,
) -> io::Result<()> {
    let closed = |_| io::Error::from(io::ErrorKind::BrokenPipe);
    // The first packets of a connection go both ways.
    let is_whole = |now: &Conditions| !now.cut.contains(&(from, to)) && !now.cut.contains(&(to, from));
    watched.wait_for(is_whole).await.map_err(closed)?;
    let far = TcpStream::connect(target).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
    // When either way ends, both connections are closed, as a node does that dies.
    tokio::select! {
        ended = pass(near_read, far_write, (from, to), watched.clone()) => ended,
        ended = pass(far_read, near_write, (to, from), watched) => ended,
    }
}

/// Passes on what arrives, later if the link is slow, and not while it is cut.
async fn pass(
    mut source: impl AsyncRead + Unpin + Send + 'static,
    mut sink: impl AsyncWrite + Unpin,
    link: Link,
    mut watched: watch::Receiver<Conditions>,
) -> io::Result<()> {
    let (sender, mut under_way) = mpsc::channel::<(Instant, Vec<u8>)>(MOST_UNDER_WAY);
    let reading = async move {
        loop {
            let mut chunk = vec![0; CHUNK_BYTES];
            let length = source.read(&mut chunk).await?;
            chunk.truncate(length);
            if length == 0 || sender.send((Instant::now(), chunk)).await.is_err() {
                return io::Result::Ok(());
            }
        }
    };
    let writing = async move {
        while let Some((arrived, chunk)) = under_way.recv().await {
            let (delay, rate) = {
                let now = watched.borrow();
                (now.delay, now.bytes_per_second)
            };
            tokio::time::sleep_until(arrived + delay).await;
            if let Some(rate) = rate.filter(|rate| *rate > 0) {
                let share = f64::from(u32::try_from(chunk.len()).unwrap_or(u32::MAX)) / f64::from(rate);
                tokio::time::sleep(Duration::from_secs_f64(share)).await;
            }
            let whole = watched.wait_for(|now| !now.cut.contains(&link)).await;
            drop(whole.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?);
            sink.write_all(&chunk).await?;
        }
        sink.shutdown().await
    };
    tokio::try_join!(reading, writing).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers each byte with the same byte, behind a proxy.
    async fn echo() -> (Proxies, SocketAddr) {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = server.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = server.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // This process is node 0, and reaches itself.
        let processes = Arc::new(Mutex::new(BTreeMap::from([(std::process::id(), 0)])));
        (Proxies::start(vec![listener], &[target], Callers::ByProcess(processes)).unwrap(), address)
    }

    async fn exchange(stream: &mut TcpStream, limit: Duration) -> Option<u8> {
        let talk = async {
            stream.write_all(&[7]).await.ok()?;
            stream.read_u8().await.ok()
        };
        tokio::time::timeout(limit, talk).await.ok().flatten()
    }

    const SOON: Duration = Duration::from_secs(10);
    const NEVER: Duration = Duration::from_millis(100);

    #[tokio::test]
    async fn a_cut_link_holds_bytes_back_and_loses_none() {
        let (proxies, address) = echo().await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert_eq!(exchange(&mut stream, SOON).await, Some(7));
        proxies.cut(&BTreeSet::from([(0, 0)]));
        assert_eq!(exchange(&mut stream, NEVER).await, None);
        proxies.cut(&BTreeSet::new());
        assert_eq!(tokio::time::timeout(SOON, stream.read_u8()).await.unwrap().unwrap(), 7);
    }

    #[tokio::test]
    async fn a_slow_link_delays_both_ways() {
        let (proxies, address) = echo().await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        proxies.slow_down(Duration::from_millis(60), None);
        let sent_at = Instant::now();
        assert_eq!(exchange(&mut stream, SOON).await, Some(7));
        assert!(sent_at.elapsed() >= Duration::from_millis(120));
    }
}

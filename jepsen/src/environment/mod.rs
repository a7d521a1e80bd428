//! The world of a run: nodes, and the network and the disks between them, which nemeses break.

mod configuration;
mod error;
mod namespaces;
pub mod network;
mod node;
mod proxy;
mod sockets;
pub mod status;
mod sweep;
mod system;
mod twin;
mod wall_clock;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rand::RngCore;

pub use self::error::EnvironmentError;
use self::namespaces::Namespaces;
pub use self::network::Network;
use self::node::Site;
pub use self::node::{Lent, Life, Node, write_cluster_key};
use self::proxy::{Callers, Proxies};
pub use self::sweep::sweep;
use self::sweep::{folder_of_run, prefix_of_run, remove_folder};
pub use self::system::is_root;
pub use self::wall_clock::ClockError;
use crate::disk::Disk;
use crate::schedule::Chance;

/// What keeps the nodes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// A network namespace for each; this takes root.
    Namespaces,
    /// Ports of the loopback interface, with proxies between them.
    Loopback,
}

/// What a world is to be like.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many nodes, 1 to 9.
    pub nodes: usize,
    /// The binary under test.
    pub binary: PathBuf,
    /// The bug that it is to have.
    pub planted_bug: Option<String>,
    /// What keeps the nodes apart.
    pub isolation: Isolation,
    /// Whether nodes reach one another through proxies in namespaces too, so that links can be slow.
    pub has_proxies: bool,
    /// Whether their data lies on disks of the harness, which can fail.
    pub has_disks: bool,
    /// Whether the state of a node can be spoiled, which takes a binary that can have bugs.
    pub can_be_spoiled: bool,
}

/// The parts of a world that have to be made before the threads that live in it.
///
/// [`Self::enter`] is called on a thread that then starts the runtime of the run, so that all its sockets are where the
/// nodes are.
pub struct Ground {
    settings: Settings,
    folder: PathBuf,
    namespaces: Option<Arc<Namespaces>>,
}

impl Ground {
    /// Makes the folder and the namespaces of a run.
    ///
    /// # Errors
    /// There is no right to, or a program is missing.
    pub fn create(settings: Settings) -> Result<Self, EnvironmentError> {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let prefix = prefix_of_run(RUNS.fetch_add(1, Ordering::SeqCst));
        let folder = folder_of_run(&prefix);
        std::fs::create_dir_all(&folder).map_err(EnvironmentError::file(&folder))?;
        // What follows is undone by dropping this.
        let mut ground = Self { settings, folder, namespaces: None };
        if ground.settings.isolation == Isolation::Namespaces {
            ground.namespaces = Some(Arc::new(Namespaces::create(&prefix, ground.settings.nodes)?));
        }
        Ok(ground)
    }

    /// Moves this thread to where the nodes can be reached.
    ///
    /// # Errors
    /// The namespace is gone.
    pub fn enter(&self) -> Result<(), EnvironmentError> {
        self.namespaces.as_ref().map_or(Ok(()), |namespaces| namespaces.enter_hub())
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // Processes first: a namespace lives as long as one of them.
        remove_folder(&self.folder);
    }
}

/// A world with its nodes.
pub struct Environment {
    nodes: Vec<Node>,
    network: Network,
    /// Which node is which process, for proxies on loopback.
    processes: Arc<Mutex<BTreeMap<u32, usize>>>,
    settings: Settings,
    ground: Ground,
}

impl Environment {
    /// The nodes on this ground, none of which runs yet. It has to be called within the runtime of the run.
    ///
    /// # Errors
    /// A port, a file or a disk cannot be had.
    pub fn build(ground: Ground, chance: &mut Chance) -> Result<Self, EnvironmentError> {
        let settings = ground.settings.clone();
        let count = settings.nodes;
        let processes = Arc::<Mutex<BTreeMap<u32, usize>>>::default();
        let cluster_key = ground.folder.join("cluster.key");
        let mut key = [0; 32];
        chance.fill_bytes(&mut key);
        write_cluster_key(&cluster_key, &BASE64_STANDARD.encode(key))?;
        let layout = Layout::of(&ground, count, &processes)?;
        let mut nodes = Vec::with_capacity(count);
        for (number, (http, cluster)) in layout.http.iter().zip(&layout.cluster).enumerate() {
            let enter =
                ground.namespaces.as_ref().map(|namespaces| namespaces.enter_command(number).to_vec());
            nodes.push(Node::new(Site {
                number,
                folder: ground.folder.join(format!("node-{number}")),
                cluster_key: cluster_key.clone(),
                enter: enter.unwrap_or_default(),
                binary: settings.binary.clone(),
                planted_bug: settings.planted_bug.clone(),
                http: *http,
                cluster: *cluster,
                peers: layout.peers.clone(),
                has_disk: settings.has_disks && Disk::is_possible(),
                can_be_spoiled: settings.can_be_spoiled,
            })?);
        }
        Ok(Self { nodes, network: layout.network, processes, settings, ground })
    }

    /// The nodes, by number.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A node; there are as many as the settings say.
    pub fn node(&self, number: usize) -> Option<&Node> {
        self.nodes.get(number)
    }

    /// What it was made for.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The links between the nodes.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The folder that goes with the run.
    pub fn folder(&self) -> &Path {
        &self.ground.folder
    }

    /// Starts a node.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn start(&self, node: &Node) -> Result<(), EnvironmentError> {
        node.start().await?;
        if let Some(process) = node.process_number().await {
            let mut processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
            processes.retain(|_, number| *number != node.number());
            processes.insert(process, node.number());
        }
        Ok(())
    }

    /// Undoes whatever may have been done: links are whole, and all nodes run with right clocks.
    ///
    /// # Errors
    /// The harness cannot do that.
    pub async fn restore(&self) -> Result<(), EnvironmentError> {
        self.network.mend_all().await?;
        for node in &self.nodes {
            node.resume().await;
            if let Some(disk) = node.disk() {
                disk.make_room();
            }
            self.start(node).await?;
        }
        Ok(())
    }

    /// Ends all nodes.
    pub async fn kill_all(&self) {
        for node in &self.nodes {
            node.kill().await;
        }
    }
}

/// Who listens where.
struct Layout {
    http: Vec<SocketAddr>,
    cluster: Vec<SocketAddr>,
    peers: Vec<SocketAddr>,
    network: Network,
}

impl Layout {
    fn of(
        ground: &Ground,
        count: usize,
        processes: &Arc<Mutex<BTreeMap<u32, usize>>>,
    ) -> Result<Self, EnvironmentError> {
        let Some(namespaces) = &ground.namespaces else { return Self::on_loopback(count, processes) };
        let http = (0..count).map(namespaces::http_address).collect();
        let cluster: Vec<_> = (0..count).map(namespaces::cluster_address).collect();
        if !ground.settings.has_proxies {
            let network = Network::filtered(count, Arc::clone(namespaces));
            return Ok(Self { http, peers: cluster.clone(), cluster, network });
        }
        let listeners = listeners(&namespaces::hub_address(0), count)?;
        let peers = addresses(&listeners)?;
        let proxies = Proxies::start(listeners, &cluster, Callers::ByAddress)?;
        Ok(Self { http, cluster, peers, network: Network::proxied(count, Arc::new(proxies)) })
    }

    fn on_loopback(
        count: usize,
        processes: &Arc<Mutex<BTreeMap<u32, usize>>>,
    ) -> Result<Self, EnvironmentError> {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let free = free_ports(2 * count)?;
        let mut http = addresses(&free)?;
        let cluster = http.split_off(count);
        // The nodes will listen there. Somebody else could come first; then a node does not start, and says so.
        drop(free);
        let listeners = listeners(&any, count)?;
        let peers = addresses(&listeners)?;
        let callers = Callers::ByProcess(Arc::clone(processes));
        let proxies = Proxies::start(listeners, &cluster, callers)?;
        Ok(Self { http, cluster, peers, network: Network::proxied(count, Arc::new(proxies)) })
    }
}

/// Listeners on free ports of the loopback interface that the kernel gives to no connection by itself: a node that is
/// down finds its own again.
fn free_ports(count: usize) -> Result<Vec<TcpListener>, EnvironmentError> {
    const LOWEST: u16 = 10_000;
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let highest = range.split_whitespace().next().and_then(|low| low.parse().ok()).unwrap_or(32_768);
    let ports = LOWEST..highest.max(LOWEST);
    // Runs at the same time begin at different ones.
    let first = std::process::id() as usize % ports.len().max(1);
    let free = ports.clone().cycle().skip(first).take(ports.len());
    let free = free.filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok());
    let found: Vec<_> = free.take(count).collect();
    if found.len() < count {
        return Err(EnvironmentError::Network(format!("no {count} free ports in {ports:?}")));
    }
    Ok(found)
}

fn listeners(address: &SocketAddr, count: usize) -> Result<Vec<TcpListener>, EnvironmentError> {
    let bound = (0..count).map(|_| TcpListener::bind(address)).collect::<Result<_, _>>();
    bound.map_err(|error| EnvironmentError::Network(error.to_string()))
}

fn addresses(listeners: &[TcpListener]) -> Result<Vec<SocketAddr>, EnvironmentError> {
    let found = listeners.iter().map(TcpListener::local_addr).collect::<Result<_, _>>();
    found.map_err(|error| EnvironmentError::Network(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_nodes_are_none_that_connections_get() {
        let ports = free_ports(6).unwrap();
        let of = |listener: &TcpListener| listener.local_addr().unwrap().port();
        let connected = std::net::TcpStream::connect(ports[0].local_addr().unwrap()).unwrap();
        let given = connected.local_addr().unwrap().port();
        assert!(ports.iter().all(|port| of(port) < given && of(port) >= 10_000), "{given}");
    }
}

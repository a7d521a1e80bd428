//! A cluster of real nodes, and a way to cut each link between them.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};

use keyraft_cluster::{Environment, Host, NodeConfig, NodeId, Peer};
use keyraft_cluster_testing::calls::secret;
use keyraft_cluster_testing::start;
use tempfile::TempDir;

use crate::kv::KeyValue;
use crate::observed::{KvNode, eventually, obeyed_leader, settled_digests};
use crate::proxy::Proxy;

/// The first port of these tests, and how many they have. They end below those of the tests of the system
/// (`tests/support/ports.rs`), and those that Linux gives to outgoing connections, which would take one meanwhile.
const FIRST_PORT: u16 = 10_000;
const PORTS: u16 = 10_000;

fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 100).unwrap() * 100;
    let mut drawn = (0..PORTS).map(|_| {
        let port = FIRST_PORT + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % PORTS;
        SocketAddr::from(([127, 0, 0, 1], port))
    });
    drawn.find(|address| TcpListener::bind(address).is_ok()).unwrap_or_else(|| panic!("no port is free"))
}

/// A cluster of nodes, numbered from 1 unless the test says otherwise.
pub struct TestCluster {
    pub directory: TempDir,
    listens: BTreeMap<NodeId, SocketAddr>,
    /// From a node to another.
    links: BTreeMap<(NodeId, NodeId), Proxy>,
    nodes: BTreeMap<NodeId, KvNode>,
    change: fn(&mut NodeConfig),
}

impl TestCluster {
    /// Starts `size` nodes, and waits until they have a leader.
    pub async fn start(size: u64) -> Self {
        Self::start_with(size, |_| {}).await
    }

    /// The same, with another configuration.
    pub async fn start_with(size: u64, change: fn(&mut NodeConfig)) -> Self {
        Self::start_numbered(1..=size, change).await
    }

    /// The same, with other numbers.
    pub async fn start_numbered(numbers: RangeInclusive<NodeId>, change: fn(&mut NodeConfig)) -> Self {
        let mut cluster = Self::prepare(numbers.clone(), change).await;
        for node in numbers {
            cluster.start_node(node).await;
        }
        cluster.leader().await;
        cluster
    }

    /// Addresses and links, but no node yet.
    pub async fn prepare(numbers: RangeInclusive<NodeId>, change: fn(&mut NodeConfig)) -> Self {
        // Shown when the environment asks for it: RUST_LOG=keyraft_cluster=debug
        let logs = tracing_subscriber::EnvFilter::from_default_env();
        let _ = tracing_subscriber::fmt().with_env_filter(logs).with_test_writer().try_init();
        let listens: BTreeMap<NodeId, SocketAddr> =
            numbers.clone().map(|node| (node, free_address())).collect();
        let mut links = BTreeMap::new();
        for from in numbers.clone() {
            for to in numbers.clone().filter(|to| *to != from) {
                links.insert((from, to), Proxy::start(listens[&to]).await);
            }
        }
        let directory = TempDir::new().unwrap();
        Self { directory, listens, links, nodes: BTreeMap::new(), change }
    }

    pub fn config(&self, node: NodeId) -> NodeConfig {
        let address = |to: NodeId| match self.links.get(&(node, to)) {
            Some(link) => link.address.to_string(),
            None => self.listens[&to].to_string(),
        };
        let mut config = NodeConfig {
            node_id: node,
            listen: self.listens[&node],
            peers: self.listens.keys().map(|to| Peer { node_id: *to, address: address(*to) }).collect(),
            secret: Some(secret()),
            public_url: format!("http://node{node}:5000"),
            directory: self.folder(node),
            consensus_threads: 2,
            ..NodeConfig::default()
        };
        (self.change)(&mut config);
        config
    }

    /// Where a node listens.
    pub fn address(&self, node: NodeId) -> SocketAddr {
        self.listens[&node]
    }

    pub fn folder(&self, node: NodeId) -> PathBuf {
        self.directory.path().join(format!("node{node}"))
    }

    pub async fn start_node(&mut self, node: NodeId) {
        self.start_node_with(node, KeyValue::default()).await;
    }

    /// The same, with an application that may not be the others'.
    pub async fn start_node_with(&mut self, node: NodeId, app: KeyValue) {
        self.start_node_in(node, app, Environment::system().unwrap()).await;
    }

    async fn start_node_in(&mut self, node: NodeId, app: KeyValue, environment: Environment) {
        let config = self.config(node);
        let started = start(config, app, environment, Host::system()).await;
        let started = started.unwrap_or_else(|error| panic!("node {node}: {error}"));
        self.nodes.insert(node, started);
    }

    pub async fn stop_node(&mut self, node: NodeId) {
        if let Some(stopped) = self.nodes.remove(&node) {
            stopped.shutdown().await;
        }
    }

    /// Drops a node without stopping it, and starts it again as soon as its files are free.
    pub async fn kill_node(&mut self, node: NodeId) {
        self.crash_node(node);
        self.start_crashed_node(node).await;
    }

    /// Drops a node without stopping it.
    pub fn crash_node(&mut self, node: NodeId) {
        drop(self.nodes.remove(&node));
    }

    /// Starts it again, as soon as its files are free.
    pub async fn start_crashed_node(&mut self, node: NodeId) {
        let config = self.config(node);
        let started = eventually("its port and its files are free", || async {
            start(config.clone(), KeyValue::default(), Environment::system().unwrap(), Host::system())
                .await
                .ok()
        });
        let started = started.await;
        self.nodes.insert(node, started);
    }

    pub async fn stop(mut self) {
        let nodes = std::mem::take(&mut self.nodes);
        futures::future::join_all(nodes.values().map(KvNode::shutdown)).await;
    }

    pub async fn restart_all(&mut self) {
        let nodes = std::mem::take(&mut self.nodes);
        futures::future::join_all(nodes.values().map(KvNode::shutdown)).await;
        for node in nodes.keys() {
            self.start_node(*node).await;
        }
    }

    pub fn node(&self, node: NodeId) -> &KvNode {
        &self.nodes[&node]
    }

    pub fn running(&self) -> &BTreeMap<NodeId, KvNode> {
        &self.nodes
    }

    /// The leader that a majority obeys, itself included.
    pub async fn leader(&self) -> NodeId {
        let obeyed = || async { obeyed_leader(&self.nodes, self.listens.len()) };
        eventually("a leader that a majority obeys", obeyed).await
    }

    /// Cuts the links of a node, both ways.
    pub fn isolate(&self, node: NodeId) {
        self.each_link(node, Proxy::cut);
    }

    pub fn heal(&self, node: NodeId) {
        self.each_link(node, Proxy::heal);
    }

    fn each_link(&self, node: NodeId, action: fn(&Proxy)) {
        for ((from, to), link) in &self.links {
            if *from == node || *to == node {
                action(link);
            }
        }
    }

    pub fn link(&self, from: NodeId, to: NodeId) -> &Proxy {
        &self.links[&(from, to)]
    }

    /// Waits until all running nodes have applied the same entries, and returns their digests.
    pub async fn settled_digests(&self) -> Vec<u128> {
        let settled = || async { settled_digests(&self.nodes).await };
        eventually("all nodes have applied the same entries", settled).await
    }
}

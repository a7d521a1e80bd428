//! One machine: what outlives its node (disk, clock, network card), and the node's current life.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyraft_cluster::disk::MemoryDisk;
use keyraft_cluster::storage::{MemoryRows, RowsKind};
use keyraft_cluster::{
    ClusterSecret, Environment, Host, KeyId, NodeConfig, NodeId, Omission, Random, SeededRandom,
};
use keyraft_cluster_testing::calls::{self, Envelope, secret};
use keyraft_proto::cluster as proto;
use keyraft_proto::cluster::consensus_client::ConsensusClient;
use tokio::runtime::{Builder, Runtime};

use crate::clients::{self, Office};
use crate::clock::MachineClock;
use crate::kv::KeyValue;
use crate::observed::KvNode;
use crate::wire::{self, Wire};

/// How much virtual time passes in one step.
pub const STEP: Duration = Duration::from_millis(1);

/// The folder of a node's files on its disk.
pub const DIRECTORY: &str = "/node";

pub struct Machine {
    pub id: NodeId,
    config: NodeConfig,
    seed: u64,
    lives: u64,
    pub clock: Arc<MachineClock>,
    pub disk: MemoryDisk,
    pub rows: MemoryRows,
    wire: Wire,
    omitted: Option<Omission>,
    has_bad_disk: Arc<AtomicBool>,
    office: Office,
    has_clients: bool,
    life: Option<Life>,
    pub random: SeededRandom,
    /// Stopped, since when.
    paused_since_ms: Option<u64>,
}

/// A process.
struct Life {
    runtime: Runtime,
    node: Arc<Mutex<Option<KvNode>>>,
    has_ended: Arc<AtomicBool>,
}

impl Life {
    /// What the node says of itself, once it has started.
    fn node(&self) -> Option<KvNode> {
        self.node.lock().unwrap().clone()
    }
}

impl Machine {
    /// A machine that is off. What the seed decides about it depends on its number alone.
    pub fn new(config: NodeConfig, seed: u64, now_ns: &Arc<AtomicU64>, wire: Wire, office: &Office) -> Self {
        let id = config.node_id;
        let random = SeededRandom::from_seed(seed.wrapping_mul(31).wrapping_add(id));
        let draw = |limit: u64| i64::try_from(random.next_u64() % limit).unwrap();
        // Within the 1,000 ppm that leases allow for.
        let (drift_ppm, wall_offset_ms) = (draw(1_801) - 900, draw(600_001) - 300_000);
        let started_ns = random.next_u64() % (1 << 50);
        let clock = MachineClock::new(Arc::clone(now_ns), started_ns, drift_ppm, wall_offset_ms);
        Self {
            id,
            config,
            seed,
            lives: 0,
            clock: Arc::new(clock),
            disk: MemoryDisk::new(),
            rows: MemoryRows::new(),
            wire,
            omitted: None,
            has_bad_disk: Arc::default(),
            office: office.clone(),
            has_clients: false,
            life: None,
            random,
            paused_since_ms: None,
        }
    }

    /// Has clients in each of its lives from now on, and perhaps lacks a rule of the leases.
    pub fn add_clients(&mut self, omitted: Option<Omission>) {
        (self.has_clients, self.omitted) = (true, omitted);
    }

    /// Starts a process.
    pub fn start(&mut self) {
        self.start_with(KeyValue::default());
    }

    /// The same, with an application that may not be the others'.
    pub fn start_with(&mut self, app: KeyValue) {
        assert!(self.life.is_none(), "one process at a time");
        self.lives += 1;
        self.paused_since_ms = None;
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let guard = runtime.enter();
        self.clock.begin_life();
        drop(guard);
        let random = Arc::new(SeededRandom::from_seed(self.seed ^ (self.id << 32) ^ (self.lives << 40)));
        let environment = Environment { clock: self.clock.clone(), random: random.clone() };
        let host = Host {
            disk: Arc::new(self.disk.clone()),
            rows: RowsKind::Memory(self.rows.clone()),
            segment_bytes: 8 << 10,
            network: Arc::new(self.wire.clone()),
            is_inline: true,
            omitted: self.omitted,
        };
        let (config, office, life) = (self.config.clone(), self.office.clone(), self.lives);
        let has_clients = self.has_clients;
        let node = Arc::new(Mutex::new(None));
        let started_node = Arc::clone(&node);
        let has_ended = Arc::new(AtomicBool::new(false));
        let (ends, has_bad_disk) = (Arc::clone(&has_ended), Arc::clone(&self.has_bad_disk));
        runtime.spawn(async move {
            let id = config.node_id;
            let started = match keyraft_cluster_testing::start(config, app, environment, host).await {
                Ok(started) => started,
                // It starts again once the disk is good.
                Err(error) if has_bad_disk.load(Ordering::SeqCst) => {
                    office.trace.event(format_args!("node {id} does not start: {error}"));
                    ends.store(true, Ordering::SeqCst);
                    return;
                }
                Err(error) => panic!("node {id} does not start: {error}"),
            };
            office.trace.event(format_args!("node {id} has started"));
            if has_clients {
                clients::start(&office, &started, life, random.as_ref());
            }
            *started_node.lock().unwrap() = Some(started);
        });
        self.life = Some(Life { runtime, node, has_ended });
    }

    /// Starts the process with the key of another cluster.
    pub fn start_with_other_key(&mut self) {
        let other = ClusterSecret::derive(KeyId([2; 8]), &[2; 32]);
        let own = self.config.secret.replace(other);
        self.start();
        self.config.secret = own;
    }

    /// Has somebody on this machine ask `asked` to take node `claimed` back, as a process of it that has lost its disk would.
    pub fn claim_to_be(&self, claimed: NodeId, asked: NodeId) {
        let network = Arc::new(self.wire.clone());
        self.spawn(async move {
            let channel = calls::channel(network, secret(), claimed, (asked, &wire::peer(asked).address));
            let envelope = Envelope { from: claimed, to: asked, cluster_id: String::new() };
            let address = wire::peer(claimed).address;
            let claim = proto::RejoinRequest { node_id: claimed, address, process: 1 };
            let _ = ConsensusClient::new(channel).rejoin(envelope.wrap(claim)).await;
        });
    }

    /// Its process, if there is one.
    pub fn node(&self) -> Option<KvNode> {
        self.life.as_ref().and_then(Life::node)
    }

    pub fn is_running(&self) -> bool {
        self.life.is_some()
    }

    /// Whether it runs and is not stopped.
    pub fn is_up(&self) -> bool {
        self.is_running() && self.paused_since_ms.is_none()
    }

    /// Whether it runs, and on a good disk.
    pub fn is_sound(&self) -> bool {
        self.is_up() && !self.has_bad_disk()
    }

    /// Whether its disk fails.
    pub fn has_bad_disk(&self) -> bool {
        self.has_bad_disk.load(Ordering::SeqCst)
    }

    /// The disk fails: it takes so many bytes more, or does not sync.
    pub fn spoil_disk(&mut self, room_bytes: Option<u64>) {
        self.has_bad_disk.store(true, Ordering::SeqCst);
        match room_bytes {
            Some(_) => self.disk.fill_after(room_bytes),
            None => self.disk.fail_syncs(true),
        }
    }

    /// It is good again. A node that has stopped serving meanwhile starts anew.
    pub fn mend_disk(&mut self) {
        self.disk.fill_after(None);
        self.disk.fail_syncs(false);
        self.has_bad_disk.store(false, Ordering::SeqCst);
        if !self.is_running() || self.node().is_some_and(|node| node.fault().borrow().is_some()) {
            self.kill();
            self.start();
        }
    }

    /// Lets a step of virtual time pass.
    pub fn step(&mut self) {
        let Some(life) = &self.life else { return };
        if self.paused_since_ms.is_none() {
            life.runtime.block_on(async { tokio::time::sleep(STEP).await });
        }
        if life.has_ended.load(Ordering::SeqCst) {
            self.kill();
        }
    }

    /// Runs something in the process.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(life) = &self.life {
            life.runtime.spawn(task);
        }
    }

    /// Ends the process at once; what it has written to files stays.
    pub fn kill(&mut self) {
        if let Some(life) = self.life.take() {
            life.node.lock().unwrap().take();
            // A test may do this from its own runtime.
            life.runtime.shutdown_background();
            // As sled, which keeps what is new in the process for a while.
            self.rows.crash(usize::try_from(self.random.next_u64() % 20).unwrap());
        }
        self.clock.end_life();
        self.paused_since_ms = None;
    }

    /// The power fails: what was not synced is lost, or a part of it.
    pub fn lose_power(&mut self) {
        let random = &self.random;
        self.disk.crash_keeping(|unsynced| match random.next_u64() % 3 {
            0 => 0,
            1 => unsynced,
            _ => usize::try_from(random.next_u64()).unwrap_or(0) % (unsynced + 1),
        });
        self.kill();
    }

    /// The disk is replaced by an empty one.
    pub fn lose_disk(&mut self) {
        self.kill();
        self.disk.wipe();
        self.rows.wipe();
    }

    /// Asks the process to end.
    pub fn stop(&mut self) {
        let Some(life) = &self.life else { return };
        let Some(node) = life.node() else { return self.kill() };
        let has_ended = Arc::clone(&life.has_ended);
        life.runtime.spawn(async move {
            node.shutdown().await;
            has_ended.store(true, Ordering::SeqCst);
        });
    }

    /// Stops the process as SIGSTOP does: its timers do not fire, and what comes waits in its sockets.
    pub fn pause(&mut self, now_ms: u64) {
        self.paused_since_ms = Some(now_ms);
    }

    /// Lets it go on. Its clocks have gone on meanwhile.
    pub fn resume(&mut self, now_ms: u64) {
        if let (Some(since_ms), Some(life)) = (self.paused_since_ms.take(), &self.life) {
            let missed = Duration::from_millis(now_ms - since_ms);
            life.runtime.block_on(async { tokio::time::advance(missed).await });
        }
    }
}

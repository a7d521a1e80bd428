//! Runs the steps of a test in a simulated world: in virtual time, on one thread, drawn from a seed.
//!
//! A test is an async function of a [`Cluster`]. It has a runtime of its own, as every machine has, and after each step
//! of the world it goes on as far as it can. Its timers are virtual too: a timeout of 20 s costs what happens in it.
//!
//! `KEYRAFT_SCENARIO_SEED=7` runs every scenario with this seed, `0..20` with these.

use std::cell::RefCell;
use std::future::Future;
use std::ops::{Range, RangeInclusive};
use std::pin::pin;
use std::sync::Arc;
use std::thread;

use keyraft_cluster::{NodeConfig, NodeId, Random, SeededRandom};
use tokio::runtime::Builder;

use crate::clients::Office;
use crate::cluster::Cluster;
use crate::counters::Counters;
use crate::history::History;
use crate::interposed;
use crate::kv::set;
use crate::machine::{DIRECTORY, STEP};
use crate::processes::{SHOW, parse_seeds};
use crate::trace::Trace;
use crate::wire;
use crate::world::{LATENCY_MS, Parts, World};

/// Which seeds scenarios run with, unless by default.
const SEED: &str = "KEYRAFT_SCENARIO_SEED";
const SEEDS: Range<u64> = 0..2;
/// The most virtual time that a scenario may take.
const LIMIT_MS: u64 = 900_000;
/// The most that its nodes take to end when it is over.
const STOP_LIMIT_MS: u64 = 6_000;
/// The number of the test itself on the network.
const TESTER: NodeId = 100;

/// The cluster that a test begins with.
#[derive(Clone)]
pub struct Scenario {
    numbers: RangeInclusive<NodeId>,
    change: fn(&mut NodeConfig),
    is_started: bool,
}

impl Scenario {
    /// Nodes 1 to `size`, which have a leader when the test begins.
    pub fn of(size: u64) -> Self {
        Self::numbered(1..=size)
    }

    /// The same, with other numbers.
    pub fn numbered(numbers: RangeInclusive<NodeId>) -> Self {
        Self { numbers, change: |_| {}, is_started: true }
    }

    /// The same, with another configuration.
    pub fn configured(self, change: fn(&mut NodeConfig)) -> Self {
        Self { change, ..self }
    }

    /// The same, with all machines off.
    pub fn unstarted(self) -> Self {
        Self { is_started: false, ..self }
    }

    /// Runs a test once for each seed.
    pub fn run(self, test: impl AsyncFn(Cluster) + Clone + Send + 'static) {
        // Shown when the environment asks for it: RUST_LOG=keyraft_cluster=debug
        let logs = tracing_subscriber::EnvFilter::from_default_env();
        let _ = tracing_subscriber::fmt().with_env_filter(logs).with_test_writer().try_init();
        for seed in std::env::var(SEED).map_or(SEEDS, |text| parse_seeds(&text)) {
            self.clone().run_seed(seed, test.clone());
        }
    }

    /// Runs a test with one seed; what is returned stands for all that happened.
    fn run_seed(self, seed: u64, test: impl AsyncFn(Cluster) + Send + 'static) -> (u64, u64) {
        // A new thread begins with the same state of every library.
        let running = thread::Builder::new().stack_size(16 << 20).spawn(move || self.simulate(seed, test));
        running.unwrap().join().unwrap_or_else(|panicked| {
            println!("repeat with {SEED}={seed}");
            std::panic::resume_unwind(panicked)
        })
    }

    fn simulate(self, seed: u64, test: impl AsyncFn(Cluster)) -> (u64, u64) {
        interposed::begin(seed);
        interposed::count_panics();
        let counters = Counters::default();
        counters.during(|| {
            let cluster = Cluster::new(self.world(seed), self.numbers.clone(), counters.clone());
            let world = cluster.world();
            let is_started = self.is_started;
            live(&world, LIMIT_MS, async {
                if is_started {
                    cluster.start_all().await;
                }
                test(cluster.clone()).await;
            });
            live(&world, STOP_LIMIT_MS, cluster.stop_all());
            world.borrow().office.trace.sum()
        })
    }

    fn world(&self, seed: u64) -> World {
        let random = SeededRandom::from_seed(seed);
        let office = Office {
            history: History::default(),
            trace: Trace::new(std::env::var(SHOW).is_ok()),
            is_over: Arc::default(),
            pause_ms: 0,
        };
        let config = |node| {
            let mut config = NodeConfig {
                node_id: node,
                peers: self.numbers.clone().map(wire::peer).collect(),
                public_url: format!("http://node{node}:5000"),
                directory: DIRECTORY.into(),
                consensus_threads: 0,
                ..NodeConfig::default()
            };
            (self.change)(&mut config);
            config
        };
        let (network_seed, max_latency_ms) = (random.next_u64(), 1 + random.next_u64() % LATENCY_MS);
        let configs = self.numbers.clone().map(config).collect();
        let mut world = World::new(Parts { seed, random, office, network_seed, max_latency_ms, configs });
        for machine in &world.machines {
            machine.clock.set_wall_offset_ms(0);
        }
        world.tester = Some(world.attach(TESTER));
        world
    }
}

/// Lets a world go on, and a part of a test in it, until that is over.
fn live(world: &RefCell<World>, limit_ms: u64, part: impl Future<Output = ()>) {
    let tester = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let limit_ms = world.borrow().now_ms + limit_ms;
    let mut part = pin!(part);
    loop {
        let step = async {
            tokio::select! {
                biased;
                () = &mut part => true,
                () = tokio::time::sleep(STEP) => false,
            }
        };
        if tester.block_on(step) {
            return;
        }
        world.borrow_mut().step().unwrap_or_else(|broken| panic!("{broken}"));
        assert!(world.borrow().now_ms < limit_ms, "not over after {limit_ms} ms");
    }
}

#[test]
fn a_scenario_repeats_exactly() {
    let sum = |seed| {
        Scenario::of(3).run_seed(seed, async |cluster| {
            let leader = cluster.leader().await;
            cluster.node(leader).propose(set("key", "value")).await.unwrap();
            cluster.crash_node(leader);
            let follower = cluster.follower().await;
            cluster.node(follower).propose(set("key", "value 2")).await.unwrap();
        })
    };
    assert_eq!(sum(1), sum(1));
    assert_ne!(sum(1), sum(2));
}

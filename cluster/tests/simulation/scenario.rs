//! Runs the steps of a test in a simulated world: in virtual time, on one thread, drawn from a seed.
//!
//! A test is an async function of a [`Cluster`]. It has a runtime of its own, as every machine has, and after each step
//! of the world it goes on as far as it can. Its timers are virtual too: a timeout of 20 s costs what happens in it.
//!
//! Each seed has a process of its own, which begins with the same state of every library and so repeats exactly: the
//! test starts itself again. `KEYRAFT_SCENARIO_SEED=7` runs every scenario with this seed, `0..20` with these.

use std::cell::RefCell;
use std::future::Future;
use std::ops::{Range, RangeInclusive};
use std::os::unix::process::parent_id;
use std::pin::pin;
use std::sync::Arc;
use std::thread;

use keyraft_cluster::{NodeConfig, NodeId, Random, SeededRandom};
use keyraft_cluster_testing::calls::secret;
use tokio::runtime::Builder;

use crate::clients::Office;
use crate::cluster::Cluster;
use crate::counters::Counters;
use crate::history::History;
use crate::interposed;
use crate::kv::set;
use crate::machine::{DIRECTORY, STEP};
use crate::processes::{REAL_LIMIT, SHOW, alone, end_after, parse_seeds};
use crate::trace::Trace;
use crate::wire;
use crate::world::{LATENCY_MS, Parts, World};

/// Which seeds scenarios run with, unless by default.
const SEED: &str = "KEYRAFT_SCENARIO_SEED";
const SEEDS: Range<u64> = 0..2;
/// The seed of a process that runs one, and the process that has started it for that: `7@1234`.
const OWN_SEED: &str = "KEYRAFT_SCENARIO_OWN_SEED";
/// The report of such a process.
const SUM: &str = "SUM ";
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
    seeds: Range<u64>,
    is_started: bool,
}

impl Scenario {
    /// Nodes 1 to `size`, which have a leader when the test begins.
    pub fn of(size: u64) -> Self {
        Self::numbered(1..=size)
    }

    /// The same, with other numbers.
    pub fn numbered(numbers: RangeInclusive<NodeId>) -> Self {
        Self { numbers, change: |_| {}, seeds: SEEDS, is_started: true }
    }

    /// The same, with another configuration.
    pub fn configured(self, change: fn(&mut NodeConfig)) -> Self {
        Self { change, ..self }
    }

    /// The same, with so many seeds.
    pub fn with_seeds(self, count: u64) -> Self {
        Self { seeds: 0..count, ..self }
    }

    /// The same, with all machines off.
    pub fn unstarted(self) -> Self {
        Self { is_started: false, ..self }
    }

    /// Runs a test once for each seed.
    pub fn run<T: AsyncFn(Cluster) + Send + 'static>(self, test: T) {
        let seeds = std::env::var(SEED).map_or(self.seeds.clone(), |text| parse_seeds(&text));
        self.sums(seeds, test);
    }

    /// Runs a test with these seeds, and returns what stands for all that happened each time.
    fn sums<T>(self, seeds: impl IntoIterator<Item = u64>, test: T) -> Vec<String>
    where
        T: AsyncFn(Cluster) + Send + 'static,
    {
        match std::env::var(OWN_SEED) {
            Ok(seed) => self.run_here(own_seed(&seed), test),
            Err(_) => seeds.into_iter().map(run_alone::<T>).collect(),
        }
    }

    /// Runs a test in this process, which then ends.
    fn run_here(self, seed: u64, test: impl AsyncFn(Cluster) + Send + 'static) -> ! {
        end_after(REAL_LIMIT);
        // Shown when the environment asks for it: RUST_LOG=keyraft_cluster=debug
        let logs = tracing_subscriber::EnvFilter::from_default_env();
        tracing_subscriber::fmt().with_env_filter(logs).with_ansi(false).init();
        let running = thread::Builder::new().stack_size(16 << 20).spawn(move || self.simulate(seed, test));
        match running.unwrap().join() {
            Ok((sum, events)) => {
                println!("\n{SUM}{sum} {events}");
                std::process::exit(0)
            }
            Err(panicked) => std::panic::resume_unwind(panicked),
        }
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
                secret: Some(secret()),
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

/// The seed that the process which has started this one has given it. With the variable in the environment of a whole run, the
/// first scenario would end the process, and the run with it, as if all had passed.
fn own_seed(text: &str) -> u64 {
    let starter = text.split_once('@').filter(|(_, starter)| *starter == parent_id().to_string());
    let seed = starter.and_then(|(seed, _)| seed.parse().ok());
    seed.unwrap_or_else(|| panic!("{OWN_SEED} is for scenarios themselves; unset it, and set {SEED}"))
}

/// Runs the test whose closure is a `T` in a process of its own; the closure's type names it.
fn run_alone<T>(seed: u64) -> String {
    let path = std::any::type_name::<T>().split("::").skip(1);
    let test: Vec<&str> = path.take_while(|part| !part.starts_with('{')).collect();
    let own_seed = format!("{seed}@{}", std::process::id());
    let ran = alone(&test.join("::")).env(OWN_SEED, own_seed).output().unwrap();
    let output = String::from_utf8_lossy(&ran.stdout);
    println!("seed {seed}:\n{output}{}", String::from_utf8_lossy(&ran.stderr));
    let sum = output.lines().find_map(|line| line.strip_prefix(SUM));
    match sum.filter(|_| ran.status.success()) {
        Some(sum) => sum.to_owned(),
        None => panic!("repeat with {SEED}={seed}; its process ended: {}", ran.status),
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
#[should_panic(expected = "is for scenarios themselves")]
fn a_seed_of_another_process_is_rejected() {
    own_seed(&format!("7@{}", std::process::id()));
}

#[test]
fn a_scenario_repeats_exactly() {
    let sums = Scenario::of(3).sums([1, 1, 2], async |cluster| {
        let leader = cluster.leader().await;
        cluster.node(leader).propose(set("key", "value")).await.unwrap();
        cluster.crash_node(leader);
        let follower = cluster.follower().await;
        cluster.node(follower).propose(set("key", "value 2")).await.unwrap();
    });
    assert_eq!(sums[0], sums[1], "a seed has two histories");
    assert_ne!(sums[1], sums[2], "all seeds have one history");
}

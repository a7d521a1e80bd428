//! A simulation from its first step to its judgement: a cluster begins, is troubled, and is well again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use keyraft_cluster::{NodeConfig, NodeId, Omission, Random, SeededRandom};
use keyraft_cluster_testing::calls::secret;

use crate::clients::{self, Office};
use crate::counters::Counters;
use crate::history::{End, History};
use crate::machine::DIRECTORY;
use crate::trace::Trace;
use crate::wire;
use crate::world::{LATENCY_MS, Parts, World};

/// The longest time for a cluster to begin, and to be well again once nothing is wrong any more.
const PATIENCE_MS: u64 = 30_000;

/// The plan of a simulation.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub seed: u64,
    /// A rule of the leases that is left out.
    pub omitted: Option<Omission>,
    /// Disks say that they have synced, and have not.
    pub disk_lies: bool,
    /// Everything that happens is written out.
    pub is_shown: bool,
}

/// The outcome of a simulation.
#[derive(Debug, Default)]
pub struct Report {
    /// Stands for all that happened.
    pub sum: u64,
    pub events: u64,
    pub writes: usize,
    pub reads: usize,
    /// Of those, and of those that were not answered in the end, the ones that were let by a lease.
    pub by_lease: u64,
    pub virtual_ms: u64,
    pub disturbances: usize,
}

impl Report {
    /// Adds what another simulation has counted.
    pub fn add(&mut self, other: &Self) {
        self.writes += other.writes;
        self.reads += other.reads;
        self.by_lease += other.by_lease;
        self.virtual_ms += other.virtual_ms;
        self.disturbances += other.disturbances;
    }
}

/// Runs a simulation, whose nodes count with `counters`; says what was broken if something was.
pub fn run(plan: Plan, counters: &Counters) -> Result<Report, String> {
    let mut world = World::drawn(plan);
    world.begin()?;
    for machine in &world.machines {
        machine.disk.ignore_syncs(plan.disk_lies);
    }
    world.be_troubled()?;
    world.recover()?;
    let history = &world.office.history;
    history.check()?;
    let (sum, events) = world.office.trace.sum();
    Ok(Report {
        sum,
        events,
        writes: history.count(|end| matches!(end, End::Written | End::Counted(_))),
        reads: history.count(|end| matches!(end, End::Found(_) | End::FoundAlike(..))),
        by_lease: counters.count("keyraft_reads_total/lease"),
        virtual_ms: world.now_ms,
        disturbances: world.disturbances,
    })
}

fn config(plan: Plan, node: NodeId, nodes: u64) -> NodeConfig {
    NodeConfig {
        node_id: node,
        peers: (1..=nodes).map(wire::peer).collect(),
        secret: Some(secret()),
        directory: DIRECTORY.into(),
        learner_leases: plan.seed.is_multiple_of(2),
        leases: plan.seed % 10 != 9,
        read_timeout_ms: 2_000,
        write_timeout_ms: 3_000,
        snapshot_min_log_bytes: 8 << 10,
        log_entries_kept: 30,
        digest_interval_ms: 500,
        promotion_delay_ms: 1_000,
        consensus_threads: 0,
        ..NodeConfig::default()
    }
}

impl World {
    /// Draws the world of a plan from its seed.
    fn drawn(plan: Plan) -> Self {
        let random = SeededRandom::from_seed(plan.seed);
        let trace = Trace::new(plan.is_shown);
        let is_over = Arc::new(AtomicBool::new(false));
        let pause_ms = [15, 60, 200][usize::try_from(random.next_u64() % 3).unwrap()];
        let network_seed = random.next_u64();
        let max_latency_ms = 1 + random.next_u64() % LATENCY_MS;
        let nodes = if random.next_u64().is_multiple_of(6) { 5 } else { 3 };
        let mut world = Self::new(Parts {
            seed: plan.seed,
            random,
            office: Office { history: History::default(), trace, is_over, pause_ms },
            network_seed,
            max_latency_ms,
            configs: (1..=nodes).map(|node| config(plan, node, nodes)).collect(),
        });
        for machine in &mut world.machines {
            machine.add_clients(plan.omitted);
        }
        world
    }

    /// Steps until something holds of all machines.
    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> Result<(), String> {
        let limit_ms = self.now_ms + PATIENCE_MS;
        while !holds(self) {
            if self.now_ms > limit_ms {
                return Err(format!("not in {PATIENCE_MS} ms: {what}"));
            }
            self.step()?;
        }
        Ok(())
    }

    /// Starts all nodes, and waits until they are a cluster.
    fn begin(&mut self) -> Result<(), String> {
        for index in 0..self.machines.len() {
            self.machines[index].start();
            for _ in 0..self.draw(300) {
                self.step()?;
            }
        }
        self.until("a leader that all obey", |world| {
            let leaders =
                world.machines.iter().map(|machine| machine.node()?.leader_changes().borrow().to_owned());
            leaders
                .collect::<Option<Vec<_>>>()
                .is_some_and(|leaders| leaders.windows(2).all(|two| two[0] == two[1]))
        })
    }

    /// Ends all trouble; then every node has to answer reads and writes, and to hold the same state.
    fn recover(&mut self) -> Result<(), String> {
        for (disturbance, _) in std::mem::take(&mut self.active) {
            self.end_disturbance(disturbance);
        }
        self.office.trace.event(format_args!("all trouble is over"));
        self.until("all nodes run", |world| world.machines.iter().all(|machine| machine.node().is_some()))?;
        self.office.is_over.store(true, Ordering::SeqCst);
        let answered = Arc::new(AtomicU64::new(0));
        for machine in &self.machines {
            let Some(node) = machine.node() else { continue };
            let (client, answered) = (clients::last(&self.office, &node, machine.id), Arc::clone(&answered));
            machine.spawn(async move {
                while !client.increment().await {}
                while !client.read().await {}
                answered.fetch_add(1, Ordering::SeqCst);
            });
        }
        let nodes = self.machines.len() as u64;
        self.until("all nodes answer", |_| answered.load(Ordering::SeqCst) == nodes)?;
        self.until("all nodes hold the same state", |world| {
            let held = world.machines.iter().map(|machine| {
                let state = machine.node()?.publication().load();
                Some((state.applied_index, state.digest))
            });
            let held = held.collect::<Option<Vec<_>>>();
            held.is_some_and(|held| held.windows(2).all(|two| two[0] == two[1]))
        })
    }
}

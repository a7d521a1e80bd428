//! A simulation: machines, the network between them, and what goes wrong, all drawn from one seed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use keyraft_cluster::{NodeId, Omission, Random, SeededRandom};
use turmoil::{Builder, Sim};

use crate::clients::{self, Office};
use crate::counters;
use crate::disturbance::Disturbance;
use crate::history::{End, History};
use crate::interposed;
use crate::links::Links;
use crate::machine::{Machine, STEP};
use crate::trace::Trace;
use crate::wire::{self, name};

/// How long a cluster may take to begin, and to be well again once nothing is wrong any more.
const PATIENCE_MS: u64 = 30_000;
/// The longest that a message takes when nothing is wrong.
pub const LATENCY_MS: u64 = 8;

/// What is to be simulated.
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

/// What came of it.
#[derive(Debug)]
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

pub struct World {
    now_ns: Arc<AtomicU64>,
    pub now_ms: u64,
    pub sim: Sim<'static>,
    pub machines: Vec<Machine>,
    pub links: Links,
    random: SeededRandom,
    pub office: Office,
    /// Who was last seen to begin to lead.
    pub leader: Option<NodeId>,
    /// Who believes that it leads.
    pub leaders: BTreeSet<NodeId>,
    /// What goes wrong, and until when.
    pub active: Vec<(Disturbance, u64)>,
    pub disturbances: usize,
    pub has_lost_disk: bool,
    /// Machines whose time of day was set.
    pub set: BTreeSet<NodeId>,
}

/// Runs a simulation; says what was broken if something was.
pub fn run(plan: Plan) -> Result<Report, String> {
    let mut world = World::new(plan);
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
        by_lease: counters::count("keyraft_reads_total/lease"),
        virtual_ms: world.now_ms,
        disturbances: world.disturbances,
    })
}

impl World {
    fn new(plan: Plan) -> Self {
        let random = SeededRandom::from_seed(plan.seed);
        let trace = Trace::new(plan.is_shown);
        let is_over = Arc::new(AtomicBool::new(false));
        let pause_ms = [15, 60, 200][usize::try_from(random.next_u64() % 3).unwrap()];
        let office = Office { history: History::default(), trace: trace.clone(), is_over, pause_ms };
        let mut sim = Builder::new()
            .rng_seed(random.next_u64())
            .tick_duration(STEP)
            .simulation_duration(Duration::from_secs(3_600))
            .min_message_latency(Duration::from_millis(0))
            .max_message_latency(Duration::from_millis(1 + random.next_u64() % LATENCY_MS))
            .tcp_capacity(4_096)
            .enable_random_order()
            .build();
        let now_ns = Arc::new(AtomicU64::new(0));
        let nodes = if random.next_u64().is_multiple_of(6) { 5 } else { 3 };
        let machines = (1..=nodes).map(|id| {
            let (wire, card) = wire::card(id, &trace);
            let card = std::cell::RefCell::new(Some(card));
            sim.host(name(id), move || {
                let card = card.borrow_mut().take();
                async move {
                    match card {
                        Some(card) => card.run().await,
                        None => Err("a card is never replaced".into()),
                    }
                }
            });
            Machine::new(id, nodes, plan.seed, &now_ns, wire, &office, plan.omitted)
        });
        let machines = machines.collect();
        Self {
            now_ns,
            now_ms: 0,
            sim,
            machines,
            links: Links::default(),
            random,
            office,
            leader: None,
            leaders: BTreeSet::new(),
            active: Vec::new(),
            disturbances: 0,
            has_lost_disk: false,
            set: BTreeSet::new(),
        }
    }

    /// A number below `limit`.
    pub fn draw(&self, limit: u64) -> u64 {
        self.random.next_u64() % limit
    }

    /// Lets a millisecond pass everywhere.
    pub fn step(&mut self) -> Result<(), String> {
        self.now_ms += 1;
        let now_ns = self.now_ms * 1_000_000;
        self.now_ns.store(now_ns, Ordering::SeqCst);
        interposed::set_now_ns(now_ns);
        self.office.trace.at(self.now_ms);
        self.sim.step().map_err(|error| error.to_string())?;
        // None goes first always.
        let first = usize::try_from(self.draw(self.machines.len() as u64)).unwrap();
        let count = self.machines.len();
        for number in 0..count {
            self.machines[(first + number) % count].step();
        }
        for machine in &mut self.machines {
            let Some(fault) = machine.node().and_then(|node| node.fault().borrow().clone()) else { continue };
            if !machine.has_bad_disk() {
                return Err(format!("node {} has stopped serving: {fault}", machine.id));
            }
            // As its owner would. It starts again when the disk is mended.
            self.office.trace.event(format_args!("node {} has stopped serving: {fault}", machine.id));
            machine.kill();
        }
        match interposed::panics() {
            0 => Ok(()),
            _ => Err("something has panicked".to_owned()),
        }
    }

    /// The machine of a node.
    pub fn machine(&mut self, node: NodeId) -> &mut Machine {
        let index = usize::try_from(node - 1).unwrap();
        &mut self.machines[index]
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

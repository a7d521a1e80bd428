//! A simulated world: machines, the network between them, and what goes wrong.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keyraft_cluster::{NodeConfig, NodeId, Random, SeededRandom};
use turmoil::{Builder, Sim};

use crate::clients::Office;
use crate::disturbance::Disturbance;
use crate::interposed;
use crate::links::Links;
use crate::machine::{Machine, STEP};
use crate::trace::Trace;
use crate::wire::{self, Wire, name};

/// The longest that a message takes when nothing is wrong.
pub const LATENCY_MS: u64 = 8;

/// The parts of a world.
pub struct Parts {
    pub seed: u64,
    /// For everything that is drawn while the world runs.
    pub random: SeededRandom,
    pub office: Office,
    pub network_seed: u64,
    pub max_latency_ms: u64,
    /// Of each machine.
    pub configs: Vec<NodeConfig>,
}

pub struct World {
    pub seed: u64,
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
    pub has_lost_voter: bool,
    /// The network card of the test.
    pub tester: Option<Wire>,
    /// Nodes may stop serving: what comes of it is the business of the test.
    pub allows_faults: bool,
}

impl World {
    pub fn new(parts: Parts) -> Self {
        let Parts { seed, random, office, network_seed, max_latency_ms, configs } = parts;
        let mut sim = Builder::new()
            .rng_seed(network_seed)
            .tick_duration(STEP)
            .simulation_duration(Duration::from_secs(3_600))
            .min_message_latency(Duration::from_millis(0))
            .max_message_latency(Duration::from_millis(max_latency_ms))
            .tcp_capacity(4_096)
            .enable_random_order()
            .build();
        let now_ns = Arc::new(AtomicU64::new(0));
        let machines = configs.into_iter().map(|config| {
            let wire = attach(&mut sim, config.node_id, &office.trace);
            Machine::new(config, seed, &now_ns, wire, &office)
        });
        let machines = machines.collect();
        Self {
            seed,
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
            has_lost_voter: false,
            tester: None,
            allows_faults: false,
        }
    }

    /// Connects somebody who is no node to the network.
    pub fn attach(&mut self, id: NodeId) -> Wire {
        attach(&mut self.sim, id, &self.office.trace)
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
        if !self.allows_faults {
            self.check_faults()?;
        }
        match interposed::panics() {
            0 => Ok(()),
            _ => Err("something has panicked".to_owned()),
        }
    }

    /// Only a node whose disk is bad may stop serving.
    fn check_faults(&mut self) -> Result<(), String> {
        for machine in &mut self.machines {
            let Some(fault) = machine.node().and_then(|node| node.fault().borrow().clone()) else { continue };
            if !machine.has_bad_disk() {
                return Err(format!("node {} has stopped serving: {fault}", machine.id));
            }
            // As its owner would. It starts again when the disk is mended.
            self.office.trace.event(format_args!("node {} has stopped serving: {fault}", machine.id));
            machine.kill();
        }
        Ok(())
    }

    /// The machine of a node.
    pub fn machine(&mut self, node: NodeId) -> &mut Machine {
        let machine = self.machines.iter_mut().find(|machine| machine.id == node);
        machine.unwrap_or_else(|| panic!("there is no node {node}"))
    }
}

/// A network card of its own for `id`, as a host of turmoil.
fn attach(sim: &mut Sim<'static>, id: NodeId, trace: &Trace) -> Wire {
    let (wire, card) = wire::card(id, trace);
    let card = RefCell::new(Some(card));
    sim.host(name(id), move || {
        let card = card.borrow_mut().take();
        async move {
            match card {
                Some(card) => card.run().await,
                None => Err("a card is never replaced".into()),
            }
        }
    });
    wire
}

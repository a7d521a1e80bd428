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
use crate::links::{Links, Trouble};
use crate::machine::{Machine, STEP};
use crate::trace::Trace;
use crate::wire::{self, name};

/// How long things go wrong.
const TROUBLED_MS: u64 = 14_000;
/// Things that go wrong at a time.
const AT_A_TIME: usize = 3;
/// How long a cluster may take to begin, and to be well again once nothing is wrong any more.
const PATIENCE_MS: u64 = 30_000;
/// The longest that a message takes when nothing is wrong.
const LATENCY_MS: u64 = 8;

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
    now_ms: u64,
    sim: Sim<'static>,
    machines: Vec<Machine>,
    links: Links,
    random: SeededRandom,
    office: Office,
    /// Who was last seen to begin to lead.
    leader: Option<NodeId>,
    /// Who believes that it leads.
    leaders: BTreeSet<NodeId>,
    /// What goes wrong, and until when.
    active: Vec<(Disturbance, u64)>,
    disturbances: usize,
    has_lost_disk: bool,
    /// Machines whose time of day was set.
    set: BTreeSet<NodeId>,
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
        let office = Office { history: History::default(), trace: trace.clone(), is_over };
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

    fn draw(&self, limit: u64) -> u64 {
        self.random.next_u64() % limit
    }

    fn step(&mut self) -> Result<(), String> {
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
        for machine in &self.machines {
            let fault = machine.node().and_then(|node| node.fault().borrow().clone());
            if let Some(fault) = fault {
                return Err(format!("node {} has stopped serving: {fault}", machine.id));
            }
        }
        match interposed::panics() {
            0 => Ok(()),
            _ => Err("something has panicked".to_owned()),
        }
    }

    fn machine(&mut self, node: NodeId) -> &mut Machine {
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

    // ---- Trouble -------------------------------------------------------------------------

    fn be_troubled(&mut self) -> Result<(), String> {
        let until_ms = self.now_ms + TROUBLED_MS;
        let mut next_ms = self.now_ms + self.draw(500);
        while self.now_ms < until_ms {
            if self.sees_new_leader() && self.draw(2) == 0 {
                self.turn_on_followers();
            }
            if self.now_ms >= next_ms && self.active.len() < AT_A_TIME {
                self.disturb(self.draw_disturbance());
                next_ms = self.now_ms + 50 + self.draw(1_200);
            }
            self.end_what_is_over();
            self.step()?;
        }
        Ok(())
    }

    /// A node, the leader more often than others.
    fn draw_node(&self) -> NodeId {
        match self.leader {
            Some(leader) if self.draw(3) == 0 => leader,
            _ => 1 + self.draw(self.machines.len() as u64),
        }
    }

    fn draw_trouble(&self) -> Trouble {
        match self.draw(3) {
            0 => Trouble::Cut,
            1 => Trouble::OneWay,
            _ => Trouble::Held,
        }
    }

    /// Whether a node leads that did not a moment ago. An old leader may not know yet that it leads no more.
    fn sees_new_leader(&mut self) -> bool {
        let leads = |machine: &&Machine| machine.node().is_some_and(|node| node.is_leader());
        let leaders: BTreeSet<NodeId> =
            self.machines.iter().filter(leads).map(|machine| machine.id).collect();
        let new = leaders.difference(&self.leaders).next().copied();
        self.leaders = leaders;
        self.leader = new.or(self.leader);
        new.is_some()
    }

    /// What went wrong is over, and the new leader does not reach one of those who hold what the old one granted.
    fn turn_on_followers(&mut self) {
        for (disturbance, _) in std::mem::take(&mut self.active) {
            self.end_disturbance(disturbance);
        }
        let nodes = self.machines.len() as u64;
        let leader = self.leader.unwrap_or(1);
        let follower = 1 + (leader + self.draw(nodes - 1)) % nodes;
        let peers = (1..=nodes).filter(|peer| *peer != follower);
        self.disturb(Disturbance::Links(peers.map(|peer| (follower, peer)).collect(), self.draw_trouble()));
    }

    fn draw_disturbance(&self) -> Disturbance {
        let (node, nodes) = (self.draw_node(), self.machines.len() as u64);
        let other = 1 + (node + self.draw(nodes - 1)) % nodes;
        let others = (1..=nodes).filter(|peer| *peer != node).map(|peer| (node, peer)).collect();
        let trouble = self.draw_trouble();
        match self.draw(24) {
            0..5 => Disturbance::Links(others, trouble),
            5..7 => {
                Disturbance::Links(others.into_iter().map(|(node, peer)| (peer, node)).collect(), trouble)
            }
            7..11 => Disturbance::Links(vec![(node, other)], trouble),
            11..12 => Disturbance::SlowLinks(50 + self.draw(150)),
            12..16 => Disturbance::Pause(node),
            16..18 => Disturbance::Kill(node),
            18..19 => Disturbance::Stop(node),
            19..21 => Disturbance::PowerLoss(node),
            21..22 => Disturbance::Blackout,
            22..23 if !self.has_lost_disk => Disturbance::LostDisk(node),
            _ => Disturbance::WallClock(node, i64::try_from(self.draw(600_001)).unwrap() - 300_000),
        }
    }

    fn disturb(&mut self, drawn: Disturbance) {
        let Some(begun) = self.begin_disturbance(drawn) else { return };
        // Often short: much goes wrong at the edges.
        let longest_ms = begun.longest_ms() >> self.draw(4);
        let until_ms = self.now_ms + 1 + self.draw(longest_ms.max(1));
        self.office.trace.event(format_args!("until {until_ms}: {begun:?}"));
        self.active.push((begun, until_ms));
        self.disturbances += 1;
    }

    /// What really begins: nothing where something else is wrong already.
    fn begin_disturbance(&mut self, disturbance: Disturbance) -> Option<Disturbance> {
        let now_ms = self.now_ms;
        match disturbance {
            Disturbance::Links(mut pairs, trouble) => {
                pairs.retain(|(from, to)| self.links.disturb(&self.sim, *from, *to, trouble));
                (!pairs.is_empty()).then_some(Disturbance::Links(pairs, trouble))
            }
            Disturbance::SlowLinks(latency_ms) => {
                self.sim.set_max_message_latency(Duration::from_millis(latency_ms));
                Some(disturbance)
            }
            Disturbance::Blackout => {
                if self.machines.iter().any(|machine| !machine.is_up()) {
                    return None;
                }
                self.machines.iter_mut().for_each(Machine::lose_power);
                Some(disturbance)
            }
            Disturbance::WallClock(node, offset_ms) if !self.has_lost_disk => {
                self.set.insert(node);
                self.machine(node).clock.set_wall_offset_ms(offset_ms);
                Some(disturbance)
            }
            Disturbance::Pause(node) if self.machine(node).is_up() => {
                self.machine(node).pause(now_ms);
                Some(disturbance)
            }
            Disturbance::Kill(node) if self.machine(node).is_up() => {
                self.machine(node).kill();
                Some(disturbance)
            }
            Disturbance::Stop(node) if self.machine(node).is_up() => {
                self.machine(node).stop();
                Some(disturbance)
            }
            Disturbance::PowerLoss(node) if self.machine(node).is_up() => {
                self.machine(node).lose_power();
                Some(disturbance)
            }
            // On a new disk the lives of a node are counted from the time of day: set back, the cluster refuses it until
            // that has caught up.
            Disturbance::LostDisk(node) if self.machine(node).is_up() && !self.set.contains(&node) => {
                self.has_lost_disk = true;
                self.machine(node).lose_disk();
                Some(disturbance)
            }
            _ => None,
        }
    }

    fn end_what_is_over(&mut self) {
        let now_ms = self.now_ms;
        let over = self.active.extract_if(.., |(_, until_ms)| *until_ms <= now_ms).collect::<Vec<_>>();
        for (disturbance, _) in over {
            self.office.trace.event(format_args!("over: {disturbance:?}"));
            self.end_disturbance(disturbance);
        }
    }

    fn end_disturbance(&mut self, disturbance: Disturbance) {
        let now_ms = self.now_ms;
        match disturbance {
            Disturbance::Links(pairs, trouble) => {
                for (from, to) in pairs {
                    self.links.heal(&self.sim, from, to, trouble);
                }
            }
            Disturbance::SlowLinks(_) => self.sim.set_max_message_latency(Duration::from_millis(LATENCY_MS)),
            Disturbance::Pause(node) => self.machine(node).resume(now_ms),
            Disturbance::Kill(node)
            | Disturbance::Stop(node)
            | Disturbance::PowerLoss(node)
            | Disturbance::LostDisk(node) => self.restart(node),
            Disturbance::Blackout => (1..=self.machines.len() as u64).for_each(|node| self.restart(node)),
            Disturbance::WallClock(..) => {}
        }
    }

    fn restart(&mut self, node: NodeId) {
        let machine = self.machine(node);
        // It may not have ended as asked.
        machine.kill();
        machine.start();
    }

    // ---- The end -------------------------------------------------------------------------

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

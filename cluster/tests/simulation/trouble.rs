//! How things go wrong in a world, and end to do so.

use std::collections::BTreeSet;
use std::time::Duration;

use keyraft_cluster::NodeId;

use crate::disturbance::Disturbance;
use crate::links::Trouble;
use crate::machine::Machine;
use crate::world::{LATENCY_MS, World};

/// How long things go wrong.
const TROUBLED_MS: u64 = 14_000;
/// Things that go wrong at a time.
const AT_A_TIME: usize = 3;

impl World {
    /// Lets things go wrong for a while.
    pub fn be_troubled(&mut self) -> Result<(), String> {
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
        match self.draw(29) {
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
            22..23 if !self.has_lost_voter => Disturbance::LostDisk(node),
            23..25 => Disturbance::BadDisk(node, (self.draw(2) == 0).then(|| self.draw(4_096))),
            25..26 => Disturbance::OtherKey(node),
            26..28 => Disturbance::StrayRejoin(other, node, 1 + self.draw(nodes)),
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
                if !self.machines.iter().all(Machine::is_sound) {
                    return None;
                }
                self.machines.iter_mut().for_each(Machine::lose_power);
                Some(disturbance)
            }
            Disturbance::WallClock(node, offset_ms) => {
                self.machine(node).clock.set_wall_offset_ms(offset_ms);
                Some(disturbance)
            }
            Disturbance::Pause(node) if self.machine(node).is_sound() => {
                self.machine(node).pause(now_ms);
                Some(disturbance)
            }
            Disturbance::Kill(node) if self.machine(node).is_sound() => {
                self.machine(node).kill();
                Some(disturbance)
            }
            Disturbance::Stop(node) if self.machine(node).is_sound() => {
                self.machine(node).stop();
                Some(disturbance)
            }
            Disturbance::PowerLoss(node) if self.machine(node).is_sound() => {
                self.machine(node).lose_power();
                Some(disturbance)
            }
            Disturbance::BadDisk(node, room_bytes) if self.machine(node).is_sound() => {
                self.machine(node).spoil_disk(room_bytes);
                Some(disturbance)
            }
            Disturbance::OtherKey(node) if self.machine(node).is_sound() => {
                self.machine(node).kill();
                self.machine(node).start_with_other_key();
                Some(disturbance)
            }
            Disturbance::StrayRejoin(from, claimed, asked) if self.machine(from).is_sound() => {
                // A member that is away loses its vote for a while, as one that has lost its disk does. A cluster of three
                // does without one of them at a time.
                let is_reached =
                    !self.active.iter().any(|(other, _)| matches!(other, Disturbance::Links(..)));
                if !(is_reached && self.machine(claimed).is_sound()) {
                    if self.has_lost_voter {
                        return None;
                    }
                    self.has_lost_voter = true;
                }
                self.machine(from).claim_to_be(claimed, asked);
                Some(disturbance)
            }
            Disturbance::LostDisk(node) if self.machine(node).is_sound() && !self.has_lost_voter => {
                self.has_lost_voter = true;
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

    pub fn end_disturbance(&mut self, disturbance: Disturbance) {
        let now_ms = self.now_ms;
        match disturbance {
            Disturbance::Links(pairs, trouble) => {
                for (from, to) in pairs {
                    self.links.heal(&self.sim, from, to, trouble);
                }
            }
            Disturbance::SlowLinks(_) => self.sim.set_max_message_latency(Duration::from_millis(LATENCY_MS)),
            Disturbance::Pause(node) => self.machine(node).resume(now_ms),
            Disturbance::BadDisk(node, _) => self.machine(node).mend_disk(),
            Disturbance::Kill(node)
            | Disturbance::Stop(node)
            | Disturbance::PowerLoss(node)
            | Disturbance::LostDisk(node)
            | Disturbance::OtherKey(node) => self.restart(node),
            Disturbance::Blackout => (1..=self.machines.len() as u64).for_each(|node| self.restart(node)),
            Disturbance::WallClock(..) | Disturbance::StrayRejoin(..) => {}
        }
    }

    fn restart(&mut self, node: NodeId) {
        let machine = self.machine(node);
        // It may not have ended as asked.
        machine.kill();
        machine.start();
    }
}

//! Steps of the leases: pings and their answers, the passing of time, and reads.

use super::machine::Reading;
use super::{Packet, World};
use crate::{NodeId, Omission};

impl World {
    pub(crate) fn ping(&mut self, leader: NodeId) {
        let machine = &mut self.nodes[leader as usize];
        let now = machine.now();
        let Some(message) = machine.lease.ping(None, now) else { return };
        for node in machine.lease.others() {
            self.packets.insert(Packet::ToNode(node, message.clone()));
        }
    }

    pub(crate) fn deliver(&mut self, packet: Packet) {
        // A ping that came again would only be answered again, which is a step of its own.
        if matches!(&packet, Packet::ToNode(_, message) if message.ping.is_some()) {
            self.packets.remove(&packet);
        }
        match packet {
            Packet::ToNode(node, message) => {
                let machine = &mut self.nodes[node as usize];
                let now = machine.now();
                let reply = machine.lease.message_from_leader(&message, now);
                self.packets.extend(reply.map(Packet::ToLeader));
            }
            Packet::ToLeader(reply) => {
                let machine = &mut self.nodes[reply.leader.node as usize];
                let now = machine.now();
                let (grant, was_released) = machine.lease.reply(&reply, now);
                self.packets.extend(grant.map(|message| Packet::ToNode(reply.node, message)));
                if was_released {
                    self.tell_released(reply.leader.node);
                }
            }
        }
    }

    pub(super) fn tell_released(&mut self, leader: NodeId) {
        let machine = &self.nodes[leader as usize];
        let Some(message) = machine.lease.message().filter(|_| self.tells_releases) else { return };
        for node in machine.lease.others() {
            self.packets.insert(Packet::ToNode(node, message.clone()));
        }
    }

    pub(crate) fn report(&mut self, node: NodeId) {
        let machine = &mut self.nodes[node as usize];
        let now = machine.now();
        let reply = machine.lease.report(now);
        self.packets.extend(reply.map(Packet::ToLeader));
    }

    pub(crate) fn tick(&mut self) {
        for node in 0..self.nodes.len() {
            let machine = &mut self.nodes[node];
            machine.clock_ms += machine.rate_ms;
            let now = machine.now();
            if machine.lease.release(now) {
                self.tell_released(node as NodeId);
            }
        }
    }

    pub(crate) fn begin_read(&mut self, node: NodeId, omitted: Option<Omission>) {
        let shown = self.shown;
        let machine = &mut self.nodes[node as usize];
        let loaded = (omitted == Some(Omission::CheckFirst)).then(|| machine.last_write(machine.applied));
        machine.reading = Some(Reading { required: shown, loaded });
    }

    pub(crate) fn end_read(&mut self, node: NodeId, omitted: Option<Omission>) {
        let machine = &mut self.nodes[node as usize];
        let Some(reading) = machine.reading.take() else { return };
        let found = reading.loaded.unwrap_or(machine.last_write(machine.applied));
        if found > machine.lease.released() && omitted != Some(Omission::Unreleased) {
            return;
        }
        if found < reading.required {
            self.violation.get_or_insert("a read shows less than was shown before it began");
        }
        self.shown = self.shown.max(found);
    }
}

//! The steps that are possible in a world, and their effects.

use super::Bounds;
use super::world::{Action, Machine, World};
use crate::{NodeId, Omission};

impl Bounds {
    pub(super) fn possible(&self, world: &World, actions: &mut Vec<Action>) {
        let spent = &world.spent;
        if spent.ticks < self.ticks {
            actions.push(Action::Tick);
        }
        actions.extend(world.packets.iter().cloned().map(Action::Deliver));
        let nodes = 0..world.nodes.len() as NodeId;
        for node in nodes.clone() {
            let machine = &world.nodes[node as usize];
            if machine.is_lost {
                continue;
            }
            let leads = machine.leads(node);
            if spent.losses < self.losses {
                actions.push(Action::Lose(node));
            }
            if machine.lease.leadership().is_some() && spent.pings < self.pings {
                actions.push(Action::Ping(node));
            }
            if spent.reports < self.reports {
                actions.push(Action::Report(node));
            }
            if spent.restarts < self.restarts {
                actions.push(Action::Restart(node, false));
                actions.push(Action::Restart(node, true));
            }
            if spent.elections < self.elections && machine.configuration().is_voter(node) {
                let electorates = self.electorates(world, node);
                actions.extend(electorates.into_iter().map(|voters| Action::Stand(node, voters)));
            }
            if self.splits_elections && world.may_win(node) {
                actions.push(Action::Win(node));
            }
            let checks_first = self.omitted != Some(Omission::CheckFirst);
            let may_read = machine.lease.may_read(machine.now());
            if machine.reading.is_none() && spent.reads < self.reads && (may_read || !checks_first) {
                actions.push(Action::BeginRead(node));
            }
            if machine.reading.is_some() && (may_read || checks_first) {
                actions.push(Action::EndRead(node));
            }
            if !leads {
                continue;
            }
            if spent.writes < self.writes {
                actions.push(Action::Write(node));
            }
            for other in nodes.clone().filter(|other| *other != node) {
                self.possible_with(world, machine, (node, other), actions);
            }
        }
    }

    /// The steps of a leader that concern another node.
    fn possible_with(
        &self,
        world: &World,
        machine: &Machine,
        (node, other): (NodeId, NodeId),
        actions: &mut Vec<Action>,
    ) {
        let (spent, follower) = (&world.spent, &world.nodes[other as usize]);
        let configuration = machine.configuration();
        if !configuration.contains(other) {
            if follower.is_lost && machine.is_settled() {
                actions.push(Action::Readmit(node, other));
            }
            return;
        }
        if !follower.is_lost && follower.vote <= machine.vote {
            actions.push(Action::Replicate(node, other));
            if spent.snapshots < self.snapshots && follower.committed < machine.applied {
                actions.push(Action::Install(node, other));
            }
        }
        if spent.promotions < self.promotions
            && configuration.learners.contains(&other)
            && machine.is_settled()
        {
            actions.push(Action::Promote(node, other));
        }
        if spent.removals < self.removals {
            let is_due = machine.lease.may_be_dropped(other, machine.now());
            match is_due && machine.is_settled() {
                true => actions.push(Action::Drop(node, other)),
                false if machine.lease.is_barred(other) => {}
                false => actions.push(Action::Bar(node, other)),
            }
        }
    }

    pub(super) fn act(&self, next: &mut World, action: Action) {
        match action {
            Action::Tick => {
                next.spent.ticks += 1;
                next.tick();
            }
            Action::Ping(node) => {
                next.spent.pings += 1;
                next.ping(node);
            }
            Action::Deliver(packet) => next.deliver(packet),
            Action::Report(node) => {
                next.spent.reports += 1;
                next.report(node);
            }
            Action::Stand(node, voters) => {
                next.spent.elections += 1;
                next.stand(node, &voters, self.stands_in_same_term);
                if !self.splits_elections {
                    next.win(node);
                }
            }
            Action::Win(node) => next.win(node),
            Action::Write(node) => {
                next.spent.writes += 1;
                next.write(node);
            }
            Action::Replicate(leader, follower) => next.replicate(leader, follower),
            Action::Restart(node, steps_back) => {
                next.spent.restarts += 1;
                next.restart(node, steps_back, self.omitted);
            }
            Action::BeginRead(node) => {
                next.spent.reads += 1;
                next.begin_read(node, self.omitted);
            }
            Action::EndRead(node) => next.end_read(node, self.omitted),
            Action::Promote(leader, node) => {
                next.spent.promotions += 1;
                next.promote(leader, node);
            }
            Action::Install(leader, follower) => {
                next.spent.snapshots += 1;
                next.install(leader, follower);
            }
            Action::Lose(node) => {
                next.spent.losses += 1;
                next.lose(node, self.omitted);
            }
            Action::Readmit(leader, node) => next.readmit(leader, node, self.omitted),
            Action::Bar(leader, node) => next.nodes[leader as usize].lease.bar(node),
            Action::Drop(leader, node) => {
                next.spent.removals += 1;
                next.drop_node(leader, node);
            }
        }
    }
}

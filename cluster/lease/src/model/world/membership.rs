//! Steps of the membership: members that are dropped, promoted, or taken back, and snapshots that bring it.

use std::sync::Arc;

use super::World;
use super::machine::{Entry, Payload};
use crate::{Configuration, Leadership, NodeId, Omission};

impl World {
    pub(crate) fn drop_node(&mut self, leader: NodeId, node: NodeId) {
        self.nodes[leader as usize].matched.remove(&node);
        self.change(leader, |configuration| {
            for voters in &mut configuration.voter_sets {
                voters.remove(&node);
            }
            configuration.learners.remove(&node);
        });
    }

    pub(crate) fn promote(&mut self, leader: NodeId, node: NodeId) {
        self.change(leader, |configuration| {
            configuration.learners.remove(&node);
            for voters in &mut configuration.voter_sets {
                voters.insert(node);
            }
        });
    }

    fn change(&mut self, leader: NodeId, change: impl FnOnce(&mut Configuration)) {
        let machine = &mut self.nodes[leader as usize];
        let mut configuration = Configuration::clone(&machine.configuration());
        change(&mut configuration);
        let payload = Payload::Membership(Arc::new(configuration));
        let entry = Entry { leader: machine.vote, payload };
        machine.append(entry);
        machine.commit();
    }

    /// The follower takes the state of the leader, which has purged the log up to there.
    ///
    /// A log that ends below is replaced without a call to the lease; one that goes on beyond is kept if it agrees.
    pub(crate) fn install(&mut self, leader: NodeId, follower: NodeId) {
        let from = self.nodes[leader as usize].clone();
        let to = &mut self.nodes[follower as usize];
        to.follow(from.vote);
        let last = from.applied as usize;
        let agrees = to.log.get(last) == from.log.get(last);
        if to.log.len() > last && !agrees {
            to.lease.truncated(to.committed + 1);
        }
        let rest = to.log.split_off(to.log.len().min(last + 1));
        to.log = from.log[..=last].to_vec();
        let (index, configuration) = to.configurations().pop_last().unwrap();
        if agrees {
            to.log.extend(rest);
        }
        let last = from.applied;
        to.lease.configuration_installed(index, Configuration::clone(&configuration), last);
        to.committed = to.committed.max(last);
        to.apply(last);

        let machine = &mut self.nodes[leader as usize];
        let matched = machine.matched.entry(follower).or_default();
        *matched = (*matched).max(last);
        machine.commit();
        if machine.lease.released() > from.lease.released() {
            self.tell_released(leader);
        }
    }

    /// All files of a node are gone, and its process with them.
    pub(crate) fn lose(&mut self, node: NodeId, omitted: Option<Omission>) {
        let machine = &mut self.nodes[node as usize];
        machine.log.clear();
        (machine.applied, machine.committed) = (0, 0);
        (machine.vote, machine.is_elected) = (Leadership { term: 0, node: 0 }, false);
        (machine.is_lost, machine.has_lost_folder) = (true, true);
        machine.begin_life(node, None, omitted);
    }

    /// The leader takes a node back that is no member any more: it obeys nobody lower.
    pub(crate) fn readmit(&mut self, leader: NodeId, node: NodeId, omitted: Option<Omission>) {
        self.change(leader, |configuration| {
            configuration.learners.insert(node);
        });
        let vote = self.nodes[leader as usize].vote;
        self.nodes[leader as usize].lease.unbar(node, vote);
        let machine = &mut self.nodes[node as usize];
        (machine.vote, machine.is_elected, machine.is_lost) = (vote, true, false);
        machine.begin_life(node, Some(vote), omitted);
    }
}

//! Steps of consensus: elections, entries and restarts.

use std::collections::BTreeSet;

use super::World;
use super::machine::{Entry, Majority, Payload, Sets};
use crate::{Leadership, LogIndex, NodeId, Omission};

impl World {
    /// The vote that a candidate would ask for, and who would give theirs.
    pub(crate) fn candidacy(&self, candidate: NodeId, in_same_term: bool) -> (Leadership, Vec<NodeId>) {
        let machine = &self.nodes[candidate as usize];
        let rises = !(in_same_term && candidate > machine.vote.node);
        let vote = Leadership { term: machine.vote.term + u64::from(rises), node: candidate };
        let gives = |node: &NodeId| {
            let other = &self.nodes[*node as usize];
            *node != candidate && !other.is_lost && other.vote < vote && other.last() <= machine.last()
        };
        let members = machine.configuration().voter_sets.concat_all();
        (vote, members.into_iter().filter(gives).collect())
    }

    pub(crate) fn stand(&mut self, candidate: NodeId, voters: &BTreeSet<NodeId>, in_same_term: bool) {
        let (vote, _) = self.candidacy(candidate, in_same_term);
        self.nodes[candidate as usize].matched.clear();
        for node in voters {
            self.nodes[*node as usize].store_vote(vote, false);
        }
        self.votes.insert(vote, voters.clone());
    }

    pub(crate) fn may_win(&self, candidate: NodeId) -> bool {
        let machine = &self.nodes[candidate as usize];
        let Some(voters) = self.votes.get(&machine.vote) else { return false };
        machine.vote.node == candidate
            && !machine.is_elected
            && machine.configuration().is_majority(|node| voters.contains(&node))
    }

    pub(crate) fn win(&mut self, candidate: NodeId) {
        let machine = &mut self.nodes[candidate as usize];
        let vote = machine.vote;
        self.votes.remove(&vote);
        machine.store_vote(vote, true);
        machine.append(Entry { leader: vote, payload: Payload::Blank });
    }

    pub(crate) fn write(&mut self, leader: NodeId) {
        let machine = &mut self.nodes[leader as usize];
        let entry = Entry { leader: machine.vote, payload: Payload::Write };
        machine.append(entry);
    }

    /// The follower takes the leader's log and what the leader knows to be committed; the leader learns of it.
    pub(crate) fn replicate(&mut self, leader: NodeId, follower: NodeId) {
        let from = self.nodes[leader as usize].clone();
        let to = &mut self.nodes[follower as usize];
        to.follow(from.vote);
        let common = to.log.iter().zip(&from.log).take_while(|(own, other)| own == other).count();
        if common < to.log.len() {
            to.lease.truncated(common as LogIndex);
            to.log.truncate(common);
        }
        for entry in from.log.iter().skip(common) {
            to.append(entry.clone());
        }
        to.committed = to.committed.max(from.committed);
        let committed = to.committed;
        to.apply(committed);

        let machine = &mut self.nodes[leader as usize];
        machine.matched.insert(follower, from.log.len() as LogIndex - 1);
        machine.commit();
        if machine.lease.released() > from.lease.released() {
            self.tell_released(leader);
        }
    }

    pub(crate) fn restart(&mut self, node: NodeId, steps_back: bool, omitted: Option<Omission>) {
        let machine = &mut self.nodes[node as usize];
        let resumes = machine.leads(node) && omitted == Some(Omission::NoResumption);
        machine.is_elected &= machine.vote.node != node || resumes;
        if steps_back {
            (machine.applied, machine.committed) = (machine.applied.min(1), machine.committed.min(1));
        }
        machine.begin_life(node, Some(machine.vote), omitted);
        let (now, applied) = (machine.now(), machine.applied);
        if resumes {
            machine.lease.vote_stored(machine.vote, true, None, now);
        }
        machine.lease.applied(applied, now);
    }
}

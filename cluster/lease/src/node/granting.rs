//! As leader: pings, their answers, and the grants that go back.

use std::sync::Arc;

use super::{Node, raise};
use crate::omission::Omission;
use crate::time::TimePair;
use crate::words::{Configuration, Grant, Instant, LeaderMessage, NodeId, Reply};

impl Node {
    /// A new ping for all other nodes, about to be sent; `None` when this node does not lead.
    pub fn ping(&mut self, time: Option<TimePair>, now: Instant) -> Option<LeaderMessage> {
        self.current()?;
        let ping = self.leading.as_mut()?.new_ping(now);
        Some(LeaderMessage { ping: Some(ping), time, ..self.message()? })
    }

    /// What is released, for all other nodes; `None` when this node does not lead.
    #[must_use]
    pub fn message(&self) -> Option<LeaderMessage> {
        let leader = self.current()?.id;
        let (leader_process, released) = (self.process, self.released);
        Some(LeaderMessage { leader, leader_process, ping: None, grant: None, released, time: None })
    }

    /// T_q: a majority of every configuration that may count has answered a ping sent then or later, so any
    /// later leader is elected after it. `Instant::MAX` for a leader that is a majority by itself.
    pub(super) fn quorum_time(&self) -> Option<Instant> {
        let leading = self.current()?;
        let answered = |node: &NodeId| match *node == self.me {
            true => Some(Instant::MAX),
            false => leading.peers.get(node).and_then(|peer| peer.answered),
        };
        self.reached_by_majority(answered)
    }

    /// The greatest value that a majority of every configuration that may count has reached; `None`: it is not known of
    /// so many.
    pub fn reached_by_majority<T: Ord + Copy>(&self, reached: impl Fn(&NodeId) -> Option<T>) -> Option<T> {
        let sets = self.configurations.values().flat_map(|configuration| &configuration.voter_sets);
        let mut least: Option<T> = None;
        for voters in sets {
            let mut values: Vec<Option<T>> = voters.iter().map(&reached).collect();
            values.sort_unstable_by(|one, other| other.cmp(one));
            let of_majority = values.get(voters.len() / 2).copied().flatten()?;
            least = Some(least.map_or(of_majority, |least| least.min(of_majority)));
        }
        least
    }

    /// An answer has come. A grant may go back, and something may be released by it.
    pub fn reply(&mut self, reply: &Reply, now: Instant) -> (Option<LeaderMessage>, bool) {
        let Some(leading) = self.current() else { return (None, false) };
        if reply.leader != leading.id || reply.leader_process != self.process {
            return (None, false);
        }
        let Some(sent_at) = leading.sent_at(reply.ping) else { return (None, false) };
        if !self.others().contains(&reply.node) {
            return (None, false);
        }
        let answered = if self.keeps(Omission::TimeOfSending) { sent_at } else { now };
        let (node, process) = (reply.node, reply.node_process);
        if let Some(leading) = self.leading.as_mut() {
            let peer = leading.peers.entry(node).or_default();
            raise(&mut peer.answered, answered);
            peer.has_surrendered = true;
            let life = peer.lives.entry(process).or_default();
            life.applied = life.applied.max(reply.applied);
            if reply.is_leaving {
                life.granted_until = None;
            }
            peer.lives.retain(|id, life| *id == process || life.may_read(now));
        }
        // First released, then granted: the grant names all that was released without the node.
        let was_released = self.release(now);
        let grant = self.grant(reply, now);
        let message = grant.and_then(|grant| Some(LeaderMessage { grant: Some(grant), ..self.message()? }));
        (message, was_released)
    }

    /// The grant that answers a reply, entered in the ledger (rules 6 and 9).
    fn grant(&mut self, reply: &Reply, now: Instant) -> Option<Grant> {
        // What earlier leaders had released lies below the first entry of this one.
        let index = self.released.max(self.current()?.first_index);
        let is_behind = self.keeps(Omission::GrantIndex) && reply.applied < index;
        if !self.numbers.is_granting || !self.is_serving() || reply.is_leaving || is_behind {
            return None;
        }
        if self.is_laggard(reply, now) {
            return None;
        }
        let is_voter = |configuration: &Arc<Configuration>| configuration.is_voter(reply.node);
        let is_kept = |configuration: &Arc<Configuration>| configuration.keeps(reply.node);
        let mut configurations = self.configurations.values();
        let may_have =
            configurations.clone().all(is_kept) && (reply.wants_grants || configurations.all(is_voter));
        let quorum_time = self.quorum_time()?;
        let longest = self.numbers.follower_lease;
        let rest = quorum_time.saturating_add(longest).checked_sub(now)?;
        let length = if self.keeps(Omission::GrantCap) { longest.min(rest) } else { longest };
        let until =
            now + if self.keeps(Omission::LedgerMargin) { self.numbers.with_margin(length) } else { length };
        let leading = self.leading.as_mut()?;
        if !may_have || length.is_zero() || leading.barred.contains_key(&reply.node) {
            return None;
        }
        let peer = leading.peers.get_mut(&reply.node)?;
        if peer.hold_ups.is_suspended(now) {
            return None;
        }
        let life = peer.lives.get_mut(&reply.node_process)?;
        if life.granted_ping >= Some(reply.ping) {
            return None;
        }
        life.granted_ping = Some(reply.ping);
        raise(&mut life.granted_until, until);
        Some(Grant { node_process: reply.node_process, reply: reply.reply, length, index })
    }

    /// Whether a node has held up a release for too long.
    fn is_laggard(&self, reply: &Reply, now: Instant) -> bool {
        let waiting = self.leading.as_ref().and_then(|leading| leading.waiting);
        waiting.is_some_and(|(index, since)| {
            reply.applied < index && now.saturating_sub(since) > self.numbers.laggard_after
        })
    }
}

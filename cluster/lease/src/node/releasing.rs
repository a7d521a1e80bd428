//! As leader: what is released, and who is waited for.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Node;
use crate::holdups::Suspension;
use crate::leading::Peer;
use crate::numbers::Numbers;
use crate::omission::Omission;
use crate::words::{Instant, Leadership, LogIndex, NodeId};

impl Node {
    /// Releases what no node can answer without any more (rules 10 and 11). True if there was such a thing.
    pub fn release(&mut self, now: Instant) -> bool {
        self.note_hold_ups(now);
        let Some(leading) = self.current() else { return false };
        if !self.is_serving() || !self.others().iter().all(|node| self.is_inheritance_over(*node, now)) {
            return false;
        }
        let lives = leading.peers.values().flat_map(|peer| peer.lives.values());
        let holders = lives.filter(|life| self.keeps(Omission::Ledger) && life.may_read(now));
        let releasable = holders.map(|life| life.applied).fold(self.applied, LogIndex::min);
        if releasable <= self.released {
            return false;
        }
        self.released = releasable;
        let applied = self.applied;
        if let Some(leading) = self.leading.as_mut()
            && leading.waiting.is_some_and(|(index, _)| index <= releasable)
        {
            leading.waiting = (applied > releasable).then_some((applied, now));
        }
        true
    }

    /// Counts the nodes that have delayed a release for too long, and suspends those that do so again and again.
    ///
    /// Runs with every ping at least. A leader that was away for longer, because its machine or its process was suspended,
    /// has nobody to blame for what has waited meanwhile.
    fn note_hold_ups(&mut self, now: Instant) {
        // After this leadership nobody replies to it, so everybody would seem to be late.
        if self.current().is_none() {
            return;
        }
        let Numbers { laggard_after, follower_lease, .. } = self.numbers;
        let Some(leading) = self.leading.as_mut() else { return };
        let was_away = now.saturating_sub(leading.looked_at) > laggard_after;
        leading.looked_at = now;
        if let Some((_, since)) = leading.waiting.as_mut().filter(|_| was_away) {
            *since = now;
        }
        let late = leading.waiting.filter(|(_, since)| now.saturating_sub(*since) > laggard_after);
        for (node, peer) in &mut leading.peers {
            let is_delaying = late.is_some_and(|(index, _)| peer.behind(index, now).is_some());
            if let Some(length) = peer.hold_ups.note(is_delaying, follower_lease, now) {
                let hold_ups = peer.hold_ups.count();
                leading.suspensions.push(Suspension { node: *node, hold_ups, length });
            }
        }
    }

    /// The node that delays the release of the oldest entry for too long, and the time that this entry has waited; of
    /// several nodes, the one that is furthest behind.
    #[must_use]
    pub fn delayed_by(&self, now: Instant) -> Option<(NodeId, Duration)> {
        let leading = self.current()?;
        let (index, since) = leading.waiting?;
        let waited = now.saturating_sub(since);
        let behind = |(node, peer): (&NodeId, &Peer)| Some((peer.behind(index, now)?, *node));
        let (_, node) = leading.peers.iter().filter_map(behind).min()?;
        (waited > self.numbers.laggard_after).then_some((node, waited))
    }

    /// The nodes that get no grant because they keep delaying writes.
    #[must_use]
    pub fn suspended(&self, now: Instant) -> BTreeSet<NodeId> {
        let peers = self.current().into_iter().flat_map(|leading| &leading.peers);
        peers.filter(|(_, peer)| peer.hold_ups.is_suspended(now)).map(|(node, _)| *node).collect()
    }

    /// The suspensions since the last call: one for each hold-up that is not forgiven.
    pub fn take_suspensions(&mut self) -> Vec<Suspension> {
        self.leading.as_mut().map(|leading| std::mem::take(&mut leading.suspensions)).unwrap_or_default()
    }

    /// Whether what earlier leaders had granted to a node, or the lease of the old leader itself, is surrendered
    /// or over (rule 11).
    fn is_inheritance_over(&self, node: NodeId, now: Instant) -> bool {
        let Some(leading) = self.current() else { return false };
        let is_old_leader = leading.old_leader == Some(node);
        let longest = if is_old_leader { self.numbers.leader_lease } else { self.numbers.follower_lease };
        let longest =
            if self.keeps(Omission::WaitMargin) { self.numbers.with_margin(longest) } else { longest };
        !self.keeps(Omission::Wait)
            || leading.peers.get(&node).is_some_and(|peer| peer.has_surrendered)
            || now >= leading.since + longest
    }

    /// From now on the node gets no grant of this leadership (rule 9).
    pub fn bar(&mut self, node: NodeId) {
        if let Some(leading) = self.leading.as_mut() {
            let count = leading.barred.entry(node).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// Ends one [`Node::bar`] of a leadership: the node may get grants once all are ended, if every configuration keeps it.
    /// To be called when the change for which it was barred can be appended no more.
    pub fn unbar(&mut self, node: NodeId, leader: Leadership) {
        let Some(leading) = self.leading.as_mut().filter(|leading| leading.id == leader) else { return };
        if let Some(count) = leading.barred.get_mut(&node) {
            *count = count.saturating_sub(1);
        }
        leading.barred.retain(|_, count| *count > 0);
    }

    /// Returns true if the node is barred.
    #[must_use]
    pub fn is_barred(&self, node: NodeId) -> bool {
        self.leading.as_ref().is_some_and(|leading| leading.barred.contains_key(&node))
    }

    /// Returns true if a node that is barred holds nothing any more, and may be dropped. Never this node itself: a leader
    /// that is dropped reads on under its leader lease, and nobody waits for it.
    #[must_use]
    pub fn may_be_dropped(&self, node: NodeId, now: Instant) -> bool {
        let Some(leading) = self.current().filter(|_| node != self.me) else { return false };
        if !self.keeps(Omission::Barring) {
            return true;
        }
        let holds = leading.peers.get(&node).is_some_and(|p| p.lives.values().any(|life| life.may_read(now)));
        self.is_barred(node) && !holds && self.is_inheritance_over(node, now)
    }

    /// When something may be released that is not released now; `None`: not by the passing of time.
    #[must_use]
    pub fn next_release(&self, now: Instant) -> Option<Instant> {
        let leading = self.current().filter(|_| self.applied > self.released)?;
        let ledger = leading.peers.values().flat_map(|peer| peer.lives.values());
        let ends = ledger.filter(|life| life.applied < self.applied).filter_map(|life| life.granted_until);
        let inherited = [self.numbers.leader_lease, self.numbers.follower_lease]
            .map(|length| leading.since + self.numbers.with_margin(length));
        ends.chain(inherited).filter(|end| *end > now).min()
    }
}

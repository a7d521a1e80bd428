//! One node's part in the protocol, as leader and as holder.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::holder::{Holder, LastPing, Lease};
use crate::leading::Leading;
use crate::numbers::Numbers;
use crate::omission::Omission;
use crate::time::TimePair;
use crate::words::{
    Configuration, Grant, Instant, LeaderMessage, Leadership, LogIndex, NodeId, ProcessId, Reply,
};

/// The later of two points, where "never" is earlier than all.
fn raise<T: Ord>(known: &mut Option<T>, to: T) {
    if known.as_ref().is_none_or(|known| *known < to) {
        *known = Some(to);
    }
}

/// One process of one node.
///
/// Invariants: what is released is committed and was applied by every node that may answer a read; a lease
/// in use ends, on any clock, before any later leader stops waiting for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    me: NodeId,
    process: ProcessId,
    numbers: Numbers,
    /// Whether this node, while a learner, wants grants.
    wants_grants: bool,
    /// The stored vote.
    vote: Option<Leadership>,
    applied: LogIndex,
    released: LogIndex,
    /// From the last applied to the newest appended (rule 4).
    configurations: BTreeMap<LogIndex, Arc<Configuration>>,
    holder: Holder,
    /// It stops, and takes no grant any more.
    has_left: bool,
    leading: Option<Leading>,
    #[cfg(any(test, feature = "omissions"))]
    pub(crate) omitted: Option<Omission>,
    #[cfg(test)]
    former_vote: Option<Leadership>,
}

impl Node {
    /// A node that starts: `vote` is its stored vote, `configurations` those of its log from the last applied on.
    #[must_use]
    pub fn new(
        me: NodeId,
        process: ProcessId,
        numbers: Numbers,
        vote: Option<Leadership>,
        applied: LogIndex,
        configurations: BTreeMap<LogIndex, Arc<Configuration>>,
    ) -> Self {
        Self {
            me,
            process,
            numbers,
            wants_grants: false,
            vote,
            applied,
            released: 0,
            configurations,
            holder: Holder::default(),
            has_left: false,
            leading: None,
            #[cfg(any(test, feature = "omissions"))]
            omitted: None,
            #[cfg(test)]
            former_vote: None,
        }
    }

    /// The same; as a learner too it wants grants.
    #[must_use]
    pub fn wanting_grants(mut self, wants_grants: bool) -> Self {
        self.wants_grants = wants_grants;
        self
    }

    /// The same; it leaves out a rule, to see that a test misses it.
    #[cfg(feature = "omissions")]
    #[must_use]
    pub fn leaving_out(mut self, omitted: Option<Omission>) -> Self {
        self.omitted = omitted;
        self
    }

    /// Whether a rule is kept: always, but in the model and the simulation, which leave one out to see that it is
    /// missed.
    #[cfg(not(any(test, feature = "omissions")))]
    #[allow(clippy::unused_self, reason = "the model asks its own node")]
    const fn keeps(&self, _rule: Omission) -> bool {
        true
    }

    #[cfg(any(test, feature = "omissions"))]
    fn keeps(&self, rule: Omission) -> bool {
        self.omitted != Some(rule)
    }

    // ---- What consensus tells ------------------------------------------------------------

    /// The vote is stored; nothing was sent under it yet. `last` is the last entry of the log.
    ///
    /// A vote for another ends the leadership of this node in the same instant (rule 3); a vote for itself
    /// that a majority has joined begins one.
    pub fn vote_stored(
        &mut self,
        vote: Leadership,
        is_elected: bool,
        last: Option<(Leadership, LogIndex)>,
        now: Instant,
    ) {
        #[cfg(test)]
        if self.vote != Some(vote) {
            self.former_vote = self.vote;
        }
        self.vote = Some(vote);
        let leads_already = self.leading.as_ref().is_some_and(|leading| leading.id == vote);
        if !is_elected || vote.node != self.me || leads_already {
            return;
        }
        // Rule 8: before its first append it drops what it was granted, and refuses what is on its way. Who
        // waits for this node as "the leader of the last entry" waits for a leader lease only.
        self.holder.lease = None;
        if self.keeps(Omission::WinnersRefusal) {
            raise(&mut self.holder.answered, vote);
        }
        let old_leader = self.old_leader(last.map(|(leader, _)| leader));
        #[cfg(test)]
        let old_leader = match self.keeps(Omission::OldLeader) {
            true => old_leader,
            false => self.former_vote.map(|vote| vote.node).filter(|node| *node != self.me),
        };
        let first_index = last.map_or(0, |(_, index)| index + 1);
        self.leading = Some(Leading::new(vote, now, first_index, old_leader));
    }

    /// Who may still read under a leader lease, and under nothing else, when this node begins to lead (rule 11).
    ///
    /// `last` is the leader of the last entry: one after it that had served would have left an entry. Where that is
    /// an election of this very process, won and lost again before it served, nothing was granted meanwhile.
    fn old_leader(&self, last: Option<Leadership>) -> Option<NodeId> {
        let last = last?;
        if last.node != self.me {
            return Some(last.node);
        }
        let former = self.leading.as_ref().filter(|leading| leading.id == last)?;
        let has_served = self.applied >= former.first_index && self.keeps(Omission::FormerLeadership);
        former.old_leader.filter(|_| !has_served)
    }

    /// A configuration is about to be in the log at `index`.
    pub fn configuration_appended(&mut self, index: LogIndex, configuration: Configuration) {
        self.configurations.insert(index, Arc::new(configuration));
    }

    /// The entries from `index` on are gone.
    pub fn truncated(&mut self, index: LogIndex) {
        let mut kept = std::mem::take(&mut self.configurations);
        kept.split_off(&index);
        self.configurations = kept;
    }

    /// Everything up to `index` is applied and published. True if that has released something.
    pub fn applied(&mut self, index: LogIndex, now: Instant) -> bool {
        if index < self.applied {
            self.holder.forget();
        }
        self.applied = index;
        if let Some((last, _)) = self.configurations.range(..=index).next_back() {
            let last = *last;
            self.configurations = self.configurations.split_off(&last);
        }
        if let Some(leading) = self.leading.as_mut()
            && leading.waiting.is_none()
            && index > self.released
        {
            leading.waiting = Some((index, now));
        }
        self.release(now)
    }

    // ---- As leader -----------------------------------------------------------------------

    /// The leadership of this node, unless its stored vote is another's (rule 3).
    fn current(&self) -> Option<&Leading> {
        let leading = self.leading.as_ref()?;
        self.obeys_itself(leading).then_some(leading)
    }

    fn obeys_itself(&self, leading: &Leading) -> bool {
        match self.vote {
            _ if !self.keeps(Omission::OwnAnswer) => true,
            Some(vote) if !self.keeps(Omission::LeaderOrder) => vote.term == leading.id.term,
            vote => vote == Some(leading.id),
        }
    }

    /// The leadership of this node, while it lasts.
    #[must_use]
    pub fn leadership(&self) -> Option<Leadership> {
        self.current().map(|leading| leading.id)
    }

    /// Whether this node leads, and its first entry is applied.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.current().is_some_and(|leading| self.applied >= leading.first_index)
    }

    /// All other nodes of all configurations that may count.
    #[must_use]
    pub fn others(&self) -> BTreeSet<NodeId> {
        let members = self.configurations.values().flat_map(|configuration| configuration.members());
        members.filter(|node| *node != self.me).collect()
    }

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
    fn quorum_time(&self) -> Option<Instant> {
        let leading = self.current()?;
        let answered = |node: &NodeId| match *node == self.me {
            true => Some(Instant::MAX),
            false => leading.peers.get(node).and_then(|peer| peer.answered),
        };
        let sets = self.configurations.values().flat_map(|configuration| &configuration.voter_sets);
        let mut newest: Option<Instant> = None;
        for voters in sets {
            let mut times: Vec<Option<Instant>> = voters.iter().map(answered).collect();
            times.sort_unstable_by(|one, other| other.cmp(one));
            let of_majority = times.get(voters.len() / 2).copied().flatten()?;
            newest = Some(newest.map_or(of_majority, |newest| newest.min(of_majority)));
        }
        newest
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
        let is_member = |configuration: &Arc<Configuration>| configuration.contains(reply.node);
        let mut configurations = self.configurations.values();
        let may_have =
            configurations.clone().all(is_member) && (reply.wants_grants || configurations.all(is_voter));
        let quorum_time = self.quorum_time()?;
        let longest = self.numbers.follower_lease;
        let rest = quorum_time.saturating_add(longest).checked_sub(now)?;
        let length = if self.keeps(Omission::GrantCap) { longest.min(rest) } else { longest };
        let until =
            now + if self.keeps(Omission::LedgerMargin) { self.numbers.with_margin(length) } else { length };
        let leading = self.leading.as_mut()?;
        if !may_have || length.is_zero() || leading.barred.contains(&reply.node) {
            return None;
        }
        let life = leading.peers.get_mut(&reply.node)?.lives.get_mut(&reply.node_process)?;
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

    /// Releases what no node can answer without any more (rules 10 and 11). True if there was such a thing.
    pub fn release(&mut self, now: Instant) -> bool {
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
            leading.barred.insert(node);
        }
    }

    /// Ends [`Node::bar`].
    pub fn unbar(&mut self, node: NodeId) {
        if let Some(leading) = self.leading.as_mut() {
            leading.barred.remove(&node);
        }
    }

    /// Whether a node that is barred holds nothing any more, and may be dropped.
    #[must_use]
    pub fn may_be_dropped(&self, node: NodeId, now: Instant) -> bool {
        let Some(leading) = self.current() else { return false };
        let holds = leading.peers.get(&node).is_some_and(|p| p.lives.values().any(|life| life.may_read(now)));
        leading.barred.contains(&node) && !holds && self.is_inheritance_over(node, now)
    }

    /// The index that a read on another node must have seen (rule 15): only from a leader that may read itself.
    #[must_use]
    pub fn read_index(&self, now: Instant) -> Option<LogIndex> {
        let first_index = self.current()?.first_index;
        self.leader_lease_end().is_some_and(|end| now < end).then_some(self.released.max(first_index))
    }

    fn leader_lease_end(&self) -> Option<Instant> {
        #[cfg(test)]
        if !self.keeps(Omission::OwnLeaderLease) && self.current().is_none() {
            let mut unaware = self.clone();
            unaware.vote = self.leading.as_ref().map(|leading| leading.id);
            return unaware.current().and_then(|_| unaware.leader_lease_end());
        }
        let is_serving = self.is_serving();
        let end = self.quorum_time()?.saturating_add(self.numbers.leader_lease);
        is_serving.then_some(end)
    }

    // ---- As any node ---------------------------------------------------------------------

    /// A leader has spoken. A ping may have to be answered.
    pub fn message_from_leader(&mut self, message: &LeaderMessage, now: Instant) -> Option<Reply> {
        // Whoever leads: what is released stays so.
        self.released = self.released.max(message.released);
        if let Some(grant) = message.grant {
            self.take(message, grant, now);
        }
        let (leader, leader_process) = (message.leader, message.leader_process);
        let ping = LastPing { leader, leader_process, ping: message.ping? };
        self.answer(ping, now)
    }

    /// Answers the last ping once more, because something was applied.
    pub fn report(&mut self, now: Instant) -> Option<Reply> {
        let last = self.holder.last_ping?;
        self.answer(last, now)
    }

    /// Whether the stored vote allows an answer to a leader (rule 2).
    fn may_answer(&self, leader: Leadership) -> bool {
        let Some(vote) = self.vote else { return false };
        let answered = self.holder.answered;
        vote == leader
            || (!self.keeps(Omission::Vote) && answered <= Some(leader))
            || (!self.keeps(Omission::StoredVote) && vote < leader)
            || (!self.keeps(Omission::LeaderOrder) && vote.term == leader.term)
    }

    fn answer(&mut self, ping: LastPing, now: Instant) -> Option<Reply> {
        let LastPing { leader, leader_process, ping: number } = ping;
        if !self.may_answer(leader) {
            return None;
        }
        // Rule 8: before the answer, whatever a lower leader has given is dropped.
        let in_order = self.keeps(Omission::LeaderOrder);
        let is_lower = |other: Leadership| match in_order {
            true => other < leader,
            false => other.term < leader.term,
        };
        if self.holder.lease.is_some_and(|lease| is_lower(lease.leader)) {
            self.holder.lease = None;
        }
        if self.leading.as_ref().is_some_and(|leading| leading.id < leader && is_lower(leading.id))
            && self.keeps(Omission::OwnLeaderLease)
            && self.keeps(Omission::OwnAnswer)
        {
            self.leading = None;
        }
        raise(&mut self.holder.answered, leader);
        self.holder.last_ping = Some(ping);
        Some(Reply {
            leader,
            leader_process,
            node: self.me,
            node_process: self.process,
            ping: number,
            reply: self.holder.remember(leader, leader_process, now),
            applied: self.applied,
            wants_grants: self.wants_grants,
            is_leaving: self.has_left,
        })
    }

    /// Gives up the right to read for good, and tells the leader, who need not wait then.
    pub fn leave(&mut self, now: Instant) -> Option<Reply> {
        self.has_left = true;
        self.holder.lease = None;
        self.report(now)
    }

    /// Takes a grant that answers a reply of this process (rules 6, 7 and 8).
    #[cfg_attr(not(test), allow(unused_variables, reason = "the model knows a node without memory"))]
    fn take(&mut self, message: &LeaderMessage, grant: Grant, now: Instant) {
        let leader = message.leader;
        let is_lower = |other: Leadership| match self.keeps(Omission::LeaderOrder) {
            true => other > leader,
            false => other.term > leader.term,
        };
        if self.has_left
            || (self.holder.answered.is_some_and(is_lower) && self.keeps(Omission::GrantsInFlight))
        {
            return;
        }
        let sent = self.holder.reply(grant.reply, leader, message.leader_process);
        let sent_at = sent.filter(|_| grant.node_process == self.process).map(|sent| sent.at);
        #[cfg(test)]
        let sent_at = sent_at.or((!self.keeps(Omission::RememberedReplies)).then_some(now));
        let Some(sent_at) = sent_at else { return };
        let until = sent_at.saturating_add(grant.length);
        let is_later = self.holder.lease.is_none_or(|lease| lease.leader < leader || lease.until < until);
        if is_later {
            self.holder.lease = Some(Lease { leader, until, index: grant.index });
        }
    }

    /// When the right to read ends, on this node's clock; `None` without such a right.
    #[must_use]
    pub fn lease_end(&self) -> Option<Instant> {
        if !self.numbers.is_granting {
            return None;
        }
        let lease = self.holder.lease;
        let held = lease.filter(|lease| self.applied >= lease.index || !self.keeps(Omission::GrantIndex));
        self.leader_lease_end().max(held.map(|lease| lease.until))
    }

    /// Whether a read may take place now (rules 5, 6 and 13). The state is loaded afterwards.
    #[must_use]
    pub fn may_read(&self, now: Instant) -> bool {
        self.lease_end().is_some_and(|end| now < end)
    }

    /// What all may show, as far as this node knows.
    #[must_use]
    pub fn released(&self) -> LogIndex {
        self.released
    }

    /// What this node has applied.
    #[must_use]
    pub fn applied_index(&self) -> LogIndex {
        self.applied
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

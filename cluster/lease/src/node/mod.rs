//! One node's part in the protocol. What consensus tells it is here; what it makes of that is in the modules, for each
//! of which it is the same [`Node`].
//!
//! | module | of the rules in `docs/leases.md` |
//! |---|---|
//! | `granting` | as leader: pings, their answers, and the grants that go back (4, 6, 9) |
//! | `releasing` | as leader: what is released, and who is waited for (10, 11) |
//! | `answering` | as any node: answers to a leader, and its grants (2, 7, 8) |
//! | `reading` | as any node: the right to read (5, 13, 15) |

mod answering;
mod granting;
mod reading;
mod releasing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::holder::Holder;
use crate::leading::Leading;
use crate::numbers::Numbers;
use crate::omission::Omission;
use crate::words::{Configuration, Instant, Leadership, LogIndex, NodeId, ProcessId};

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

    // What consensus tells.

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

    /// A snapshot that ends at `last` has brought the configuration of entry `index`; it is not counted as applied yet.
    ///
    /// It replaces every configuration at or below `last`: one that was appended there and never committed may be
    /// newer than it, and was overtaken with the rest of the log (rule 4).
    pub fn configuration_installed(&mut self, index: LogIndex, configuration: Configuration, last: LogIndex) {
        if self.keeps(Omission::Overtaking) {
            self.configurations = self.configurations.split_off(&last.saturating_add(1));
        }
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

    // What there is to ask.

    /// The leadership of this node, unless its stored vote is another's (rule 3), or no configuration that may count
    /// holds it any more (rule 9): then nobody waits for it either.
    fn current(&self) -> Option<&Leading> {
        let leading = self.leading.as_ref()?;
        let is_member = self.configurations.values().any(|configuration| configuration.contains(self.me));
        (is_member && self.obeys_itself(leading)).then_some(leading)
    }

    fn obeys_itself(&self, leading: &Leading) -> bool {
        match self.vote {
            _ if !self.keeps(Omission::OwnAnswer) => true,
            Some(vote) if !self.keeps(Omission::LeaderOrder) => vote.term == leading.id.term,
            vote => vote == Some(leading.id),
        }
    }

    /// This node.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.me
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
}

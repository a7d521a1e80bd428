//! As any node: answers to a leader, and what it grants.

use super::{Node, raise};
use crate::holder::{LastPing, Lease};
use crate::omission::Omission;
use crate::words::{Grant, Instant, LeaderMessage, Leadership, Reply};

impl Node {
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
}

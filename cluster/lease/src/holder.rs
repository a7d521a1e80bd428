//! The right to read that a node holds from its leader.

use std::collections::VecDeque;

use crate::words::{Instant, Leadership, LogIndex, ProcessId};

/// Replies that are remembered. A grant comes a round trip later, and meanwhile one more is sent for whatever
/// is applied.
const REMEMBERED: usize = 1024;

/// A grant in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Lease {
    pub(crate) leader: Leadership,
    pub(crate) until: Instant,
    pub(crate) index: LogIndex,
}

/// A reply that was sent: when is kept here, and never echoed by the leader (rule 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SentReply {
    pub(crate) number: u64,
    pub(crate) leader: Leadership,
    pub(crate) leader_process: ProcessId,
    pub(crate) at: Instant,
}

/// The ping that was answered last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LastPing {
    pub(crate) leader: Leadership,
    pub(crate) leader_process: ProcessId,
    pub(crate) ping: u64,
}

/// A node's side of the grants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Holder {
    pub(crate) lease: Option<Lease>,
    /// The highest leader that this process has answered: grants of lower ones are refused (rule 8).
    pub(crate) answered: Option<Leadership>,
    pub(crate) last_ping: Option<LastPing>,
    replies: VecDeque<SentReply>,
    next_reply: u64,
}

impl Holder {
    /// Remembers a reply that is about to be sent, and gives its number.
    pub(crate) fn remember(&mut self, leader: Leadership, leader_process: ProcessId, at: Instant) -> u64 {
        let number = self.next_reply;
        self.next_reply += 1;
        if self.replies.len() >= REMEMBERED {
            self.replies.pop_front();
        }
        self.replies.push_back(SentReply { number, leader, leader_process, at });
        number
    }

    /// A reply of this process to that process of that leader.
    pub(crate) fn reply(&self, number: u64, leader: Leadership, process: ProcessId) -> Option<&SentReply> {
        let place = number.checked_sub(self.replies.front()?.number)?;
        let sent = self.replies.get(usize::try_from(place).ok()?)?;
        (sent.leader == leader && sent.leader_process == process).then_some(sent)
    }

    /// The applied state has stepped back: nothing that was promised about it holds (rule 7).
    pub(crate) fn forget(&mut self) {
        self.lease = None;
        self.replies.clear();
        self.last_ping = None;
    }
}

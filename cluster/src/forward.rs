//! A write from any node: it goes to the leader under an id, and is sent again under the same id until
//! it is known to be applied. The state keeps the outcomes of recent ids, so it is applied once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keyraft_proto::cluster as proto;
use tokio::sync::{Semaphore, TryAcquireError};
use tonic::Code;

use crate::network::peers::Lane;
use crate::node::fault::Fault;
use crate::node::site::Site;
use crate::proposer::{NotProposed, Proposal, Proposer};
use crate::types::NodeId;

/// How long one attempt may take before the next; a change of leader ends it sooner.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(2_000);
/// Pause between two attempts, unless the leader changes sooner.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Why a write has no outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// Not written: no leader was found.
    #[error("no leader was found in {waited_ms} ms")]
    NoLeader {
        /// How long it was tried.
        waited_ms: u64,
    },
    /// Not written: this node or the leader has too much to do.
    #[error("too many writes are under way")]
    Busy,
    /// Not written: the command is too large.
    #[error("a command of {bytes} bytes is longer than the {limit_bytes} allowed")]
    TooLarge {
        /// The command's length.
        bytes: usize,
        /// The longest allowed.
        limit_bytes: usize,
    },
    /// Perhaps written, now or a little later: the outcome was not learnt in time.
    #[error("the outcome of the write was not learnt in {waited_ms} ms")]
    Unknown {
        /// How long it was tried.
        waited_ms: u64,
    },
    /// This node has stopped serving.
    #[error("this node does not serve: {0}")]
    Faulty(Fault),
    /// The node stops. The outcome of a write that was under way is unknown.
    #[error("the node stops")]
    Stopped,
}

/// Sends this node's writes to the leader.
pub(crate) struct Forwarder {
    site: Arc<Site>,
    proposer: Proposer,
    boot: u64,
    slots: Arc<Semaphore>,
    sequences: Arc<Sequences>,
}

impl Forwarder {
    pub(crate) fn new(site: &Arc<Site>, proposer: Proposer, boot: u64) -> Self {
        Self {
            site: Arc::clone(site),
            proposer,
            boot,
            slots: Arc::new(Semaphore::new(site.config.requests_in_flight)),
            sequences: Arc::new(Sequences::default()),
        }
    }

    /// Has `body` applied once, and returns what it answered. To be run to its end: whoever drops it
    /// does not take the write back.
    pub(crate) async fn forward(&self, body: proto::request::Body) -> Result<Proposal, ProposeError> {
        let _slot = match Arc::clone(&self.slots).try_acquire_owned() {
            Ok(slot) => slot,
            Err(TryAcquireError::NoPermits) => return Err(ProposeError::Busy),
            Err(TryAcquireError::Closed) => return Err(ProposeError::Stopped),
        };
        let ticket = Ticket::draw(&self.sequences);
        let mut progress = Progress::default();
        let waited_ms = self.site.config.write_timeout_ms;
        let answered = tokio::select! {
            answered = tokio::time::timeout(
                Duration::from_millis(waited_ms),
                self.until_answered(&ticket, body, &mut progress),
            ) => answered,
            fault = self.site.faults.raised() => return Err(ProposeError::Faulty(fault)),
            () = self.site.stopping.cancelled() => return Err(ProposeError::Stopped),
        };
        match answered {
            Ok(proposal) => self.judge(proposal),
            Err(_) if progress.is_perhaps_written => Err(ProposeError::Unknown { waited_ms }),
            Err(_) if progress.was_refused_busy => Err(ProposeError::Busy),
            Err(_) => Err(ProposeError::NoLeader { waited_ms }),
        }
    }

    async fn until_answered(
        &self,
        ticket: &Ticket,
        body: proto::request::Body,
        progress: &mut Progress,
    ) -> Proposal {
        let mut leaders = self.site.leader.subscribe();
        loop {
            let leader = *leaders.borrow_and_update();
            if let Some(leader) = leader {
                let request = proto::Request {
                    id: Some(proto::RequestId {
                        node_id: self.site.me(),
                        boot: self.boot,
                        sequence: ticket.sequence,
                    }),
                    lowest_in_flight: self.sequences.lowest(),
                    body: Some(body.clone()),
                };
                // Set before the attempt, which may be cut off at any point.
                let was_perhaps_written = std::mem::replace(&mut progress.is_perhaps_written, true);
                let attempt = tokio::select! {
                    attempt = tokio::time::timeout(ATTEMPT_TIMEOUT, self.attempt(leader, request)) => {
                        attempt.unwrap_or(Err(NotProposed::Lost))
                    }
                    // A deposed leader may be paused, or cut off: its successor knows the outcome.
                    _ = leaders.wait_for(|now| now.is_some() && *now != Some(leader)) => continue,
                };
                match attempt {
                    Ok(proposal) => return proposal,
                    Err(NotProposed::Lost) => {}
                    Err(refused) => {
                        progress.is_perhaps_written = was_perhaps_written;
                        progress.was_refused_busy = refused == NotProposed::Busy;
                    }
                }
            }
            let _ = tokio::time::timeout(RETRY_PAUSE, leaders.changed()).await;
        }
    }

    async fn attempt(&self, leader: NodeId, request: proto::Request) -> Result<Proposal, NotProposed> {
        if leader == self.site.me() {
            return self.proposer.submit(request).await;
        }
        let not_sent = |_| NotProposed::NotLeader { leader: None };
        let mut client = self.site.peers.client(leader, Lane::Bulk).map_err(not_sent)?;
        let message = proto::ProposeRequest { request: Some(request) };
        let call = self.site.peers.request(message, Some(ATTEMPT_TIMEOUT));
        match client.propose(call).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                let outcome = answer.outcome.ok_or(NotProposed::Lost)?;
                Ok(Proposal { outcome, log_index: answer.log_index })
            }
            Err(status) => Err(match status.code() {
                Code::FailedPrecondition => NotProposed::NotLeader { leader: None },
                Code::ResourceExhausted => NotProposed::Busy,
                _ => NotProposed::Lost,
            }),
        }
    }

    fn judge(&self, proposal: Proposal) -> Result<Proposal, ProposeError> {
        use proto::outcome::Refusal;
        match proposal.outcome.refusal() {
            Refusal::None => Ok(proposal),
            // Not expected: the floor follows what is in flight. What became of it is not known.
            Refusal::Forgotten => Err(ProposeError::Unknown { waited_ms: 0 }),
            Refusal::Superseded => {
                let latest_boot = proposal.outcome.latest_boot;
                let fault = Fault::Superseded { boot: self.boot, latest_boot };
                self.site.faults.raise(fault.clone());
                Err(ProposeError::Faulty(fault))
            }
        }
    }
}

/// What is known of a write while it is tried.
#[derive(Default)]
struct Progress {
    is_perhaps_written: bool,
    was_refused_busy: bool,
}

/// The sequence numbers of this boot: given in order, from 1, and held while their writes are tried.
#[derive(Default)]
struct Sequences(Mutex<(u64, BTreeSet<u64>)>);

impl Sequences {
    /// The lowest one that may still be sent again.
    fn lowest(&self) -> u64 {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.1.first().copied().unwrap_or(held.0 + 1)
    }
}

/// One sequence number, given back when dropped.
struct Ticket {
    sequences: Arc<Sequences>,
    sequence: u64,
}

impl Ticket {
    fn draw(sequences: &Arc<Sequences>) -> Self {
        let mut held = sequences.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.0 += 1;
        let sequence = held.0;
        held.1.insert(sequence);
        drop(held);
        Self { sequences: Arc::clone(sequences), sequence }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.sequences.0.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&self.sequence);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_follows_the_oldest_write_under_way() {
        let sequences = Arc::new(Sequences::default());
        assert_eq!(sequences.lowest(), 1);
        let (first, second) = (Ticket::draw(&sequences), Ticket::draw(&sequences));
        assert_eq!((first.sequence, second.sequence), (1, 2));
        assert_eq!(sequences.lowest(), 1);
        drop(first);
        assert_eq!(sequences.lowest(), 2);
        drop(second);
        assert_eq!(sequences.lowest(), 3);
    }
}

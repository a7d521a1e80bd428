//! A write from any node: it goes to the leader under an id, and is sent again under the same id until
//! it is known to be applied. The state keeps the outcomes of recent ids, so it is applied once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keyraft_proto::cluster as proto;
use tokio::sync::{Semaphore, TryAcquireError};
use tonic::Status;

use crate::network::peers::Lane;
use crate::node::fault::Fault;
use crate::node::site::Site;
use crate::proposer::{NotProposed, Proposal, Proposer};
use crate::relay::{Way, ask_leader};
use crate::types::{LogIndex, NodeId};

/// How long one attempt may take before the next; a change of leader ends it sooner.
///
/// Longer than a release takes when the holder of a lease has died.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(4_000);
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
    /// Written, and refused by every node alike: the application panicked at it. It has changed nothing.
    #[error("the application panicked at the command in entry {log_index}")]
    Panicked {
        /// The entry that holds the command.
        log_index: LogIndex,
    },
    /// Perhaps written, now or a little later: the outcome was not learnt in time.
    #[error("the outcome of the write was not learnt in {waited_ms} ms")]
    Unknown {
        /// How long it was tried.
        waited_ms: u64,
    },
    /// Not written: this node has stopped serving.
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
        let (limit_ms, started) = (self.site.config.write_timeout_ms, self.site.contact.now());
        let answered = tokio::select! {
            answered = tokio::time::timeout(
                Duration::from_millis(limit_ms),
                self.until_answered(&ticket, body, &mut progress),
            ) => answered.map_err(|_| None),
            fault = self.site.faults.raised() => Err(Some(fault)),
            () = self.site.stopping.cancelled() => return Err(ProposeError::Stopped),
        };
        let failed = match answered {
            Ok(proposal) => match self.judge(proposal) {
                Judged::Answered(proposal) => return Ok(proposal),
                Judged::Panicked { log_index } => return Err(ProposeError::Panicked { log_index }),
                Judged::Unknown => return Err(self.site.unknown_since(started)),
                Judged::Faulty(fault) => ProposeError::Faulty(fault),
            },
            Err(Some(fault)) => ProposeError::Faulty(fault),
            Err(None) if progress.is_perhaps_written => ProposeError::Unknown { waited_ms: limit_ms },
            Err(None) if progress.was_refused_busy => ProposeError::Busy,
            Err(None) => ProposeError::NoLeader { waited_ms: limit_ms },
        };
        let is_fault = matches!(failed, ProposeError::Faulty(_));
        Err(if is_fault && progress.is_perhaps_written { self.site.unknown_since(started) } else { failed })
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
                    Ok(proposal) => {
                        // What an earlier attempt did is not told by a refusal of this one.
                        progress.is_perhaps_written = was_perhaps_written;
                        return proposal;
                    }
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
        if self.site.peers.address(leader).is_none() {
            return Err(NotProposed::NotLeader { leader: None });
        }
        let response = ask_leader(&self.site, leader, |way| {
            let (node, relay) = match way {
                Way::Direct => (leader, false),
                Way::Through(node) => (node, true),
            };
            send(&self.site, node, proto::ProposeRequest { request: Some(request.clone()), relay })
        });
        match response.await {
            Ok(response) => {
                let outcome = response.outcome.ok_or(NotProposed::Lost)?;
                Ok(Proposal { outcome, log_index: response.log_index })
            }
            Err(status) => Err(NotProposed::from_status(&status)),
        }
    }

    fn judge(&self, proposal: Proposal) -> Judged {
        use proto::outcome::Refusal;
        match Refusal::try_from(proposal.outcome.refusal) {
            Ok(Refusal::None) => Judged::Answered(proposal),
            Ok(Refusal::Panicked) => Judged::Panicked { log_index: proposal.log_index },
            // This node has had more responses meanwhile than are remembered for it; or a leader of another version
            // has refused it for a reason of its own.
            Ok(Refusal::Forgotten) | Err(_) => Judged::Unknown,
            Ok(Refusal::Superseded) => {
                let latest_boot = proposal.outcome.latest_boot;
                let fault = Fault::Superseded { boot: self.boot, latest_boot };
                self.site.faults.raise(fault.clone());
                Judged::Faulty(fault)
            }
        }
    }
}

async fn send(
    site: &Site,
    node: NodeId,
    message: proto::ProposeRequest,
) -> Result<proto::ProposeResponse, Status> {
    let mut client = site.peers.client(node, Lane::Writes)?;
    let call = site.peers.request(message, Some(ATTEMPT_TIMEOUT));
    Ok(client.propose(call).await?.into_inner())
}

/// Passes on a request of a node that does not reach the leader. It keeps its id, so it is applied once whichever way
/// it comes.
///
/// # Errors
/// Those of the leader; this node knows none, or does not reach it either.
pub(crate) async fn pass_on(
    site: &Site,
    leader: NodeId,
    request: proto::Request,
) -> Result<proto::ProposeResponse, Status> {
    let _slot = site.relays.enter()?;
    send(site, leader, proto::ProposeRequest { request: Some(request), relay: false }).await
}

/// What the state has said to a request.
enum Judged {
    Answered(Proposal),
    Panicked { log_index: LogIndex },
    Unknown,
    Faulty(Fault),
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
mod tests;

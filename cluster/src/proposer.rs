//! The leader's packer: requests that wait become one log entry.
//!
//! openraft appends and flushes each entry by itself, so what is to share a flush has to share an
//! entry. While the entries under way are as many as allowed, requests gather for the next one.

use std::sync::Arc;

use keyraft_proto::cluster as proto;
use prost::Message;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use crate::lease::Lease;
use crate::node::site::Site;
use crate::node::supervised::once;
use crate::types::{LogIndex, NodeId, Raft};

/// Why a request was not answered by this node as leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotProposed {
    /// Not written: this node does not lead.
    #[error("this node does not lead")]
    NotLeader { leader: Option<NodeId> },
    /// Not written: too many wait.
    #[error("too many requests wait at the leader")]
    Busy,
    /// Perhaps written: the leadership ended under way.
    #[error("the leadership ended under way")]
    Lost,
}

/// Metadata of a refusal: the request was not written. A code alone does not say so, since tonic gives
/// the same codes to connections that ended while a request was under way.
const NOT_WRITTEN_KEY: &str = "keyraft-not-written";

impl NotProposed {
    /// As an answer to the node that forwarded the request.
    pub(crate) fn to_status(self) -> Status {
        let mut status = match self {
            Self::NotLeader { .. } => Status::failed_precondition(self.to_string()),
            Self::Busy => Status::resource_exhausted(self.to_string()),
            Self::Lost => return Status::aborted(self.to_string()),
        };
        status.metadata_mut().insert(NOT_WRITTEN_KEY, MetadataValue::from_static("1"));
        status
    }

    /// What a failed call says about the request.
    pub(crate) fn from_status(status: &Status) -> Self {
        match status.code() {
            _ if !status.metadata().contains_key(NOT_WRITTEN_KEY) => Self::Lost,
            Code::FailedPrecondition => Self::NotLeader { leader: None },
            Code::ResourceExhausted => Self::Busy,
            _ => Self::Lost,
        }
    }
}

/// The answer to one request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proposal {
    pub(crate) outcome: proto::Outcome,
    /// The entry that answered.
    pub(crate) log_index: LogIndex,
}

type Reply = oneshot::Sender<Result<Proposal, NotProposed>>;

/// Takes requests at the leader.
#[derive(Clone)]
pub(crate) struct Proposer {
    site: Arc<Site>,
    queue: mpsc::Sender<(proto::Request, Reply)>,
}

/// The other end, where entries are made.
pub(crate) struct Packer {
    site: Arc<Site>,
    waiting: mpsc::Receiver<(proto::Request, Reply)>,
}

pub(crate) fn proposer(site: &Arc<Site>) -> (Proposer, Packer) {
    let (queue, waiting) = mpsc::channel(site.config.proposer_queue);
    (Proposer { site: Arc::clone(site), queue }, Packer { site: Arc::clone(site), waiting })
}

impl Proposer {
    /// Has a request written and applied, if this node leads.
    pub(crate) async fn submit(&self, request: proto::Request) -> Result<Proposal, NotProposed> {
        let leader = self.site.leader();
        if leader != Some(self.site.me()) {
            return Err(NotProposed::NotLeader { leader });
        }
        let (reply, answer) = oneshot::channel();
        self.queue.try_send((request, reply)).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => NotProposed::Busy,
            mpsc::error::TrySendError::Closed(_) => NotProposed::NotLeader { leader: None },
        })?;
        answer.await.unwrap_or(Err(NotProposed::Lost))
    }
}

impl Packer {
    /// Writes entries until nobody can submit any more. They are stamped as they are appended; nobody is
    /// answered before `lease` has released them.
    pub(crate) async fn run(mut self, raft: Raft, lease: Arc<Lease>) {
        let mut status = lease.status();
        let slots = Arc::new(Semaphore::new(self.site.config.entries_in_flight));
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            let Some(first) = self.next().await else { return };
            let (requests, replies) = self.pack(first);
            if requests.is_empty() {
                continue;
            }
            // A new leader stamps by a time ceiling of its own.
            let _ = status.wait_for(|now| now.may_stamp() || now.leadership.is_none()).await;
            let leader = status.borrow().leadership;
            let mut deposed = status.clone();
            let written = raft.client_write_ff(proto::Batch { stamp_ms: 0, requests }).await;
            let lease = Arc::clone(&lease);
            once(&self.site, "responses to proposals", async move {
                let _slot = slot;
                let applied = match written {
                    // openraft says nothing of an entry that a snapshot has overtaken after this node was deposed.
                    Ok(receiver) => tokio::select! {
                        biased;
                        applied = receiver => applied.ok().and_then(Result::ok),
                        _ = deposed.wait_for(|now| now.leadership != leader) => None,
                    },
                    Err(_) => None,
                };
                let is_released = match &applied {
                    Some(entry) => lease.wait_released_as_leader(entry.log_id.index).await,
                    None => false,
                };
                match applied {
                    Some(entry) if is_released && entry.data.outcomes.len() == replies.len() => {
                        let log_index = entry.log_id.index;
                        for (reply, outcome) in replies.into_iter().zip(entry.data.outcomes) {
                            let _ = reply.send(Ok(Proposal { outcome, log_index }));
                        }
                    }
                    // openraft says the same of an entry that it refused and of one that it lost. One that a
                    // deposed leader could not release is released by the next, who answers it again.
                    _ => {
                        for reply in replies {
                            let _ = reply.send(Err(NotProposed::Lost));
                        }
                    }
                }
            });
        }
    }

    /// The first of the requests that wait; `None` when nobody can submit any more.
    pub(crate) async fn next(&mut self) -> Option<(proto::Request, Reply)> {
        self.waiting.recv().await
    }

    /// The requests of the next entry: those that wait, up to the limits.
    fn pack(&mut self, first: (proto::Request, Reply)) -> (Vec<proto::Request>, Vec<Reply>) {
        let (mut requests, mut replies, mut bytes) = (Vec::new(), Vec::new(), 0);
        let mut next = Some(first);
        while let Some((request, reply)) = next {
            // Whoever has given up retries with the same id, or never will.
            if !reply.is_closed() {
                bytes += request.encoded_len();
                requests.push(request);
                replies.push(reply);
            }
            let is_full = requests.len() >= self.site.config.batch_max_requests
                || bytes >= self.site.config.batch_max_bytes;
            next = if is_full { None } else { self.waiting.try_recv().ok() };
        }
        (requests, replies)
    }
}

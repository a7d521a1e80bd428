//! Openraft's way to the other nodes.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use openraft::error::{Fatal, RPCError, RaftError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{Backoff, RPCOption};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use openraft::{BasicNode, OptionalSend, RaftNetwork, RaftNetworkFactory, Snapshot};

use super::peers::{Client, Lane};
use super::{rpc, snapshot};
use crate::acknowledged::Acknowledgement;
use crate::node::site::Site;
use crate::types::{NodeId, TypeConfig, Vote};

/// Pauses between attempts to reach a node that does not answer; the last one repeats.
const BACKOFF_MS: [u64; 3] = [50, 100, 200];

/// What an append message is cut down to at least, however slow the way.
const MIN_APPEND_BYTES: usize = 64 * 1024;

type RpcError = RPCError<NodeId, BasicNode, RaftError<NodeId>>;

/// Makes openraft's links to the other nodes.
pub(crate) struct Links {
    pub(crate) site: Arc<Site>,
}

impl RaftNetworkFactory<TypeConfig> for Links {
    type Network = Link;

    async fn new_client(&mut self, target: NodeId, node: &BasicNode) -> Link {
        self.site.peers.learn(target, &node.addr);
        let pace = Pace::new(self.site.config.max_append_bytes());
        Link { site: Arc::clone(&self.site), target, pace }
    }
}

/// Openraft's link to one node.
pub(crate) struct Link {
    site: Arc<Site>,
    target: NodeId,
    pace: Pace,
}

/// How much one append message carries.
///
/// openraft gives up an append after one heartbeat interval and sends the same again, for ever if it is
/// too much for the way. So a message that was not answered is followed by one of half its size.
struct Pace {
    max_bytes: usize,
    bytes: usize,
    // Set while an answer is awaited: openraft drops the call when it gives up.
    is_awaited: bool,
}

impl Pace {
    fn new(max_bytes: usize) -> Self {
        Self { max_bytes, bytes: max_bytes, is_awaited: false }
    }

    /// How much the next message may carry.
    fn send(&mut self) -> usize {
        if std::mem::replace(&mut self.is_awaited, true) {
            self.bytes = (self.bytes / 2).max(MIN_APPEND_BYTES.min(self.max_bytes));
        }
        self.bytes
    }

    fn answered(&mut self) {
        self.is_awaited = false;
        self.bytes = self.bytes.saturating_mul(2).min(self.max_bytes);
    }
}

impl Link {
    fn client(&self, lane: Lane) -> Result<Client, Unreachable> {
        self.site.peers.client(self.target, lane).map_err(|status| Unreachable::new(&status))
    }
}

fn unreachable<E: std::error::Error + 'static>(error: E) -> RpcError {
    // Always with a pause: a node that refuses does so again at once.
    RPCError::Unreachable(Unreachable::new(&error))
}

impl RaftNetwork<TypeConfig> for Link {
    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<NodeId>, RpcError> {
        let (vote, previous) = (request.vote, request.prev_log_id);
        let last = request.entries.last().map(|entry| entry.log_id).or(previous);
        let acknowledged = self.site.acknowledged.to(vote.leader_id, self.target);
        let (message, cut) = rpc::append_to_message(request, acknowledged, self.pace.send());
        let mut client = self.client(Lane::Urgent)?;
        self.site.reach.asked(self.target);
        let sent_at = self.site.contact.now();
        let call = self.site.peers.request(message, Some(option.hard_ttl()));
        let answer = client.append_entries(call).await.map_err(|status| {
            self.site.reach.failed(self.target, status.message());
            unreachable(status)
        })?;
        let answer = answer.into_inner();
        let folder = answer.folder;
        self.site.reach.heard(self.target);
        self.pace.answered();
        let answer =
            rpc::append_answer_from_message(answer, &vote, previous.is_some()).map_err(unreachable)?;
        if !matches!(answer, AppendEntriesResponse::HigherVote(_)) {
            self.site.contact.acknowledged(self.target, vote.leader_id, sent_at);
        }
        let answer = match (answer, cut) {
            (AppendEntriesResponse::Success, Some(last)) => AppendEntriesResponse::PartialSuccess(Some(last)),
            (answer, _) => answer,
        };
        let matching = match &answer {
            AppendEntriesResponse::Success => last,
            AppendEntriesResponse::PartialSuccess(matching) => *matching,
            AppendEntriesResponse::Conflict | AppendEntriesResponse::HigherVote(_) => None,
        };
        if let Some(log_id) = matching {
            let acknowledged = Acknowledgement { log_id, folder };
            self.site.acknowledged.note(self.target, vote.leader_id, acknowledged);
        }
        Ok(answer)
    }

    async fn vote(
        &mut self,
        request: VoteRequest<NodeId>,
        option: RPCOption,
    ) -> Result<VoteResponse<NodeId>, RpcError> {
        let mut client = self.client(Lane::Urgent)?;
        let call = self.site.peers.request(rpc::vote_to_message(request), Some(option.hard_ttl()));
        let answer = client.request_vote(call).await.map_err(unreachable)?.into_inner();
        rpc::vote_answer_from_message(answer).map_err(unreachable)
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot<TypeConfig>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<NodeId>, StreamingError<TypeConfig, Fatal<NodeId>>> {
        let mut client = self.client(Lane::Bulk)?;
        let unreachable = |error: &(dyn std::error::Error + 'static)| {
            StreamingError::Unreachable(Unreachable::from(openraft::AnyError::from_dyn(error, None)))
        };
        let chunks = snapshot::chunks(Some(vote), snapshot);
        // No time limit: a connection that has died is noticed by its probes.
        let call = self.site.peers.request(chunks, None);
        tokio::select! {
            closed = cancel => Err(StreamingError::Closed(closed)),
            answer = client.install_snapshot(call) => {
                let answer = answer.map_err(|status| unreachable(&status))?.into_inner();
                rpc::snapshot_answer_from_message(answer).map_err(|malformed| unreachable(&malformed))
            }
        }
    }

    fn backoff(&self) -> Backoff {
        let last = BACKOFF_MS.last().copied().unwrap_or_default();
        Backoff::new(BACKOFF_MS.into_iter().chain(std::iter::repeat(last)).map(Duration::from_millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unanswered_messages_shrink_and_answered_ones_grow() {
        let mut pace = Pace::new(1 << 20);
        assert_eq!(pace.send(), 1 << 20);
        assert_eq!(pace.send(), 1 << 19);
        for _ in 0..10 {
            pace.send();
        }
        assert_eq!(pace.send(), MIN_APPEND_BYTES);
        pace.answered();
        assert_eq!(pace.send(), MIN_APPEND_BYTES * 2);
        for _ in 0..10 {
            pace.answered();
        }
        assert_eq!(pace.send(), 1 << 20);
    }
}

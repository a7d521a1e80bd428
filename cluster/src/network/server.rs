//! What this node answers its peers.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use keyraft_proto::cluster as proto;
use keyraft_proto::cluster::consensus_server::{Consensus, ConsensusServer};
use openraft::raft::AppendEntriesResponse;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Response, Status, Streaming};

use super::sockets::Incoming;
use super::{
    CALL_WINDOW_BYTES, CONNECTION_WINDOW_BYTES, PROBE_INTERVAL, PROBE_TIMEOUT, admission, guard, rpc,
    snapshot,
};
use crate::application::Application;
use crate::election;
use crate::formation;
use crate::forward;
use crate::lease;
use crate::node::comparison;
use crate::node::core::Core;
use crate::node::member::Member;
use crate::read_index::{self, NoIndex};
use crate::status;
use crate::types::{LogId, Wire};

/// How long calls may go on after the server was told to stop.
const STOP_GRACE: Duration = Duration::from_millis(500);

struct Service<A: Application> {
    core: Arc<Core<A>>,
}

/// Serves this node's peers until the node stops.
pub(crate) async fn serve<A: Application>(core: Arc<Core<A>>, incoming: Incoming) {
    let max_message_bytes = core.site.config.max_message_bytes();
    let stopping = core.site.stopping.clone();
    let admitted = admission::admit(&core.site, incoming);
    let guarded = Arc::clone(&core);
    let service = ConsensusServer::new(Service { core })
        .max_decoding_message_size(max_message_bytes)
        .max_encoding_message_size(max_message_bytes);
    let service = InterceptedService::new(service, move |request: Request<()>| {
        guard::check(&guarded, &request).map(|()| request)
    });
    let served = tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(PROBE_INTERVAL))
        .http2_keepalive_timeout(Some(PROBE_TIMEOUT))
        .initial_stream_window_size(CALL_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .add_service(service)
        .serve_with_incoming_shutdown(admitted, stopping.clone().cancelled_owned());
    let abandoned = async {
        stopping.cancelled().await;
        tokio::time::sleep(STOP_GRACE).await;
    };
    tokio::select! {
        result = served => if let Err(error) = result {
            tracing::error!(%error, "the cluster service has stopped");
        },
        () = abandoned => {}
    }
}

fn malformed(error: rpc::Malformed) -> Status {
    Status::invalid_argument(error.to_string())
}

fn stopped<E: std::fmt::Display>(error: E) -> Status {
    Status::unavailable(format!("consensus has stopped: {error}"))
}

impl<A: Application> Service<A> {
    /// What runs here as part of the cluster, for a caller of the same cluster. A node that belongs to
    /// none answers nobody: it has no vote to give, and no log to vouch for.
    #[allow(clippy::result_large_err, reason = "tonic's own error")]
    fn member<T>(&self, request: &Request<T>) -> Result<Arc<Member<A>>, Status> {
        if let Some(fault) = self.core.site.faults.first() {
            return Err(Status::unavailable(format!("this node does not serve: {fault}")));
        }
        let member = self
            .core
            .member()
            .ok_or_else(|| Status::failed_precondition("this node belongs to no cluster yet"))?;
        guard::check_cluster(request.metadata(), &self.core.site.peers.cluster_id())?;
        Ok(member)
    }
}

#[tonic::async_trait]
impl<A: Application> Consensus for Service<A> {
    type FetchSnapshotStream = BoxStream<'static, Result<proto::SnapshotChunk, Status>>;
    type LeaseStream = BoxStream<'static, Result<proto::LeaseReply, Status>>;

    async fn append_entries(
        &self,
        request: Request<proto::AppendEntriesRequest>,
    ) -> Result<Response<proto::AppendEntriesResponse>, Status> {
        let member = self.member(&request)?;
        let (message, me) = (request.into_inner(), member.site.me());
        let (vote, acknowledged) = rpc::acknowledged_of(&message, me).map_err(malformed)?;
        if let Some(acknowledged) = acknowledged.filter(|of| of.folder == member.folder) {
            let checked = member.storage.check_acknowledged(vote.leader_id, acknowledged.log_id);
            checked.map_err(|fault| Status::unavailable(fault.to_string()))?;
        }
        let rpc = rpc::append_from_message(message, me).map_err(malformed)?;
        member.site.reach.heard(rpc.vote.leader_id.node_id);
        let answer = member.raft.append_entries(rpc).await.map_err(stopped)?;
        if !matches!(answer, AppendEntriesResponse::HigherVote(_)) {
            member.site.contact.heard_leader();
        }
        Ok(Response::new(rpc::append_answer_to_message(answer, member.folder)))
    }

    async fn request_vote(
        &self,
        request: Request<proto::VoteRequest>,
    ) -> Result<Response<proto::VoteResponse>, Status> {
        let member = self.member(&request)?;
        let rpc = rpc::vote_from_message(request.into_inner(), member.site.me()).map_err(malformed)?;
        let asked = member.site.contact.asked_for_vote();
        let answer = member.raft.vote(rpc).await.map_err(stopped)?;
        if answer.vote_granted {
            asked.given();
        }
        Ok(Response::new(rpc::vote_answer_to_message(answer)))
    }

    async fn install_snapshot(
        &self,
        request: Request<Streaming<proto::SnapshotChunk>>,
    ) -> Result<Response<proto::SnapshotResponse>, Status> {
        let member = self.member(&request)?;
        let vote = snapshot::install(&member, request.into_inner()).await?;
        Ok(Response::new(proto::SnapshotResponse { vote: Some(vote.to_message()) }))
    }

    async fn pre_vote(
        &self,
        request: Request<proto::PreVoteRequest>,
    ) -> Result<Response<proto::PreVoteResponse>, Status> {
        let member = self.member(&request)?;
        let last = request
            .into_inner()
            .last_log_id
            .map(LogId::from_message)
            .transpose()
            .map_err(|incomplete| malformed(incomplete.into()))?;
        let granted = election::would_vote(&member.site, &member.raft, last);
        Ok(Response::new(proto::PreVoteResponse { granted }))
    }

    async fn propose(
        &self,
        request: Request<proto::ProposeRequest>,
    ) -> Result<Response<proto::ProposeResponse>, Status> {
        let member = self.member(&request)?;
        let proto::ProposeRequest { request, relay } = request.into_inner();
        let request = request.filter(|request| request.id.is_some() && request.body.is_some());
        let request = request.ok_or_else(|| Status::invalid_argument("a request without id or body"))?;
        if let Some(leader) = member.site.leader_to_ask(relay) {
            return forward::pass_on(&member.site, leader, request).await.map(Response::new);
        }
        match member.proposer.submit(request).await {
            Ok(proposal) => Ok(Response::new(proto::ProposeResponse {
                outcome: Some(proposal.outcome),
                log_index: proposal.log_index,
            })),
            Err(refused) => Err(refused.to_status()),
        }
    }

    async fn read_index(
        &self,
        request: Request<proto::ReadIndexRequest>,
    ) -> Result<Response<proto::ReadIndexResponse>, Status> {
        let member = self.member(&request)?;
        if let Some(leader) = member.site.leader_to_ask(request.get_ref().relay) {
            let log_index = read_index::pass_on(&member.site, leader).await?;
            return Ok(Response::new(proto::ReadIndexResponse { log_index }));
        }
        let index = member.confirmations.join().await.map_err(NoIndex::from).and_then(|index| index);
        match index {
            Ok(log_index) => Ok(Response::new(proto::ReadIndexResponse { log_index })),
            Err(refused @ NoIndex::Busy) => Err(Status::resource_exhausted(refused.to_string())),
            Err(refused) => Err(Status::failed_precondition(refused.to_string())),
        }
    }

    async fn lease(
        &self,
        request: Request<Streaming<proto::LeaderMessage>>,
    ) -> Result<Response<Self::LeaseStream>, Status> {
        let member = self.member(&request)?;
        let lease = Arc::clone(&member.lease);
        Ok(Response::new(lease::listen(lease, request.into_inner(), Arc::clone(&member.site))))
    }

    async fn node_status(
        &self,
        _request: Request<proto::NodeStatusRequest>,
    ) -> Result<Response<proto::NodeStatusResponse>, Status> {
        Ok(Response::new(status::own(&self.core)))
    }

    async fn identify(
        &self,
        _request: Request<proto::IdentifyRequest>,
    ) -> Result<Response<proto::IdentifyResponse>, Status> {
        Ok(Response::new(proto::IdentifyResponse {
            node_id: self.core.site.me(),
            cluster_id: self.core.site.peers.cluster_id().to_string(),
            formed: self.core.is_formed(),
            process: self.core.site.process,
        }))
    }

    async fn form(
        &self,
        request: Request<proto::FormRequest>,
    ) -> Result<Response<proto::FormResponse>, Status> {
        let accepted = formation::accept(&self.core, request.into_inner()).await;
        Ok(Response::new(match accepted {
            Ok(()) => proto::FormResponse { accepted: true, reason: String::new() },
            Err(reason) => proto::FormResponse { accepted: false, reason },
        }))
    }

    async fn rejoin(
        &self,
        request: Request<proto::RejoinRequest>,
    ) -> Result<Response<proto::RejoinResponse>, Status> {
        let member = self
            .core
            .member()
            .ok_or_else(|| Status::failed_precondition("this node belongs to no cluster yet"))?;
        let sender = guard::sender(&request);
        let request = request.into_inner();
        if sender != Some(request.node_id) {
            return Err(Status::permission_denied(format!(
                "only node {} itself joins again",
                request.node_id
            )));
        }
        let readmitted = formation::readmission::readmit(&member, request).await?;
        Ok(Response::new(proto::RejoinResponse {
            cluster_id: self.core.site.peers.cluster_id().to_string(),
            vote: Some(readmitted.vote.to_message()),
            boot: readmitted.latest_boot,
        }))
    }

    async fn digest(
        &self,
        request: Request<proto::DigestRequest>,
    ) -> Result<Response<proto::DigestResponse>, Status> {
        let member = self.member(&request)?;
        let digest = comparison::own_digest(&member, request.into_inner().index).await;
        let digest = digest.map(|digest| digest.to_be_bytes().to_vec().into());
        Ok(Response::new(proto::DigestResponse { digest }))
    }

    async fn fetch_snapshot(
        &self,
        request: Request<proto::FetchSnapshotRequest>,
    ) -> Result<Response<Self::FetchSnapshotStream>, Status> {
        let member = self.member(&request)?;
        let chunks = snapshot::fetch(&member, request.into_inner().at_least_index).await?;
        Ok(Response::new(chunks.map(Ok).boxed()))
    }
}

//! The return of a node that has forgotten its log.
//!
//! What it had acknowledged may have been counted, so it must not vote as if it had not. The leader takes
//! it out of the voters first; only when that is committed does the node run again, as a learner that
//! obeys no leader lower than the one that took it back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use keyraft_proto::cluster as proto;
use openraft::error::{ChangeMembershipError, ClientWriteError, RaftError};
use openraft::{BasicNode, ChangeMembers};
use tonic::Status;

use super::{ASK_PAUSE, Ground, identity, open_fault};
use crate::application::Application;
use crate::network::peers::Lane;
use crate::node::core::Core;
use crate::node::fault::Fault;
use crate::node::member::Member;
use crate::node::site::Site;
use crate::read_index::confirm_leadership;
use crate::runtime::run_blocking;
use crate::storage::{self, Opened, Phase};
use crate::types::{NodeId, Vote, Wire};

/// How long the leader may take to change the membership.
const READMISSION_TIMEOUT: Duration = Duration::from_millis(10_000);
/// Pause while another change of membership is under way.
const CHANGE_PAUSE: Duration = Duration::from_millis(50);

/// Asks the cluster to take this node back, and starts over with nothing but the leader's vote.
pub(crate) async fn rejoin<A: Application>(
    core: &Arc<Core<A>>,
    ground: &Ground<A>,
    opened: Opened<A>,
    reason: &str,
) -> Result<Opened<A>, Fault> {
    let site = &core.site;
    tracing::warn!(node = site.me(), reason, "this node has forgotten its log; it asks to become a learner");
    let (cluster_id, vote) = ask_to_rejoin(site, opened.identity.as_ref(), reason).await?;
    // Only now: as long as no leader has answered, these files may be all that is left.
    let handle = opened.handle.clone();
    drop(opened);
    let (options, disk) = (ground.options.clone(), Arc::clone(&ground.disk));
    let identity = identity(site, &cluster_id, Phase::Formed);
    let (environment, reason) = (site.environment.clone(), reason.to_owned());
    let seeded = run_blocking(options.is_inline, move || {
        // What made these files unfit, if anything did, no longer matters.
        let _ = handle.flush_and_close();
        drop(handle);
        storage::set_aside(&options, disk.as_ref(), &reason)?;
        storage::seed(&options, &environment, disk, &identity, vote)
    });
    seeded.await.map_err(|failed| Fault::Open { reason: failed.to_string() })?.map_err(open_fault)?;
    ground.reopen(site).await
}

async fn ask_to_rejoin(
    site: &Site,
    known: Option<&storage::Identity>,
    reason: &str,
) -> Result<(String, Vote), Fault> {
    let others = site.config.other_members();
    if others.is_empty() {
        return Err(Fault::Lost { reason: reason.to_owned() });
    }
    let address = site.peers.address(site.me()).unwrap_or_default();
    let mut last_refusal = String::new();
    loop {
        for peer in &others {
            let Ok(mut client) = site.peers.client(peer.node_id, Lane::Bulk) else { continue };
            let message = proto::RejoinRequest { node_id: site.me(), address: address.clone() };
            let call = site.peers.request(message, Some(READMISSION_TIMEOUT));
            let answer = match tokio::time::timeout(READMISSION_TIMEOUT, client.rejoin(call)).await {
                Ok(Ok(answer)) => answer.into_inner(),
                Ok(Err(status)) => {
                    if last_refusal != status.message() {
                        last_refusal = status.message().to_owned();
                        tracing::info!(peer = peer.node_id, reason = last_refusal, "not taken back yet");
                    }
                    continue;
                }
                Err(_) => continue,
            };
            if let Some(known) = known
                && known.cluster_id != answer.cluster_id
            {
                let (own, other) = (known.cluster_id.clone(), answer.cluster_id);
                return Err(Fault::ForeignCluster { own, peer: peer.node_id, other });
            }
            if let Some(Ok(vote)) = answer.vote.map(Vote::from_message) {
                return Ok((answer.cluster_id, vote));
            }
        }
        tokio::time::sleep(ASK_PAUSE).await;
    }
}

/// The leader's part: makes the node a learner, and returns the vote that it must obey.
///
/// The node leaves the membership altogether first. Otherwise the leader would go on counting from what
/// the node had acknowledged before it forgot.
pub(crate) async fn readmit<A: Application>(
    member: &Member<A>,
    request: proto::RejoinRequest,
) -> Result<Vote, Status> {
    let node_id = request.node_id;
    if node_id == member.site.me() {
        return Err(Status::failed_precondition("this node has not forgotten"));
    }
    let readmitted = async {
        // One at a time: a second call must not take out the node that the first has let in.
        let _turn = member.readmission.lock().await;
        while let Some(removal) = next_removal(member, node_id).await? {
            tracing::warn!(node = node_id, "a node that has forgotten its log leaves the voters");
            change(member, removal).await?;
        }
        let node = BasicNode { addr: request.address.clone() };
        change(member, ChangeMembers::AddNodes(BTreeMap::from([(node_id, node)]))).await?;
        // A deposed leader may not know that the node has become a voter since.
        let vote = member.raft.server_metrics().borrow().vote;
        let confirmed = confirm_leadership(member.raft.clone()).await;
        let is_leading = leads(member, &vote) && confirmed.is_ok();
        is_leading.then_some(vote).ok_or_else(not_leading)
    };
    tokio::time::timeout(READMISSION_TIMEOUT, readmitted)
        .await
        .unwrap_or_else(|_| Err(Status::deadline_exceeded("the membership was not committed in time")))
}

fn not_leading() -> Status {
    Status::failed_precondition("this node does not lead")
}

fn leads<A: Application>(member: &Member<A>, vote: &Vote) -> bool {
    vote.committed && vote.leader_id.node_id == member.site.me()
}

type Change = ChangeMembers<NodeId, BasicNode>;

/// Makes one change of the membership and waits until it is committed. While another one is under way it
/// only pauses. A node that is to leave holds no lease any more when that is proposed; where the outcome is
/// not awaited, it gets none until another node leads.
async fn change<A: Application>(member: &Member<A>, change: Change) -> Result<(), Status> {
    let leaving = match &change {
        ChangeMembers::RemoveVoters(nodes) | ChangeMembers::RemoveNodes(nodes) => nodes.clone(),
        _ => BTreeSet::new(),
    };
    for node in &leaving {
        if !member.lease.bar(*node).await {
            return Err(not_leading());
        }
    }
    let changed = propose(member, change).await;
    for node in &leaving {
        member.lease.unbar(*node);
    }
    changed
}

async fn propose<A: Application>(member: &Member<A>, change: Change) -> Result<(), Status> {
    loop {
        match member.raft.change_membership(change.clone(), false).await {
            Ok(_) => return Ok(()),
            Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(
                ChangeMembershipError::InProgress(_),
            ))) => tokio::time::sleep(CHANGE_PAUSE).await,
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_))) => return Err(not_leading()),
            Err(error) => return Err(Status::failed_precondition(error.to_string())),
        }
    }
}

/// The change that is still needed for `node_id` to be no member; `None`: it is none.
async fn next_removal<A: Application>(member: &Member<A>, node_id: NodeId) -> Result<Option<Change>, Status> {
    let stopped = |error: openraft::error::Fatal<NodeId>| Status::unavailable(error.to_string());
    let (vote, effective) = member
        .raft
        .with_raft_state(|state| (*state.vote_ref(), state.membership_state.effective().clone()))
        .await
        .map_err(stopped)?;
    if !leads(member, &vote) {
        return Err(not_leading());
    }
    let (membership, nodes) = (effective.membership(), BTreeSet::from([node_id]));
    let is_voter = membership.voter_ids().any(|voter| voter == node_id);
    // An earlier leader may have left the change half done.
    let is_joint = membership.get_joint_config().len() > 1;
    Ok(match membership.get_node(&node_id) {
        _ if is_voter || is_joint => Some(ChangeMembers::RemoveVoters(nodes)),
        Some(_) => Some(ChangeMembers::RemoveNodes(nodes)),
        None => None,
    })
}

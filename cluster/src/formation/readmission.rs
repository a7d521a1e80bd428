//! The return of a node that has forgotten its log.
//!
//! What it had acknowledged may have been counted, so it must not vote as if it had not. The leader takes
//! it out of the voters first; only when that is committed does the node run again, as a learner that
//! obeys no leader lower than the one that took it back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use keyraft_proto::cluster as proto;
use openraft::error::{ChangeMembershipError, ClientWriteError, ForwardToLeader, RaftError};
use openraft::{BasicNode, ChangeMembers};
use tokio::sync::watch;
use tonic::Status;

use super::{ASK_PAUSE, Ground, identity, open_fault};
use crate::application::Application;
use crate::lease::{self, Barred};
use crate::network::peers::Lane;
use crate::node::core::Core;
use crate::node::fault::Fault;
use crate::node::member::Member;
use crate::node::site::Site;
use crate::read_index::confirm_leadership;
use crate::runtime::run_blocking;
use crate::storage::{self, Opened, Phase};
use crate::types::{NodeId, Raft, Vote, Wire};

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
/// only pauses. A node that is to leave holds no lease any more when that is proposed.
async fn change<A: Application>(member: &Member<A>, change: Change) -> Result<(), Status> {
    let leaving = match &change {
        ChangeMembers::RemoveVoters(nodes) | ChangeMembers::RemoveNodes(nodes) => nodes.clone(),
        _ => BTreeSet::new(),
    };
    loop {
        let mut barred = Vec::with_capacity(leaving.len());
        for node in &leaving {
            barred.push(member.lease.bar(*node).await.ok_or_else(not_leading)?);
        }
        // On a task of its own: it is seen through, whoever waits for it (see `Barred`).
        let proposing = propose(member.raft.clone(), member.lease.status(), change.clone(), barred);
        match tokio::spawn(proposing).await {
            Ok(Proposed::Committed) => return Ok(()),
            Ok(Proposed::Refused(status)) => return Err(status),
            Ok(Proposed::InProgress) => tokio::time::sleep(CHANGE_PAUSE).await,
            Err(_) => return Err(Status::unavailable("this node stops")),
        }
    }
}

/// What has become of a change that was proposed.
enum Proposed {
    Committed,
    /// Another one was under way.
    InProgress,
    /// It was not appended, or this node does not lead any more.
    Refused(Status),
}

/// Proposes a change once, and returns when it is known what has become of it.
async fn propose(
    raft: Raft,
    mut status: watch::Receiver<lease::Status>,
    change: Change,
    mut barred: Vec<Barred>,
) -> Proposed {
    let leader = status.borrow_and_update().leadership;
    barred.iter_mut().for_each(Barred::proposed);
    // openraft says nothing of an entry that a snapshot has overtaken after this node was deposed.
    let changed = tokio::select! {
        changed = raft.change_membership(change, false) => changed,
        _ = status.wait_for(|now| now.leadership != leader) => {
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(ForwardToLeader::empty())))
        }
    };
    barred.into_iter().for_each(Barred::settled);
    match changed {
        Ok(_) => Proposed::Committed,
        Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(
            ChangeMembershipError::InProgress(_),
        ))) => Proposed::InProgress,
        Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_))) => Proposed::Refused(not_leading()),
        Err(error) => Proposed::Refused(Status::failed_precondition(error.to_string())),
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

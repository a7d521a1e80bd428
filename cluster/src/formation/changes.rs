//! Changes of the membership, by the leader: one at a time, each awaited until it is committed.

use std::collections::BTreeSet;
use std::time::Duration;

use openraft::error::{ChangeMembershipError, ClientWriteError, Fatal, ForwardToLeader, RaftError};
use openraft::{BasicNode, ChangeMembers};
use tokio::sync::{oneshot, watch};
use tonic::Status;

use crate::application::Application;
use crate::lease::{self, Barred};
use crate::node::member::Member;
use crate::node::supervised::once;
use crate::types::{Membership, NodeId, Raft, Vote};

/// How long a change of the membership may take.
pub(crate) const CHANGE_TIMEOUT: Duration = Duration::from_millis(10_000);
/// Pause while another change of membership is under way.
const CHANGE_PAUSE: Duration = Duration::from_millis(50);

pub(crate) type Change = ChangeMembers<NodeId, BasicNode>;

pub(crate) fn not_leading() -> Status {
    Status::failed_precondition("this node does not lead")
}

pub(crate) fn leads<A: Application>(member: &Member<A>, vote: &Vote) -> bool {
    vote.committed && vote.leader_id.node_id == member.site.me()
}

/// The newest membership in the log.
///
/// # Errors
/// This node does not lead, or has stopped.
pub(crate) async fn effective_membership<A: Application>(member: &Member<A>) -> Result<Membership, Status> {
    let stopped = |error: Fatal<NodeId>| Status::unavailable(error.to_string());
    let (vote, effective) = member
        .raft
        .with_raft_state(|state| (*state.vote_ref(), state.membership_state.effective().clone()))
        .await
        .map_err(stopped)?;
    leads(member, &vote).then(|| effective.membership().clone()).ok_or_else(not_leading)
}

/// Makes one change of the membership and waits until it is committed. While another one is under way it
/// only pauses. A node that is to leave holds no lease any more when that is proposed.
///
/// # Errors
/// This node does not lead, or openraft rejects the change.
pub(crate) async fn change<A: Application>(member: &Member<A>, change: Change) -> Result<(), Status> {
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
        let (settled, outcome) = oneshot::channel();
        once(&member.site, "change of the membership", async move {
            let _ = settled.send(proposing.await);
        });
        match outcome.await {
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
    // A bar holds for its own leadership; the next one may have granted since.
    if barred.iter().any(|barred| Some(barred.leader()) != leader) {
        return Proposed::Refused(not_leading());
    }
    barred.iter_mut().for_each(Barred::proposed);
    // openraft reports no outcome for an entry that a snapshot has overtaken after this node was deposed.
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

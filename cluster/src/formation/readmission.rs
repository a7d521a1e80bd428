//! The return of a node that has forgotten its log.
//!
//! What it had acknowledged may have been counted, so it must not vote as if it had not. The leader takes
//! it out of the voters first; only when that is committed does the node run again, as a learner that
//! obeys no leader lower than the one that took it back. [`super::promotion`] makes it a voter again.
//!
//! A second process with the number of a member that lives is turned away, and so is whoever would leave the cluster with
//! too few voters.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use keyraft_proto::cluster as proto;
use openraft::{BasicNode, ChangeMembers};
use tonic::Status;

use super::changes::{CHANGE_TIMEOUT, Change, change, effective_membership, leads, not_leading};
use super::{ASK_PAUSE, Ground, identify, identity, open_fault};
use crate::application::Application;
use crate::network::guard;
use crate::network::peers::Lane;
use crate::node::core::Core;
use crate::node::fault::Fault;
use crate::node::member::Member;
use crate::node::site::Site;
use crate::planted::{Bug, is_planted};
use crate::read_index::confirm_leadership;
use crate::runtime::run_blocking;
use crate::storage::{self, Opened, Phase};
use crate::types::{Membership, NodeId, Vote, Wire};

/// The least number of voters that a cluster is left with, whatever its size: the data are on one disk more than one.
const MIN_VOTERS: usize = 2;

/// Asks the cluster to take this node back, and starts over with nothing but the leader's vote.
pub(crate) async fn rejoin<A: Application>(
    core: &Arc<Core<A>>,
    ground: &Ground<A>,
    opened: Opened<A>,
    reason: &str,
) -> Result<Opened<A>, Fault> {
    let site = &core.site;
    tracing::warn!(node = site.me(), reason, "this node has forgotten its log; it asks to become a learner");
    let (cluster_id, readmitted) = ask_to_rejoin(site, opened.identity.as_ref(), reason).await?;
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
        storage::seed(&options, &environment, disk, &identity, readmitted.vote, readmitted.latest_boot)
    });
    seeded.await.map_err(|failed| Fault::Open { reason: failed.to_string() })?.map_err(open_fault)?;
    ground.reopen(site).await
}

async fn ask_to_rejoin(
    site: &Site,
    known: Option<&storage::Identity>,
    reason: &str,
) -> Result<(String, Readmitted), Fault> {
    let others = site.config.other_members();
    if others.is_empty() {
        return Err(Fault::Lost { reason: reason.to_owned() });
    }
    let address = site.peers.address(site.me()).unwrap_or_default();
    let mut last_refusals: BTreeMap<NodeId, String> = BTreeMap::new();
    loop {
        for peer in &others {
            let Ok(mut client) = site.peers.client(peer.node_id, Lane::Bulk) else { continue };
            let message =
                proto::RejoinRequest { node_id: site.me(), address: address.clone(), process: site.process };
            let call = site.peers.request(message, Some(CHANGE_TIMEOUT));
            let answer = match tokio::time::timeout(CHANGE_TIMEOUT, client.rejoin(call)).await {
                Ok(Ok(answer)) => answer.into_inner(),
                Ok(Err(status)) => {
                    if let (Some(known), Some(other)) = (known, guard::foreign_cluster_of(&status)) {
                        let (own, other) = (known.cluster_id.clone(), other.to_owned());
                        return Err(Fault::ForeignCluster { own, peer: peer.node_id, other });
                    }
                    let reason = status.message().to_owned();
                    if last_refusals.get(&peer.node_id) != Some(&reason) {
                        tracing::warn!(peer = peer.node_id, reason, "not taken back yet");
                        last_refusals.insert(peer.node_id, reason);
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
                return Ok((answer.cluster_id, Readmitted { vote, latest_boot: answer.boot }));
            }
        }
        tokio::time::sleep(ASK_PAUSE).await;
    }
}

/// What the leader lets a node come back with.
#[derive(Debug)]
pub(crate) struct Readmitted {
    /// The vote that it must obey.
    pub(crate) vote: Vote,
    /// The newest boot under which it has written; 0: none.
    pub(crate) latest_boot: u64,
}

/// Why the leader does not take a node back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The member that the caller claims to be is running.
    #[error(
        "node {node} runs at {address} and responds, so the process at {claimed} cannot be it; is a number used twice?"
    )]
    Alive {
        /// The number of both.
        node: NodeId,
        /// Where the member is.
        address: String,
        /// The address that the caller claims.
        claimed: String,
    },
    /// The member that the caller claims to be has responded not long ago, and may still hold a lease.
    #[error("node {node} has responded within the last {within_ms} ms; it is taken back once it is silent")]
    JustHeard {
        /// The node.
        node: NodeId,
        /// How long it has to be silent.
        within_ms: u64,
    },
    /// The cluster would get along with fewer voters than its data are safe on.
    #[error(
        "without node {node} there would be {left} voters, and {least} are the least; an operator has to decide"
    )]
    TooFewVoters {
        /// The node that would leave the voters.
        node: NodeId,
        /// How many would be left.
        left: usize,
        /// How many have to be.
        least: usize,
    },
    /// The voters that would be left could not commit that.
    #[error("without node {node} no majority of the voters responds; it is taken back once one does")]
    NoQuorum {
        /// The node that would leave the voters.
        node: NodeId,
    },
}

/// The leader's part: makes the node a learner.
///
/// The node leaves the membership altogether first. Otherwise the leader would go on counting from what
/// the node had acknowledged before it forgot.
///
/// # Errors
/// `FailedPrecondition`: the member that the caller claims to be responds, too few voters would be left, or this node
/// does not lead. `DeadlineExceeded`: the change was not committed in time, and may be later.
pub(crate) async fn readmit<A: Application>(
    member: &Member<A>,
    request: proto::RejoinRequest,
) -> Result<Readmitted, Status> {
    let node_id = request.node_id;
    if node_id == member.site.me() {
        return Err(Status::failed_precondition("this node has not forgotten"));
    }
    let readmitted = async {
        // One at a time: a second call must not take out the node that the first has let in.
        let _turn = member.changing.lock().await;
        let membership = effective_membership(member).await?;
        if let Some(refusal) = refusal(member, &membership, &request).await {
            let (site, refusal) = (&member.site, refusal.to_string());
            if site.refused_rejoins.is_news(&refusal, site.contact.now()) {
                tracing::warn!(
                    node = node_id,
                    address = request.address,
                    refusal,
                    "a node is not taken back"
                );
            }
            return Err(Status::failed_precondition(refusal));
        }
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
        // The change is applied here, and with it whatever the node wrote before it forgot.
        let latest_boot = member.storage.boot_of(node_id);
        is_leading.then_some(Readmitted { vote, latest_boot }).ok_or_else(not_leading)
    };
    tokio::time::timeout(CHANGE_TIMEOUT, readmitted)
        .await
        .unwrap_or_else(|_| Err(Status::deadline_exceeded("the membership was not committed in time")))
}

async fn refusal<A: Application>(
    member: &Member<A>,
    membership: &Membership,
    request: &proto::RejoinRequest,
) -> Option<Refusal> {
    let node_id = request.node_id;
    let address = membership.get_node(&node_id)?.addr.clone();
    if !is_planted(Bug::StrayRejoin) {
        if is_alive(member, request).await {
            return Some(Refusal::Alive { node: node_id, address, claimed: request.address.clone() });
        }
        let within_ms = member.site.config.follower_lease_ms;
        if was_heard(member, node_id, Duration::from_millis(within_ms)) {
            return Some(Refusal::JustHeard { node: node_id, within_ms });
        }
    }
    let founders = member.site.config.members().len();
    let (left, least) = voters_without(membership, node_id, founders)?;
    if left.len() < least {
        return Some(Refusal::TooFewVoters { node: node_id, left: left.len(), least });
    }
    (!respond(member, left)).then_some(Refusal::NoQuorum { node: node_id })
}

/// Whether a majority of `voters` responds to this leader: without one, a change that leaves them would never be
/// committed, and no other could be made after it.
fn respond<A: Application>(member: &Member<A>, voters: BTreeSet<NodeId>) -> bool {
    let (site, leader) = (&member.site, member.raft.server_metrics().borrow().vote.leader_id);
    let window = Duration::from_millis(site.config.election_timeout_max_ms);
    let remaining = Membership::new(vec![voters], BTreeMap::<NodeId, BasicNode>::new());
    site.contact.quorum_acknowledged(site.me(), leader, &remaining, window)
}

/// Whether the leader has heard a node within the last `window`.
fn was_heard<A: Application>(member: &Member<A>, node: NodeId, window: Duration) -> bool {
    let leader = member.raft.server_metrics().borrow().vote.leader_id;
    member.site.contact.has_acknowledged(node, leader, window)
}

/// Whether another process of the node than the caller's responds at the address of the member.
async fn is_alive<A: Application>(member: &Member<A>, request: &proto::RejoinRequest) -> bool {
    let site = &member.site;
    let answer = identify(site, request.node_id).await;
    // Whoever belongs to no cluster there, or to another one, is not the member.
    answer.is_some_and(|answer| {
        answer.cluster_id == **site.peers.cluster_id() && answer.process != Some(request.process)
    })
}

/// The voters that are left without `node_id`, and how many there have to be: two, or a majority of the founders if
/// that is more. `None`: it is no voter.
fn voters_without(
    membership: &Membership,
    node_id: NodeId,
    founders: usize,
) -> Option<(BTreeSet<NodeId>, usize)> {
    let mut voters: BTreeSet<NodeId> = membership.voter_ids().collect();
    voters.remove(&node_id).then(|| (voters, MIN_VOTERS.max(founders / 2 + 1)))
}

/// The change that is still needed for `node_id` to be no member; `None`: it is none.
async fn next_removal<A: Application>(member: &Member<A>, node_id: NodeId) -> Result<Option<Change>, Status> {
    let membership = effective_membership(member).await?;
    let nodes = BTreeSet::from([node_id]);
    let is_voter = membership.voter_ids().any(|voter| voter == node_id);
    // An earlier leader may have left the change half done.
    let is_joint = membership.get_joint_config().len() > 1;
    Ok(match membership.get_node(&node_id) {
        _ if is_voter || is_joint => Some(ChangeMembers::RemoveVoters(nodes)),
        Some(_) => Some(ChangeMembers::RemoveNodes(nodes)),
        None => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn membership(voters: &[NodeId], learners: &[NodeId]) -> Membership {
        let nodes = voters.iter().chain(learners).map(|node| (*node, BasicNode::default()));
        Membership::new(vec![voters.iter().copied().collect()], nodes.collect::<BTreeMap<_, _>>())
    }

    #[test]
    fn two_voters_stay_or_a_majority_of_the_founders() {
        let without = |voters: &[NodeId], learners: &[NodeId], node, founders| {
            voters_without(&membership(voters, learners), node, founders)
                .map(|(left, least)| (left.len(), least))
        };
        assert_eq!(without(&[1, 2, 3], &[], 3, 3), Some((2, 2)));
        assert_eq!(without(&[1, 2], &[3], 2, 3), Some((1, 2)));
        assert_eq!(without(&[1, 2], &[3], 3, 3), None);
        assert_eq!(without(&[1, 2, 3], &[4, 5], 3, 5), Some((2, 3)));
        assert_eq!(without(&[1, 2], &[], 2, 2), Some((1, 2)));
    }
}

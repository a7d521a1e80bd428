//! Read indexes: the position in the log that a read must have seen, learnt from the leader.
//!
//! A round starts after those who share it have arrived, so whatever was acknowledged to anybody before
//! they came lies at or below the index it brings.

use std::sync::Arc;
use std::time::Duration;

use keyraft_proto::cluster as proto;
use openraft::LogId;
use tonic::Status;

use crate::lease::Lease;
use crate::network::peers::Lane;
use crate::node::site::Site;
use crate::relay::{self, Way};
use crate::rounds::{NotJoined, Rounds};
use crate::types::{LogIndex, NodeId, Raft};

/// How long one round may take; a change of leader ends it sooner.
const ROUND_TIMEOUT: Duration = Duration::from_millis(1_000);

/// Why a round brought no index. Another one may.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoIndex {
    #[error("no leader is known")]
    NoLeader,
    #[error("too many reads wait at the leader")]
    Busy,
    #[error("the leader could not answer: {0}")]
    Failed(String),
}

pub(crate) type ReadIndex = Result<LogIndex, NoIndex>;

impl From<NotJoined> for NoIndex {
    fn from(refused: NotJoined) -> Self {
        match refused {
            NotJoined::Busy => Self::Busy,
            NotJoined::Stopped => Self::NoLeader,
        }
    }
}

/// One round of a node: asks the leader, itself or another, for an index.
pub(crate) async fn ask_leader(site: Arc<Site>, at_leader: Rounds<ReadIndex>) -> ReadIndex {
    let mut leaders = site.leader.subscribe();
    let leader = (*leaders.borrow_and_update()).ok_or(NoIndex::NoLeader)?;
    metrics::counter!("keyraft_read_index_rounds_total").increment(1);
    let asked = async {
        if leader == site.me() {
            return at_leader.join().await?;
        }
        let response = relay::ask_leader(&site, leader, |way| match way {
            Way::Direct => send(&site, leader, false),
            Way::Through(node) => send(&site, node, true),
        });
        response.await.map_err(|status| NoIndex::Failed(status.message().to_owned()))
    };
    tokio::select! {
        answer = tokio::time::timeout(ROUND_TIMEOUT, asked) => {
            answer.unwrap_or_else(|_| Err(NoIndex::Failed("it did not answer in time".into())))
        }
        _ = leaders.wait_for(|now| now.is_some() && *now != Some(leader)) => {
            Err(NoIndex::Failed("another node leads now".into()))
        }
    }
}

async fn send(site: &Site, node: NodeId, relay: bool) -> Result<LogIndex, Status> {
    let mut client = site.peers.client(node, Lane::Urgent)?;
    let call = site.peers.request(proto::ReadIndexRequest { relay }, Some(ROUND_TIMEOUT));
    Ok(client.read_index(call).await?.into_inner().log_index)
}

/// Asks the leader for a node that does not reach it. That node's reads have arrived before it has asked.
///
/// # Errors
/// Those of the leader; this node does not reach it either.
pub(crate) async fn pass_on(site: &Site, leader: NodeId) -> Result<LogIndex, Status> {
    let _slot = site.relays.enter()?;
    send(site, leader, false).await
}

/// One round of a leader. Under its leader lease it knows the index by itself.
pub(crate) async fn index_of_leader(raft: Raft, lease: Arc<Lease>) -> ReadIndex {
    match lease.read_index() {
        Some(index) => Ok(index),
        None => confirm_leadership(raft).await,
    }
}

/// One round of a leader: its first entry is applied, and a quorum still follows it. A leader lease does not say
/// that: while it lasts another node may have been elected, and only may not release anything.
pub(crate) async fn confirm_leadership(raft: Raft) -> ReadIndex {
    // An earlier leader's last entries may be committed without this leader knowing, until an entry
    // of its own is.
    let mut server = raft.server_metrics();
    let mut data = raft.data_metrics();
    let first_applied = async {
        loop {
            let vote = server.borrow_and_update().vote;
            let applied: Option<LogId<NodeId>> = data.borrow_and_update().last_applied;
            if !vote.committed || vote.leader_id.node_id != server.borrow().id {
                return Err(NoIndex::NoLeader);
            }
            if applied.is_some_and(|applied| applied.leader_id == vote.leader_id) {
                return Ok(());
            }
            tokio::select! {
                changed = server.changed() => changed.map_err(|_| NoIndex::NoLeader)?,
                changed = data.changed() => changed.map_err(|_| NoIndex::NoLeader)?,
            }
        }
    };
    tokio::time::timeout(ROUND_TIMEOUT, first_applied)
        .await
        .unwrap_or_else(|_| Err(NoIndex::Failed("its first entry is not applied yet".into())))?;
    match raft.get_read_log_id().await {
        Ok((Some(read), _)) => Ok(read.index),
        Ok((None, _)) => Ok(0),
        Err(refused) => Err(NoIndex::Failed(refused.to_string())),
    }
}

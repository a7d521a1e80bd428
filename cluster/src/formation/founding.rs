//! The first start of a cluster. The member with the lowest number founds it, once every member has said
//! that it belongs to none, and has then durably agreed to the new cluster's id.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use keyraft_proto::cluster as proto;
use openraft::BasicNode;
use openraft::error::{InitializeError, RaftError};
use tokio::sync::mpsc;

use super::{ASK_PAUSE, ASK_TIMEOUT, Affiliation, FormCall, identify, identity, open_fault};
use crate::application::Application;
use crate::network::peers::Lane;
use crate::node::core::Core;
use crate::node::fault::Fault;
use crate::node::member::Member;
use crate::node::site::Site;
use crate::storage::{Identity, Opened, Phase};
use crate::types::NodeId;

/// Bytes of randomness in a cluster id, which is written in hexadecimal.
const CLUSTER_ID_BYTES: usize = 16;

/// How the first start went.
pub(crate) enum Outcome {
    /// All members have agreed; this node writes the first entry.
    Founded(Identity),
    /// The founder has called; it awaits the reply.
    Invited(FormCall),
    /// The cluster with this id has begun without this node: it has forgotten that it was there.
    Late(String),
}

pub(crate) fn is_founder(site: &Site) -> bool {
    site.config.members().iter().map(|peer| peer.node_id).min() == Some(site.me())
}

pub(crate) fn is_cluster_id(text: &str) -> bool {
    text.len() == CLUSTER_ID_BYTES * 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn draw_cluster_id(site: &Site) -> String {
    let mut bytes = [0; CLUSTER_ID_BYTES];
    site.environment.random.fill(&mut bytes);
    bytes.iter().fold(String::with_capacity(CLUSTER_ID_BYTES * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Waits until the cluster is founded, by this node if that is its part.
pub(crate) async fn found<A: Application>(
    core: &Core<A>,
    form_calls: &mut mpsc::Receiver<FormCall>,
    opened: &Opened<A>,
) -> Result<Outcome, Fault> {
    let site = &core.site;
    let others: Vec<NodeId> = site.config.other_members().iter().map(|peer| peer.node_id).collect();
    loop {
        let affiliations = ask_all(site, &others).await;
        if let Some(formed) = affiliations.values().find(|peer| peer.is_formed) {
            return Ok(Outcome::Late(formed.cluster_id.clone()));
        }
        if is_founder(site)
            && affiliations.len() == others.len()
            && let Some(cluster_id) = choose_cluster_id(site, &affiliations)?
        {
            let identity = identity(site, &cluster_id, Phase::Forming);
            opened.handle.save_identity(&identity).map_err(open_fault)?;
            site.peers.set_cluster_id(&cluster_id);
            if all_agree(site, &others, &cluster_id).await {
                return Ok(Outcome::Founded(identity));
            }
        }
        tokio::select! {
            Some(call) = form_calls.recv() => return Ok(Outcome::Invited(call)),
            () = tokio::time::sleep(ASK_PAUSE) => {}
        }
    }
}

async fn ask_all(site: &Site, others: &[NodeId]) -> BTreeMap<NodeId, Affiliation> {
    let asked = others.iter().map(|peer| async move { (*peer, identify(site, *peer).await) });
    let answers = futures::future::join_all(asked).await;
    answers.into_iter().filter_map(|(peer, answer)| Some((peer, answer?))).collect()
}

/// The id that was begun with before this node, or another, was cut off; else a new one.
fn choose_cluster_id(
    site: &Site,
    affiliations: &BTreeMap<NodeId, Affiliation>,
) -> Result<Option<String>, Fault> {
    let mut chosen = site.peers.cluster_id().to_string();
    for (peer, affiliation) in affiliations {
        let other = &affiliation.cluster_id;
        if other.is_empty() {
            continue;
        }
        if chosen.is_empty() {
            chosen.clone_from(other);
        } else if chosen != *other {
            return Err(Fault::ForeignCluster { own: chosen, peer: *peer, other: other.clone() });
        }
    }
    if chosen.is_empty() {
        chosen = draw_cluster_id(site);
    }
    Ok(is_cluster_id(&chosen).then_some(chosen))
}

/// Has every other member durably agree to be a member of the new cluster.
async fn all_agree(site: &Site, others: &[NodeId], cluster_id: &str) -> bool {
    let members: Vec<proto::Member> = site
        .config
        .members()
        .into_iter()
        .map(|peer| proto::Member { node_id: peer.node_id, address: peer.address })
        .collect();
    for peer in others {
        let Ok(mut client) = site.peers.client(*peer, Lane::Bulk) else { return false };
        let message = proto::FormRequest { cluster_id: cluster_id.to_owned(), members: members.clone() };
        let call = site.peers.request(message, Some(ASK_TIMEOUT));
        match tokio::time::timeout(ASK_TIMEOUT, client.form(call)).await {
            Ok(Ok(answer)) if answer.get_ref().accepted => {}
            Ok(Ok(answer)) => {
                tracing::warn!(peer, reason = answer.get_ref().reason, "a peer refuses to form the cluster");
                return false;
            }
            Ok(Err(_)) | Err(_) => return false,
        }
    }
    true
}

/// Writes the entry that begins the log and names all members.
pub(crate) async fn write_first_entry<A: Application>(member: &Member<A>) -> Result<(), Fault> {
    let nodes: BTreeMap<NodeId, BasicNode> = member
        .site
        .config
        .members()
        .into_iter()
        .map(|peer| (peer.node_id, BasicNode { addr: peer.address }))
        .collect();
    match member.raft.initialize(nodes).await {
        // Not allowed: the log has begun already.
        Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
        Err(error) => Err(Fault::Consensus { reason: error.to_string() }),
    }
}

/// Notes durably that the cluster has begun, as soon as this node's log has. From then on an empty log
/// means that the node has forgotten.
pub(crate) async fn mark_formed<A: Application>(
    core: Arc<Core<A>>,
    member: Arc<Member<A>>,
    mut identity: Identity,
) {
    let mut data = member.raft.data_metrics();
    let begun = async { data.wait_for(|data| data.last_log.is_some()).await.map(|_| ()) };
    let has_begun = tokio::select! {
        () = core.site.stopping.cancelled() => false,
        result = begun => result.is_ok(),
    };
    if !has_begun {
        return;
    }
    identity.phase = Phase::Formed;
    match member.storage.save_identity(&identity) {
        Ok(()) => core.set_formed(),
        Err(error) => core.site.faults.raise(open_fault(error)),
    }
}

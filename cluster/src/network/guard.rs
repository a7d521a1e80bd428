//! Who may call this node, checked before any call is looked at: each names its cluster, its sender and its receiver.

use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Request, Status};

use super::admission::Proven;
use super::{CLUSTER_KEY, NODE_KEY, TO_KEY};
use crate::application::Application;
use crate::node::core::Core;
use crate::types::NodeId;

/// Checks a call of any kind. One of another cluster is refused even where the call asks for nothing that belongs to this
/// one; only a node that belongs to none yet leaves its cluster out.
///
/// # Errors
/// `PERMISSION_DENIED`; to a node of another cluster with the id of this one.
#[allow(clippy::result_large_err, reason = "tonic's own error")]
pub(crate) fn check<A: Application>(core: &Core<A>, request: &Request<()>) -> Result<(), Status> {
    let (site, metadata) = (&core.site, request.metadata());
    let proven = request.extensions().get::<Proven>().copied();
    let sender = number(metadata, NODE_KEY)
        .ok_or_else(|| Status::permission_denied("the call does not name its sender"))?;
    if proven != Some(Proven(sender)) {
        let reason = format!("the sender calls itself node {sender}, which its connection has not proved");
        return Err(Status::permission_denied(reason));
    }
    let me = site.me();
    if number(metadata, TO_KEY) != Some(me) {
        let reason =
            format!("this is node {me}, and the call is for {}", text(metadata, TO_KEY).unwrap_or("nobody"));
        return Err(Status::permission_denied(reason));
    }
    if !is_known(core, sender) {
        let reason = format!("node {sender} is neither configured on node {me} nor a member of its cluster");
        if site.refused_calls.is_news(&reason, site.contact.now()) {
            tracing::warn!(reason, "a call was refused");
        }
        return Err(Status::permission_denied(reason));
    }
    let (own, callers) = (site.peers.cluster_id(), text(metadata, CLUSTER_KEY).unwrap_or_default());
    if !callers.is_empty() && !own.is_empty() && callers != own.as_str() {
        return Err(foreign_cluster(&own));
    }
    Ok(())
}

/// The node whose key and number the connection of a call has proved.
pub(crate) fn sender<T>(request: &Request<T>) -> Option<NodeId> {
    request.extensions().get::<Proven>().map(|Proven(node)| *node)
}

/// Checks that the caller belongs to the cluster of this node, which belongs to one.
///
/// # Errors
/// `PERMISSION_DENIED` with the id of that cluster.
#[allow(clippy::result_large_err, reason = "tonic's own error")]
pub(crate) fn check_cluster(metadata: &MetadataMap, own: &str) -> Result<(), Status> {
    match text(metadata, CLUSTER_KEY) {
        Some(callers) if !own.is_empty() && callers == own => Ok(()),
        _ => Err(foreign_cluster(own)),
    }
}

fn foreign_cluster(own: &str) -> Status {
    let mut status = Status::permission_denied("the caller belongs to another cluster");
    if let Ok(id) = MetadataValue::try_from(own) {
        status.metadata_mut().insert(CLUSTER_KEY, id);
    }
    status
}

/// The cluster of a node that has refused a call because the caller belongs to another.
pub(crate) fn foreign_cluster_of(status: &Status) -> Option<&str> {
    text(status.metadata(), CLUSTER_KEY)
}

fn is_known<A: Application>(core: &Core<A>, node: NodeId) -> bool {
    core.site.peers.is_configured(node)
        || core.member().is_some_and(|member| {
            let server = member.raft.server_metrics();
            server.borrow().membership_config.membership().get_node(&node).is_some()
        })
}

fn text<'a>(metadata: &'a MetadataMap, key: &str) -> Option<&'a str> {
    metadata.get(key).and_then(|value| value.to_str().ok())
}

fn number(metadata: &MetadataMap, key: &str) -> Option<NodeId> {
    text(metadata, key).and_then(|value| value.parse().ok())
}

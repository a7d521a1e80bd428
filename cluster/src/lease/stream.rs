//! The other side of a leader's stream: its pings are answered, and what is applied is told at once.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::BoxStream;
use keyraft_proto::cluster as proto;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::Lease;
use super::wire::{message_from_proto, reply_to_proto};
use crate::node::site::Site;
use crate::node::supervised::once;

/// Replies that wait on one stream.
const WAITING_REPLIES: usize = 64;

/// Answers a leader until its stream ends or the node stops.
pub(crate) fn listen(
    lease: Arc<Lease>,
    mut messages: Streaming<proto::LeaderMessage>,
    site: Arc<Site>,
) -> BoxStream<'static, Result<proto::LeaseReply, Status>> {
    let (replies, waiting) = mpsc::channel(WAITING_REPLIES);
    let mut applied = lease.applied_changes();
    let node = Arc::clone(&site);
    once(&node, "replies to the leader", async move {
        loop {
            let reply = tokio::select! {
                biased;
                () = leaves(&site) => {
                    if let Some(reply) = lease.leave() {
                        let _ = replies.send(Ok(reply_to_proto(&reply, lease.wall_ms()))).await;
                    }
                    return;
                }
                () = site.stopping.cancelled() => return,
                message = messages.message() => match message {
                    Ok(Some(message)) => lease.message_from_leader(&message_from_proto(&message)),
                    Ok(None) | Err(_) => return,
                },
                changed = applied.changed() => match changed {
                    Ok(()) => lease.report(),
                    Err(_) => return,
                },
            };
            if let Some(reply) = reply
                && replies.send(Ok(reply_to_proto(&reply, lease.wall_ms()))).await.is_err()
            {
                return;
            }
        }
    });
    ReceiverStream::new(waiting).boxed()
}

/// Returns once this node serves no more, and can still say so.
async fn leaves(site: &Site) {
    tokio::select! {
        () = site.leaving.cancelled() => {}
        _ = site.faults.raised() => {}
    }
}

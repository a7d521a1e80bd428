//! The leader's side of the streams: pings on every heartbeat, releases at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use keyraft_lease::Leadership;
use keyraft_proto::cluster as proto;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio_stream::wrappers::ReceiverStream;

use super::wire::{message_to_proto, reply_from_proto};
use super::{Lease, Status};
use crate::network::peers::Lane;
use crate::node::site::Site;
use crate::node::supervised::once;
use crate::types::NodeId;

/// Messages that wait on one stream. What does not fit is lost, as on any network.
const WAITING_MESSAGES: usize = 64;
/// How long a node may be silent on its stream before a new one is opened.
const SILENCE: Duration = Duration::from_millis(1_000);
/// Pause before a stream is opened again.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

type Outlet = mpsc::Sender<proto::LeaderMessage>;

/// The stream to one node; it ends when this is dropped.
struct Stream {
    outlet: watch::Receiver<Option<Outlet>>,
    task: AbortHandle,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Speaks to all other nodes whenever this node leads, until the node stops.
pub(crate) async fn lead(site: Arc<Site>, lease: Arc<Lease>) {
    let mut status = lease.status();
    loop {
        let Ok(leader) = status.wait_for(|now| now.leadership.is_some()).await.map(|now| now.leadership)
        else {
            return;
        };
        let Some(leader) = leader else { continue };
        tokio::select! {
            () = speak(&site, &lease, leader) => {}
            _ = status.wait_for(|now| now.leadership != Some(leader)) => {}
        }
    }
}

/// Speaks as one leadership.
async fn speak(site: &Arc<Site>, lease: &Arc<Lease>, leader: Leadership) {
    let mut streams: BTreeMap<NodeId, Stream> = BTreeMap::new();
    let mut heartbeat = tokio::time::interval(Duration::from_millis(site.config.heartbeat_ms));
    heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut releases, mut status) = (lease.releases(), lease.status());
    let mut was_serving = false;
    loop {
        let others = lease.others();
        streams.retain(|node, _| others.contains(node));
        for node in others {
            streams.entry(node).or_insert_with(|| {
                let (outlet, current) = watch::channel(None);
                let holding = hold_stream(Arc::clone(site), Arc::clone(lease), node, leader, outlet);
                Stream { outlet: current, task: once(site, "lease stream", holding).abort_handle() }
            });
        }
        let release = async {
            match lease.release() {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        let serves = async {
            match was_serving {
                true => std::future::pending().await,
                false => status.wait_for(|now| now.is_serving).await.is_ok(),
            }
        };
        let message = tokio::select! {
            _ = heartbeat.tick() => lease.ping(),
            changed = releases.changed() => match changed {
                Ok(()) => lease.message(),
                Err(_) => return,
            },
            // The answers to earlier pings brought no grants.
            _ = serves => {
                was_serving = true;
                lease.ping()
            }
            () = release => continue,
        };
        let Some(message) = message.map(message_to_proto) else { return };
        for stream in streams.values() {
            if let Some(outlet) = stream.outlet.borrow().as_ref() {
                let _ = outlet.try_send(message);
            }
        }
    }
}

/// Keeps a stream to one node.
async fn hold_stream(
    site: Arc<Site>,
    lease: Arc<Lease>,
    node: NodeId,
    leader: Leadership,
    outlet: watch::Sender<Option<Outlet>>,
) {
    loop {
        let _ = use_stream(&site, &lease, node, leader, &outlet).await;
        outlet.send_replace(None);
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}

/// Uses one stream until it breaks.
async fn use_stream(
    site: &Site,
    lease: &Lease,
    node: NodeId,
    leader: Leadership,
    outlet: &watch::Sender<Option<Outlet>>,
) -> Result<(), tonic::Status> {
    let timed_out = |_| tonic::Status::deadline_exceeded("a stream of pings");
    let mut client = site.peers.client(node, Lane::Urgent)?;
    let (messages, waiting) = mpsc::channel(WAITING_MESSAGES);
    let call = site.peers.request(ReceiverStream::new(waiting), None);
    let answers = tokio::time::timeout(SILENCE, client.lease(call)).await.map_err(timed_out)?;
    let mut answers = answers?.into_inner();
    outlet.send_replace(Some(messages.clone()));
    // At once: a new leader is waited for.
    if let Some(ping) = lease.ping().filter(|ping| ping.leader == leader) {
        let _ = messages.try_send(message_to_proto(ping));
    }
    while let Some(answer) = tokio::time::timeout(SILENCE, answers.message()).await.map_err(timed_out)?? {
        let reply = reply_from_proto(&answer);
        if reply.node != node {
            continue;
        }
        if let Some(grant) = lease.reply(&reply, answer.wall_clock_ms) {
            let _ = messages.try_send(message_to_proto(grant));
        }
    }
    Ok(())
}

impl Status {
    /// Whether this node leads and stamps by a ceiling of its own.
    pub(crate) fn may_stamp(&self) -> bool {
        self.is_serving && self.has_time
    }
}

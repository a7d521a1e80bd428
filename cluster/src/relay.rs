//! The way to the leader where the link to it is lost: through another node, which passes the call on. One node only:
//! what is passed on is not marked, so whoever receives it and does not lead refuses it.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Code, Status};

use crate::node::site::Site;
use crate::types::NodeId;

/// How long the leader may be silent before it is asked through another node, too.
const PATIENCE: Duration = Duration::from_millis(500);
/// How many calls of others a node passes on at a time; more are refused.
const MOST_PASSED_ON: usize = 256;

/// What a node knows of the way to its leader, and what it passes on for others.
pub(crate) struct Relays {
    /// The leader that was last reached through another node only, and that node.
    detour: Mutex<Option<(NodeId, NodeId)>>,
    slots: Arc<Semaphore>,
}

impl Relays {
    pub(crate) fn new() -> Self {
        Self { detour: Mutex::default(), slots: Arc::new(Semaphore::new(MOST_PASSED_ON)) }
    }

    /// Room to pass on a call of another node, as long as it is held.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED`: too many are under way. Nothing was passed on.
    #[allow(clippy::result_large_err, reason = "tonic's own error")]
    pub(crate) fn enter(&self) -> Result<OwnedSemaphorePermit, Status> {
        let full = |_| Status::resource_exhausted("too many calls are passed on");
        Arc::clone(&self.slots).try_acquire_owned().map_err(full)
    }

    fn detour_to(&self, leader: NodeId) -> Option<NodeId> {
        let detour = *self.detour.lock().unwrap_or_else(PoisonError::into_inner);
        detour.filter(|(to, _)| *to == leader).map(|(_, through)| through)
    }

    fn set_detour(&self, leader: NodeId, through: Option<NodeId>) {
        let mut detour = self.detour.lock().unwrap_or_else(PoisonError::into_inner);
        let next = through.map(|through| (leader, through));
        if *detour == next {
            return;
        }
        match through {
            Some(through) => {
                tracing::warn!(leader, through, "the leader is reached through another node only")
            }
            None => tracing::info!(leader, "the leader is reached directly"),
        }
        *detour = next;
    }
}

/// Whom a call is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the leader.
    Direct,
    /// To a node that passes it on.
    Through(NodeId),
}

/// Asks the leader: directly, and where it is silent through one other node after the other. The first response counts, so
/// what is asked has to be idempotent. Where nothing leads to the leader, the failure of the direct way is returned.
/// Cancel-safe as far as `ask` is.
pub(crate) async fn ask_leader<T, Asking>(
    site: &Site,
    leader: NodeId,
    ask: impl Fn(Way) -> Asking,
) -> Result<T, Status>
where
    Asking: Future<Output = Result<T, Status>>,
{
    let relays = &site.relays;
    let known = relays.detour_to(leader);
    let patience = if known.is_some() { Duration::ZERO } else { PATIENCE };
    let mut direct = pin!(ask(Way::Direct));
    let mut failed = None;
    tokio::select! {
        biased;
        response = &mut direct => match response {
            Err(status) if is_of_the_way(&status) => failed = Some(status),
            response => {
                relays.set_detour(leader, None);
                return response;
            }
        },
        () = tokio::time::sleep(patience) => {}
    }
    let candidates = site.peers.others().into_iter().filter(|node| *node != leader && Some(*node) != known);
    let candidates = known.into_iter().chain(candidates);
    let mut relayed = pin!(through_others(candidates, &ask));
    if failed.is_none() {
        tokio::select! {
            biased;
            response = &mut direct => match response {
                Err(status) if is_of_the_way(&status) => failed = Some(status),
                response => {
                    relays.set_detour(leader, None);
                    return response;
                }
            },
            relayed = &mut relayed => return match relayed {
                Some((through, response)) => {
                    relays.set_detour(leader, Some(through));
                    Ok(response)
                }
                None => direct.await,
            },
        }
    }
    match (relayed.await, failed) {
        (Some((through, response)), _) => {
            relays.set_detour(leader, Some(through));
            Ok(response)
        }
        (None, Some(status)) => Err(status),
        (None, None) => Err(Status::unavailable("the leader was not reached")),
    }
}

async fn through_others<T, Asking>(
    candidates: impl Iterator<Item = NodeId>,
    ask: &impl Fn(Way) -> Asking,
) -> Option<(NodeId, T)>
where
    Asking: Future<Output = Result<T, Status>>,
{
    for node in candidates {
        // A refusal means that this node does not reach the leader either, or that the leader is another by now.
        if let Ok(response) = ask(Way::Through(node)).await {
            return Some((node, response));
        }
    }
    None
}

/// Returns true where a call has failed on its way: tonic marks it with codes that a leader itself does not use.
fn is_of_the_way(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown | Code::Internal
    )
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::time::Instant;

    use super::*;
    use crate::config::{NodeConfig, Peer};
    use crate::environment::Environment;
    use crate::host::Host;

    const LEADER: NodeId = 1;

    /// The site of node 2 of four.
    fn site() -> Arc<Site> {
        let peers = (1..=4).map(|node_id| Peer { node_id, address: format!("h:{node_id}") }).collect();
        let config = NodeConfig { node_id: 2, peers, ..NodeConfig::default() };
        Site::new(config, Environment::system().unwrap(), &Host::in_memory())
    }

    /// Asks a leader that is silent on the direct way while that is lost. Node 3 does not reach it either.
    async fn ask(site: &Site, is_lost: &AtomicBool) -> (Result<Way, Code>, u128) {
        let started = Instant::now();
        let response = ask_leader(site, LEADER, async |way| match way {
            Way::Direct if is_lost.load(Ordering::Relaxed) => std::future::pending().await,
            Way::Through(3) => Err(Status::aborted("a test")),
            way => Ok(way),
        });
        let response = response.await.map_err(|status| status.code());
        (response, started.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_leader_is_asked_through_another_until_it_responds_directly() {
        let (site, is_lost) = (site(), AtomicBool::new(false));
        assert_eq!(ask(&site, &is_lost).await, (Ok(Way::Direct), 0));
        is_lost.store(true, Ordering::Relaxed);
        let patience_ms = PATIENCE.as_millis();
        assert_eq!(ask(&site, &is_lost).await, (Ok(Way::Through(4)), patience_ms));
        let (response, waited_ms) = ask(&site, &is_lost).await;
        assert!(response == Ok(Way::Through(4)) && waited_ms <= 1, "{response:?} after {waited_ms} ms");
        is_lost.store(false, Ordering::Relaxed);
        assert_eq!(ask(&site, &is_lost).await, (Ok(Way::Direct), 0));
        is_lost.store(true, Ordering::Relaxed);
        assert_eq!(ask(&site, &is_lost).await.1, patience_ms);
    }

    #[tokio::test(start_paused = true)]
    async fn a_broken_way_is_left_at_once_and_a_refusal_of_the_leader_is_final() {
        let (site, started) = (site(), Instant::now());
        let response = ask_leader(&site, LEADER, async |way| match way {
            Way::Direct => Err(Status::unavailable("a test")),
            way => Ok(way),
        });
        assert_eq!(response.await.unwrap(), Way::Through(3));
        for code in [Code::Aborted, Code::FailedPrecondition, Code::ResourceExhausted] {
            let response = ask_leader(&site, LEADER, async |way| match way {
                Way::Direct => Err(Status::new(code, "a test")),
                way => Ok(way),
            });
            assert_eq!(response.await.unwrap_err().code(), code);
        }
        let response = ask_leader(&site, LEADER, async |way| match way {
            Way::Direct => Err::<(), _>(Status::unavailable("directly")),
            Way::Through(_) => Err(Status::aborted("through another")),
        });
        assert_eq!(response.await.unwrap_err().message(), "directly");
        assert!(started.elapsed() < PATIENCE);
    }

    #[tokio::test]
    async fn no_more_is_passed_on_than_there_is_room_for() {
        let relays = Relays::new();
        let mut held: Vec<_> = (0..MOST_PASSED_ON).map(|_| relays.enter().unwrap()).collect();
        assert_eq!(relays.enter().unwrap_err().code(), Code::ResourceExhausted);
        held.pop();
        assert!(relays.enter().is_ok());
    }
}

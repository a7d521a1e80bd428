//! Which nodes answer this one while it leads, said once when that changes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::environment::Clock;
use crate::types::NodeId;

/// A node that has answered nothing for this long, while it was asked, is said to be silent.
const SILENCE: Duration = Duration::from_secs(2);

/// What is known of the answers of the other nodes.
pub(crate) struct Reach {
    clock: Arc<dyn Clock>,
    peers: Mutex<BTreeMap<NodeId, Peer>>,
}

#[derive(Default)]
struct Peer {
    asked: Duration,
    unanswered_since: Option<Duration>,
    last_failure: Option<String>,
    is_silent: bool,
}

impl Reach {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, peers: Mutex::new(BTreeMap::new()) }
    }

    /// A node is being asked. True when it has just become silent.
    pub(crate) fn asked(&self, node: NodeId) -> bool {
        let now = self.clock.elapsed();
        self.with(node, |peer| {
            if now.saturating_sub(peer.asked) >= SILENCE {
                // It was not asked meanwhile: its silence says nothing.
                peer.unanswered_since = None;
            }
            peer.asked = now;
            let silent_for = now.saturating_sub(*peer.unanswered_since.get_or_insert(now));
            let is_news = !peer.is_silent && silent_for >= SILENCE;
            if is_news {
                peer.is_silent = true;
                let reason = peer.last_failure.as_deref().unwrap_or("it says nothing");
                tracing::warn!(node, reason, "a node cannot be reached");
            }
            is_news
        })
    }

    /// A node could not be asked, or has refused to answer.
    pub(crate) fn failed(&self, node: NodeId, reason: &str) {
        self.with(node, |peer| peer.last_failure = Some(reason.to_owned()));
    }

    /// A node has answered, or spoken by itself. True when it had been silent.
    pub(crate) fn heard(&self, node: NodeId) -> bool {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(peer) = peers.get_mut(&node) else { return false };
        (peer.unanswered_since, peer.last_failure) = (None, None);
        let is_news = std::mem::take(&mut peer.is_silent);
        if is_news {
            tracing::info!(node, "a node can be reached again");
        }
        is_news
    }

    fn with<T>(&self, node: NodeId, change: impl FnOnce(&mut Peer) -> T) -> T {
        change(self.peers.lock().unwrap_or_else(PoisonError::into_inner).entry(node).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    struct HandClock(AtomicU64);

    impl Clock for HandClock {
        fn wall_ms(&self) -> u64 {
            0
        }
        fn elapsed(&self) -> Duration {
            Duration::from_millis(self.0.load(Ordering::SeqCst))
        }
    }

    fn reach() -> (Arc<HandClock>, Reach) {
        let clock = Arc::new(HandClock(AtomicU64::new(10_000)));
        (Arc::clone(&clock), Reach::new(clock))
    }

    /// How often it is said that node 2 is silent, asked every 100 ms for `duration_ms`.
    fn said(clock: &HandClock, reach: &Reach, duration_ms: u64) -> usize {
        (0..duration_ms / 100)
            .filter(|_| {
                clock.0.fetch_add(100, Ordering::SeqCst);
                reach.asked(2)
            })
            .count()
    }

    #[test]
    fn silence_and_its_end_are_said_once() {
        let (clock, reach) = reach();
        assert_eq!(said(&clock, &reach, 1_900), 0);
        assert_eq!(said(&clock, &reach, 60_000), 1);
        assert!(reach.heard(2));
        assert!(!reach.heard(2));
        assert_eq!(said(&clock, &reach, 5_000), 1);
    }

    #[test]
    fn a_node_that_was_not_asked_meanwhile_is_not_silent() {
        let (clock, reach) = reach();
        assert_eq!(said(&clock, &reach, 1_000), 0);
        clock.0.fetch_add(3_600_000, Ordering::SeqCst);
        assert_eq!(said(&clock, &reach, 1_900), 0);
    }
}

//! The state as readers see it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use crate::application::Application;
use crate::types::LogIndex;

/// One consistent point of the log: the application's state and where it stands.
pub struct Published<A: Application> {
    /// The application's state after `applied_index`.
    pub state: A::State,
    /// The last applied entry; 0 before the first.
    pub applied_index: LogIndex,
    /// Log time of that entry, milliseconds since the epoch.
    pub log_time_ms: u64,
    /// Digest of all rows, the cluster's own among them.
    pub digest: u128,
}

/// The newest published state, and a way to wait for a later one.
///
/// Cheap to clone; every clone sees the same state.
pub struct Publication<A: Application> {
    current: Arc<ArcSwap<Published<A>>>,
    applied: watch::Sender<LogIndex>,
}

impl<A: Application> Clone for Publication<A> {
    fn clone(&self) -> Self {
        Self { current: Arc::clone(&self.current), applied: self.applied.clone() }
    }
}

impl<A: Application> Publication<A> {
    pub(crate) fn new(first: Published<A>) -> Self {
        let applied = watch::Sender::new(first.applied_index);
        Self { current: Arc::new(ArcSwap::from_pointee(first)), applied }
    }

    /// The newest state that this node has applied. It may lie behind what other nodes have shown.
    #[must_use]
    pub fn load(&self) -> Arc<Published<A>> {
        self.current.load_full()
    }

    /// Shows `next` to readers, then wakes those who wait for its index.
    pub(crate) fn publish(&self, next: Published<A>) {
        let index = next.applied_index;
        self.current.store(Arc::new(next));
        self.applied.send_replace(index);
    }

    /// Returns once this node has applied `index`. Cancel-safe.
    pub async fn wait_applied(&self, index: LogIndex) {
        let mut applied = self.applied.subscribe();
        // The sender lives as long as `self`.
        let _ = applied.wait_for(|at| *at >= index).await;
    }
}

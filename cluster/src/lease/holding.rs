//! What any node does with its lease: answers to a leader, the right to read, and waits for what comes of it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use keyraft_lease::{LeaderMessage, Reply};
use tokio::sync::watch;

use super::{Lease, Status, nanos};
use crate::planted::{Bug, is_planted};
use crate::types::LogIndex;

impl Lease {
    /// A leader has spoken.
    pub(super) fn message_from_leader(&self, message: &LeaderMessage) -> Option<Reply> {
        self.step(|inner, now| {
            if let Some(pair) = message.time {
                inner.pairs.told(pair, inner.node.applied_index());
            }
            inner.node.message_from_leader(message, now)
        })
    }

    /// This process reads no more; what the leader is told, so that it need not wait.
    pub(super) fn leave(&self) -> Option<Reply> {
        self.step(|inner, now| inner.node.leave(now))
    }

    /// Follows what this lease counts as applied: whoever reports on a change, reports it.
    ///
    /// Readers are shown a state before the lease counts it. A report on that would come too early and tell of the state
    /// before, and nothing would mend it but the next heartbeat, for which the writer would wait.
    pub(super) fn applied_changes(&self) -> watch::Receiver<LogIndex> {
        self.applied.subscribe()
    }

    /// What the wall clock of this machine shows, in milliseconds since the epoch.
    pub(super) fn wall_ms(&self) -> u64 {
        self.clock.wall_ms()
    }

    /// Something was applied: the last ping is answered again.
    pub(super) fn report(&self) -> Option<Reply> {
        self.step(|inner, now| inner.node.report(now))
    }

    /// Whether a read may take place now. The state is loaded afterwards.
    pub(crate) fn may_read(&self) -> bool {
        if is_planted(Bug::ReadWithoutLease) {
            return true;
        }
        let until_ns = self.until_ns.load(Ordering::SeqCst);
        until_ns > 0 && self.clock.elapsed().as_nanos() < u128::from(until_ns)
    }

    /// For how long others may have shown what this node has not: the time since it could last read by itself.
    /// `None`: it never could.
    pub(crate) fn staleness(&self) -> Option<Duration> {
        let now_ns = nanos(self.clock.elapsed());
        let until_ns = self.until_ns.load(Ordering::SeqCst).min(now_ns);
        let last_ns = until_ns.max(self.lasted_until_ns.load(Ordering::SeqCst));
        (last_ns > 0).then(|| Duration::from_nanos(now_ns.saturating_sub(last_ns)))
    }

    /// The last index that is applied here, and the last one that is released.
    pub(crate) fn progress(&self) -> (LogIndex, LogIndex) {
        let node = &self.lock().node;
        (node.applied_index(), node.released())
    }

    /// Follows leadership and the right to read.
    pub(crate) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// How long this node has held a lease without a break; `None`: it holds none.
    pub(crate) fn age(&self) -> Option<Duration> {
        let since = self.status.borrow().held_since?;
        self.may_read().then(|| self.clock.elapsed().saturating_sub(since))
    }

    /// Returns once everything up to `index` is released. Cancel-safe.
    pub(crate) async fn wait_released(&self, index: LogIndex) {
        let _ = self.released.subscribe().wait_for(|released| *released >= index).await;
    }

    /// The same, for a leader; false: it is deposed before.
    pub(crate) async fn wait_released_as_leader(&self, index: LogIndex) -> bool {
        let mut status = self.status();
        let leader = status.borrow_and_update().leadership;
        tokio::select! {
            biased;
            () = self.wait_released(index) => true,
            _ = status.wait_for(|now| now.leadership != leader || leader.is_none()) => false,
        }
    }

    /// Follows what is released.
    pub(super) fn releases(&self) -> watch::Receiver<LogIndex> {
        self.released.subscribe()
    }

    /// Cluster time as far as it is known, in milliseconds since the epoch; 0: not yet.
    pub(crate) fn time_ms(&self) -> u64 {
        if is_planted(Bug::WallClockStamps) {
            return self.clock.wall_ms();
        }
        *self.time_ms.borrow()
    }

    /// Follows cluster time.
    pub(crate) fn times(&self) -> watch::Receiver<u64> {
        self.time_ms.subscribe()
    }
}

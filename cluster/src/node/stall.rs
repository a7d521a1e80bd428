//! A leader whose state does not advance.
//!
//! Heartbeats do not depend on the state, so a leader that cannot apply, since its disk hangs for example, would keep
//! its leadership for ever, and nobody's write would end. It stops instead: another node may be able to apply.

use std::sync::Arc;
use std::time::Duration;

use crate::application::Application;
use crate::node::fault::Fault;
use crate::node::member::Member;
use crate::types::LogIndex;

/// Time between two checks.
const CHECK: Duration = Duration::from_millis(500);
/// Longest time that one check counts: a process that was suspended is not blamed for the rest.
const MOST_COUNTED: Duration = Duration::from_millis(1_000);
/// Time for which a leader may apply nothing of what is committed. One entry, which changes a bounded number of rows, takes
/// milliseconds.
const PATIENCE: Duration = Duration::from_millis(10_000);

/// An index that has to follow another.
#[derive(Debug, Default)]
struct Progress {
    reached: LogIndex,
    idle: Duration,
}

impl Progress {
    /// Returns for how long the index has stayed in place although it could move. Each step forward begins that anew.
    fn look(&mut self, reached: LogIndex, wanted: LogIndex, passed: Duration) -> Duration {
        let is_stuck = reached < wanted && reached == self.reached;
        self.idle = if is_stuck { self.idle.saturating_add(passed) } else { Duration::ZERO };
        self.reached = reached;
        self.idle
    }
}

/// Raises a fault when this node leads, and applies or releases nothing any more of what it could.
///
/// A follower may stay in place for as long as a snapshot takes to install; nobody waits for it for longer than a lease.
pub(crate) async fn watch<A: Application>(member: Arc<Member<A>>) {
    let (clock, config) = (&member.site.environment.clock, &member.site.config);
    // What is applied waits for the leases of others, and no longer than they last.
    let release_patience = PATIENCE + 2 * Duration::from_millis(config.follower_lease_ms);
    let (mut leader, mut applying, mut releasing) = (None, Progress::default(), Progress::default());
    let mut looked_at = clock.elapsed();
    loop {
        tokio::time::sleep(CHECK).await;
        let now = clock.elapsed();
        let passed = now.saturating_sub(std::mem::replace(&mut looked_at, now)).min(MOST_COUNTED);
        let status = *member.lease.status().borrow();
        if status.leadership != leader || status.leadership.is_none() {
            (leader, applying, releasing) = (status.leadership, Progress::default(), Progress::default());
            continue;
        }
        let state = member.raft.with_raft_state(|state| state.committed.map(|committed| committed.index));
        let Ok(committed) = state.await else { return };
        let committed = committed.unwrap_or_default();
        let (applied, released) = member.lease.progress();
        let apply_idle = applying.look(applied, committed, passed);
        // Before its first entry is committed, which takes a majority, a leader releases nothing.
        let releasable = if status.is_serving { applied } else { 0 };
        let release_idle = releasing.look(released, releasable, passed);
        if apply_idle >= PATIENCE || release_idle >= release_patience {
            let idle = apply_idle.max(release_idle);
            let for_ms = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
            member.site.faults.raise(Fault::Stalled { committed, applied, released, for_ms });
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn only_an_index_that_could_move_and_does_not_is_idle() {
        let mut progress = Progress::default();
        assert_eq!(progress.look(5, 9, SECOND), Duration::ZERO, "it has come there since");
        assert_eq!(progress.look(5, 9, SECOND), SECOND);
        assert_eq!(progress.look(5, 12, SECOND), SECOND * 2);
        assert_eq!(progress.look(6, 12, SECOND), Duration::ZERO, "it moves");
        assert_eq!(progress.look(12, 12, SECOND), Duration::ZERO);
        assert_eq!(progress.look(12, 12, SECOND), Duration::ZERO, "there is nowhere to go");
        assert_eq!(progress.look(12, 13, SECOND), SECOND);
    }
}

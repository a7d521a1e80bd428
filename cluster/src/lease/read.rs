//! Whether this node may answer a read now: by its lease, else by an index from the leader.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::application::Application;
use crate::node::fault::Fault;
use crate::node::member::Member;
use crate::published::{Published, View};
use crate::read_index::NoIndex;
use crate::types::LogIndex;

/// Pause between two rounds that brought no index, unless the leader changes sooner.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Why a read was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// No leader was found that a quorum follows.
    #[error("no leader was found in {waited_ms} ms")]
    NoLeader {
        /// How long it was tried.
        waited_ms: u64,
    },
    /// This node is behind: it has not applied what the leader says a read must see.
    #[error("this node did not catch up with entry {index} in {waited_ms} ms")]
    Behind {
        /// The entry it had to apply.
        index: LogIndex,
        /// How long it was tried.
        waited_ms: u64,
    },
    /// What was read is being changed, and whether all may show it was not learnt.
    #[error("entry {index} was not released in {waited_ms} ms")]
    Unreleased {
        /// The entry that brings the change.
        index: LogIndex,
        /// How long it was waited for.
        waited_ms: u64,
    },
    /// Too many reads wait.
    #[error("too many reads wait")]
    Busy,
    /// This node has stopped serving.
    #[error("this node does not serve: {0}")]
    Faulty(Fault),
    /// The node stops.
    #[error("the node stops")]
    Stopped,
}

/// Returns once a read may proceed: a view that is loaded **afterwards** holds all that was acknowledged to
/// anybody before this call, and all that any node had shown.
///
/// A read that may rather be stale than fail names the `longest` time for which others may have shown more. Where
/// within a heartbeat no leader lets it proceed, it may, if this node could read by itself no longer than that ago. The
/// answer says how long it is; `None`: the read is linearizable.
///
/// The order matters: check, then load. The check is the point at which the read takes place.
///
/// # Errors
/// It may not, within the configured `read_timeout_ms`.
pub(crate) async fn permit_read<A: Application>(
    member: &Member<A>,
    longest: Duration,
) -> Result<Option<Duration>, ReadError> {
    let lease = &member.lease;
    if lease.may_read() {
        lease.counters.by_lease.increment(1);
        return Ok(None);
    }
    let permitted = match longest.is_zero() {
        true => without_lease(member).await.map(|()| None),
        false => {
            let patience = Duration::from_millis(member.site.config.heartbeat_ms);
            let staleness = || lease.staleness().filter(|staleness| *staleness <= longest);
            rather_stale(without_lease(member), patience, staleness).await
        }
    };
    let counter = match permitted {
        Ok(None) => &lease.counters.by_read_index,
        Ok(Some(_)) => &lease.counters.stale,
        Err(_) => &lease.counters.refused,
    };
    counter.increment(1);
    permitted
}

/// Asks for a right once; where it has not come after `patience`, or is refused for want of a leader, `staleness` may
/// do. Where that is too long, the right is waited for on.
async fn rather_stale(
    right: impl Future<Output = Result<(), ReadError>>,
    patience: Duration,
    staleness: impl FnOnce() -> Option<Duration>,
) -> Result<Option<Duration>, ReadError> {
    let mut right = pin!(right);
    let refused = match tokio::time::timeout(patience, &mut right).await {
        Ok(outcome @ (Ok(()) | Err(ReadError::Faulty(_) | ReadError::Stopped))) => {
            return outcome.map(|()| None);
        }
        Ok(refused) => Some(refused),
        Err(_) => None,
    };
    match (staleness(), refused) {
        (Some(staleness), _) => Ok(Some(staleness)),
        (None, Some(refused)) => refused.map(|()| None),
        (None, None) => right.await.map(|()| None),
    }
}

async fn without_lease<A: Application>(member: &Member<A>) -> Result<(), ReadError> {
    let (site, lease) = (&member.site, &member.lease);
    let waited_ms = site.config.read_timeout_ms;
    let mut awaited = None;
    let permitted = async {
        let (mut leaders, mut status) = (site.leader.subscribe(), lease.status());
        loop {
            status.mark_unchanged();
            if lease.may_read() {
                return Ok(());
            }
            let by_index = async {
                let index = match member.reads.join().await? {
                    Ok(index) => index,
                    Err(NoIndex::Busy) => return Err(ReadError::Busy),
                    Err(NoIndex::NoLeader | NoIndex::Failed(_)) => return Ok(None),
                };
                awaited = Some(index);
                member.publication.wait_applied(index).await;
                lease.wait_released(index).await;
                Ok::<_, ReadError>(Some(()))
            };
            tokio::select! {
                by_index = by_index => match by_index? {
                    Some(()) => return Ok(()),
                    None => {
                        let _ = tokio::time::timeout(RETRY_PAUSE, leaders.changed()).await;
                    }
                },
                changed = status.changed() => changed.map_err(|_| ReadError::Stopped)?,
            }
        }
    };
    let permitted = tokio::select! {
        biased;
        fault = site.faults.raised() => return Err(ReadError::Faulty(fault)),
        () = site.stopping.cancelled() => return Err(ReadError::Stopped),
        permitted = tokio::time::timeout(Duration::from_millis(waited_ms), permitted) => permitted,
    };
    match (permitted, awaited) {
        (Ok(result), _) => result,
        (Err(_), Some(index)) => Err(ReadError::Behind { index, waited_ms }),
        (Err(_), None) => Err(ReadError::NoLeader { waited_ms }),
    }
}

/// The newest state of a view, once all may show it.
///
/// # Errors
/// That was not learnt within `read_timeout_ms`.
pub(crate) async fn settle<A: Application>(
    member: &Member<A>,
    view: &View<A>,
) -> Result<Arc<Published<A>>, ReadError> {
    let (site, lease) = (&member.site, &member.lease);
    let Some(index) = view.awaited() else { return Ok(Arc::clone(view.newest())) };
    lease.counters.delayed.increment(1);
    let waited_ms = site.config.read_timeout_ms;
    let released = tokio::select! {
        biased;
        fault = site.faults.raised() => return Err(ReadError::Faulty(fault)),
        () = site.stopping.cancelled() => return Err(ReadError::Stopped),
        released = tokio::time::timeout(Duration::from_millis(waited_ms), lease.wait_released(index)) => released,
    };
    match released {
        Ok(()) => Ok(Arc::clone(view.newest())),
        Err(_) => {
            lease.counters.refused.increment(1);
            Err(ReadError::Unreleased { index, waited_ms })
        }
    }
}

impl From<crate::rounds::NotJoined> for ReadError {
    fn from(refused: crate::rounds::NotJoined) -> Self {
        match refused {
            crate::rounds::NotJoined::Busy => Self::Busy,
            crate::rounds::NotJoined::Stopped => Self::Stopped,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(100);
    const STALENESS: Duration = Duration::from_millis(7);

    /// What a right that ends after so long leads to, and after how long.
    async fn ended(
        after_ms: u64,
        right: Result<(), ReadError>,
        staleness: Option<Duration>,
    ) -> (Result<Option<Duration>, ReadError>, u128) {
        let started = Instant::now();
        let right = async {
            tokio::time::sleep(Duration::from_millis(after_ms)).await;
            right
        };
        let ended = rather_stale(right, PATIENCE, || staleness).await;
        (ended, started.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_is_stale_only_where_the_right_does_not_come_in_time() {
        let refusal = || Err(ReadError::NoLeader { waited_ms: 300 });
        assert_eq!(ended(99, Ok(()), Some(STALENESS)).await, (Ok(None), 99));
        assert_eq!(ended(300, refusal(), Some(STALENESS)).await, (Ok(Some(STALENESS)), 100));
        assert_eq!(ended(30, refusal(), Some(STALENESS)).await, (Ok(Some(STALENESS)), 30));
        assert_eq!(ended(30, Err(ReadError::Stopped), Some(STALENESS)).await, (Err(ReadError::Stopped), 30));
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_would_be_too_stale_waits_no_longer_than_any_other() {
        let refusal = || Err(ReadError::NoLeader { waited_ms: 300 });
        assert_eq!(ended(300, refusal(), None).await, (refusal().map(|()| None), 300));
        assert_eq!(ended(250, Ok(()), None).await, (Ok(None), 250));
        assert_eq!(ended(30, refusal(), None).await, (refusal().map(|()| None), 30));
    }
}

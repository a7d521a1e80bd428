//! Whether this node may answer a read now: by its lease, else by an index from the leader.

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
/// The order matters: check, then load. The check is the point at which the read takes place.
///
/// # Errors
/// It may not, within the configured `read_timeout_ms`.
async fn permit_read<A: Application>(member: &Member<A>) -> Result<(), ReadError> {
    let lease = &member.lease;
    if lease.may_read() {
        lease.counters.by_lease.increment(1);
        return Ok(());
    }
    let permitted = without_lease(member).await;
    match permitted {
        Ok(()) => lease.counters.by_read_index.increment(1),
        Err(_) => lease.counters.refused.increment(1),
    }
    permitted
}

/// The same, for a read that may rather be stale than fail: where no leader lets it proceed within a heartbeat, it
/// may, if this node could read by itself no longer than `longest` ago. The answer says how long that is.
///
/// # Errors
/// As of [`permit_read`], where that is too long ago.
pub(crate) async fn permit_stale_read<A: Application>(
    member: &Member<A>,
    longest: Duration,
) -> Result<Option<Duration>, ReadError> {
    let (site, lease) = (&member.site, &member.lease);
    if !longest.is_zero() && !lease.may_read() {
        let patience = Duration::from_millis(site.config.heartbeat_ms);
        match tokio::time::timeout(patience, permit_read(member)).await {
            Ok(Ok(())) => return Ok(None),
            Ok(Err(refusal @ (ReadError::Faulty(_) | ReadError::Stopped))) => return Err(refusal),
            Ok(Err(_)) | Err(_) => {}
        }
        if let Some(staleness) = lease.staleness().filter(|staleness| *staleness <= longest) {
            lease.counters.stale.increment(1);
            return Ok(Some(staleness));
        }
    }
    permit_read(member).await.map(|()| None)
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

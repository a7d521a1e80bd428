//! Whether this node may answer a read now.

use std::time::Duration;

use crate::application::Application;
use crate::node::fault::Fault;
use crate::node::member::Member;
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

/// Returns once a read may proceed: a state that is loaded **afterwards** holds all that was
/// acknowledged to anybody before this call, and all that any node had shown.
///
/// The order matters: check, then load. The check is the point at which the read takes place.
///
/// # Errors
/// It may not, within the configured `read_timeout_ms`.
pub(crate) async fn permit_read<A: Application>(member: &Member<A>) -> Result<(), ReadError> {
    let site = &member.site;
    let waited_ms = site.config.read_timeout_ms;
    let mut awaited = None;
    let permitted = async {
        let mut leaders = site.leader.subscribe();
        loop {
            match member.reads.join().await? {
                Ok(index) => {
                    awaited = Some(index);
                    member.publication.wait_applied(index).await;
                    return Ok(());
                }
                Err(NoIndex::Busy) => return Err(ReadError::Busy),
                Err(NoIndex::NoLeader | NoIndex::Failed(_)) => {
                    let _ = tokio::time::timeout(RETRY_PAUSE, leaders.changed()).await;
                }
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

impl From<crate::rounds::NotJoined> for ReadError {
    fn from(refused: crate::rounds::NotJoined) -> Self {
        match refused {
            crate::rounds::NotJoined::Busy => Self::Busy,
            crate::rounds::NotJoined::Stopped => Self::Stopped,
        }
    }
}

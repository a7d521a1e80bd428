//! The time ceilings that a leader logs, and stamps nothing past.

use std::sync::Arc;
use std::time::Duration;

use keyraft_lease::Ceiling;
use keyraft_proto::cluster as proto;

use super::Lease;
use crate::types::Raft;

/// Pause after a ceiling that was not applied, or could not be set.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Logs ceilings whenever this node leads, until the node stops.
pub(crate) async fn keep_time(lease: Arc<Lease>, raft: Raft) {
    let mut status = lease.status();
    loop {
        // All earlier ceilings are applied then.
        let leader = match status.wait_for(|now| now.is_serving).await {
            Ok(now) => now.leadership,
            Err(_) => return,
        };
        let Some(Ceiling { ceiling_ms, renewed_after }) = lease.next_ceiling() else {
            tokio::time::sleep(RETRY_PAUSE).await;
            continue;
        };
        let body = Some(proto::request::Body::TimeCeiling(proto::TimeCeiling { ceiling_ms }));
        let request = proto::Request { body, ..proto::Request::default() };
        let batch = proto::Batch { stamp_ms: 0, requests: vec![request] };
        // openraft says nothing of an entry that a snapshot has overtaken after this node was deposed.
        let mut deposed = status.clone();
        let is_written = tokio::select! {
            written = raft.client_write(batch) => written.is_ok(),
            _ = deposed.wait_for(|now| now.leadership != leader) => false,
        };
        let pause = if is_written { renewed_after } else { RETRY_PAUSE };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            changed = status.wait_for(|now| now.leadership != leader) => if changed.is_err() {
                return;
            },
        }
    }
}

//! What a node does by itself while it runs: snapshots, and the comparison of digests.

use std::sync::Arc;
use std::time::Duration;

use keyraft_proto::cluster as proto;

use crate::application::Application;
use crate::node::member::Member;

/// How often the length of the log is looked at.
const LOG_CHECK: Duration = Duration::from_millis(1_000);
/// How long a snapshot may take before another is asked for.
const SNAPSHOT_PATIENCE: Duration = Duration::from_secs(600);

/// Has a snapshot taken whenever the log since the last one has outgrown it.
pub(crate) async fn take_snapshots<A: Application>(member: Arc<Member<A>>) {
    let config = &member.site.config;
    loop {
        tokio::time::sleep(LOG_CHECK).await;
        let newest = member.storage.newest_snapshot();
        show_age(&member, newest.as_ref().map(|file| file.message()));
        let size_bytes = newest.as_ref().map_or(0, |file| file.length_bytes());
        let share_bytes = size_bytes.saturating_mul(config.snapshot_log_percent) / 100;
        let limit_bytes = config.snapshot_min_log_bytes.max(share_bytes);
        if member.storage.log_bytes_since_snapshot() <= limit_bytes {
            continue;
        }
        let covered = newest.map_or(0, |file| file.last_index());
        let mut data = member.raft.data_metrics();
        if member.raft.trigger().snapshot().await.is_err() {
            return;
        }
        let taken = data.wait_for(|data| data.snapshot.is_some_and(|last| last.index > covered));
        let _ = tokio::time::timeout(SNAPSHOT_PATIENCE, taken).await;
    }
}

#[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn show_age<A: Application>(member: &Member<A>, newest: Option<&proto::SnapshotMeta>) {
    if let Some(state) = newest.and_then(|meta| meta.state.as_ref()) {
        let now_ms = member.site.environment.clock.wall_ms();
        let age_ms = now_ms.saturating_sub(state.log_time_ms);
        metrics::gauge!("keyraft_snapshot_age_seconds").set(age_ms as f64 / 1000.0);
    }
}

/// While this node leads, logs the digest of its state now and then, for all nodes to compare with.
pub(crate) async fn compare_digests<A: Application>(member: Arc<Member<A>>) {
    let interval = Duration::from_millis(member.site.config.digest_interval_ms);
    // What the rows add up to after the last comparison; entries such as time ceilings change none of them.
    let mut compared: Option<u128> = None;
    loop {
        tokio::time::sleep(interval).await;
        let is_leader = member.site.leader() == Some(member.site.me());
        let index = member.publication.load().applied_index;
        let digest = member.storage.digest_at(index);
        if !is_leader || digest == compared {
            continue;
        }
        let Some(digest) = digest else { continue };
        let claim = proto::VerifyDigest { index, digest: digest.to_be_bytes().to_vec().into() };
        // The comparison changes a row itself, that of its request id: what counts is what the rows are after it.
        match member.forwarder.forward(proto::request::Body::VerifyDigest(claim)).await {
            Ok(proposal) => compared = member.storage.digest_at(proposal.log_index),
            Err(error) => tracing::warn!(%error, "the digests were not compared"),
        }
    }
}

//! Upkeep that bounds the files of a node: snapshots, and the removal of what was set aside.

use std::sync::Arc;
use std::time::Duration;

use keyraft_proto::cluster as proto;

use crate::application::Application;
use crate::node::member::Member;
use crate::runtime::run_blocking;

/// How often the length of the log is looked at.
const LOG_CHECK: Duration = Duration::from_millis(1_000);
/// How long a snapshot may take before another is asked for.
const SNAPSHOT_PATIENCE: Duration = Duration::from_secs(600);

/// Has a snapshot taken whenever the log since the last one has outgrown it, and keeps what lies on the disk in bounds.
pub(crate) async fn take_snapshots<A: Application>(member: Arc<Member<A>>) {
    let config = &member.site.config;
    let others = config.other_members();
    let position = others.iter().filter(|other| other.node_id < config.node_id).count() as u64;
    let mut is_trimmed = false;
    loop {
        tokio::time::sleep(LOG_CHECK).await;
        let newest = member.storage.newest_snapshot();
        show_age(&member, newest.as_ref().map(|file| file.message()));
        let size_bytes = newest.as_ref().map_or(0, |file| file.length_bytes());
        let share_bytes = size_bytes.saturating_mul(config.snapshot_log_percent) / 100;
        if !is_trimmed && has_state(&member) {
            is_trimmed = true;
            trim_set_aside(&member).await;
        }
        if let Some(upto) = member.storage.outgrown(config.log_bytes_kept)
            && member.raft.trigger().purge_log(upto).await.is_err()
        {
            return;
        }
        let is_leader = member.site.leader() == Some(member.site.me());
        let base_bytes = config.snapshot_min_log_bytes.max(share_bytes);
        let limit_bytes = staggered(base_bytes, position, others.len() as u64, is_leader);
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

/// Size to which the log may grow before this node takes a snapshot, so that not all nodes take theirs at once: the leader,
/// which has the most to do, last. At most twice `base_bytes`.
fn staggered(base_bytes: u64, position: u64, others: u64, is_leader: bool) -> u64 {
    if others == 0 {
        return base_bytes;
    }
    let half_bytes = base_bytes / 2;
    let by_position_bytes = half_bytes / (others + 1) * position.min(others);
    let as_leader_bytes = if is_leader { half_bytes } else { 0 };
    base_bytes.saturating_add(by_position_bytes).saturating_add(as_leader_bytes)
}

/// Returns true if this node is a member with a state of its own, in memory and on disk: what was set aside is not needed for it.
fn has_state<A: Application>(member: &Member<A>) -> bool {
    let covered = member.storage.newest_snapshot().map(|file| file.last_index());
    member.site.leader().is_some()
        && covered.is_some_and(|covered| covered <= member.publication.load().applied_index)
}

async fn trim_set_aside<A: Application>(member: &Member<A>) {
    let storage = member.storage.clone();
    let trimmed = run_blocking(member.storage.is_inline(), move || storage.trim_set_aside()).await;
    if let Ok(Err(error)) = trimmed {
        tracing::warn!(%error, "what was set aside longer ago stays");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_nodes_take_their_snapshots_at_the_same_length_and_all_take_one() {
        assert_eq!(staggered(1_000, 0, 0, true), 1_000);
        let followers: Vec<u64> = (0..3).map(|position| staggered(1_200, position, 2, false)).collect();
        assert_eq!(followers, [1_200, 1_400, 1_600]);
        assert!((0..3).all(|position| {
            let leader = staggered(1_200, position, 2, true);
            leader > 1_600 && leader < 2_400
        }));
        assert_eq!(staggered(u64::MAX, 2, 2, true), u64::MAX);
    }
}

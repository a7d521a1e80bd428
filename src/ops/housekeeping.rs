//! What nodes do by themselves: the leader purges what has expired and rotates keys on schedule; each node sums up
//! what it has measured.

use std::time::Duration;

use keyraft_proto::identity as proto;
use proto::command::Kind;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::keys::FERNET_CONTEXT;
use crate::keys::fernet_repository::{FernetKeySet, KeyPolicy};
use crate::token::fernet::FernetKey;

/// How often a node looks whether something is due.
const INTERVAL: Duration = Duration::from_secs(5);

/// Runs until `stop`.
///
/// A command that two leaders propose one after the other does nothing the second time.
pub async fn run(app: App, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = stop.cancelled() => return,
        }
        // Histograms keep every measurement until they are summed up, and `/metrics` may never be asked.
        app.metrics.run_upkeep();
        if !app.node.is_leader() {
            continue;
        }
        for due in due(&app) {
            if let Err(error) = app.propose(due).await {
                tracing::warn!(%error, "housekeeping has to wait");
            }
        }
    }
}

/// The commands that are due in the local state.
fn due(app: &App) -> Vec<Kind> {
    let state = &app.node.publication().load().state;
    let now_ms = app.node.cluster_time_ms();
    let mut due = Vec::new();

    let kept_ms = crate::revoke::kept_ms(&app.config.token, &app.config.revoke);
    let revoked_before_ms = now_ms.saturating_sub(kept_ms);
    if state.revoke.events.values().next().is_some_and(|oldest| oldest.revoked_at_ms < revoked_before_ms) {
        due.push(Kind::PurgeRevocationEvents(proto::PurgeRevocationEvents { revoked_before_ms }));
    }

    let is_wanted = app.config.security_compliance.disable_user_account_days_inactive.is_some();
    if is_wanted != state.identity.activity_noted_since_day().is_some() {
        due.push(Kind::WatchActivity(proto::WatchActivity { is_wanted }));
    }

    let Some(record) = state.keys.fernet_keys() else { return due };
    let policy = app.key_policy();
    let mut set = FernetKeySet::from(&**record);
    let rules = KeyPolicy::from(policy);
    let interval_ms = app.config.fernet.rotation_interval_s.saturating_mul(1000);
    let rotation_due_ms = set.next_rotation_due_ms(&rules, interval_ms);
    if interval_ms > 0 && rotation_due_ms.is_some_and(|due_ms| due_ms <= now_ms) {
        let key = FernetKey::generate(&*app.environment.random);
        let sealed_staged_key = app.seal(FERNET_CONTEXT, &*key.to_bytes());
        let interval_ms = Some(interval_ms);
        due.push(Kind::RotateFernetKeys(proto::RotateFernetKeys {
            sealed_staged_key,
            policy: Some(policy),
            interval_ms,
        }));
    } else if !set.retire(&rules, now_ms).is_empty() {
        due.push(Kind::RetireFernetKeys(proto::RetireFernetKeys { policy: Some(policy) }));
    }
    due
}

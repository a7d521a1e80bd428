//! Follows what openraft tells of itself: who leads, where the members are, what the gauges show.

use std::sync::Arc;
use std::time::Duration;

use openraft::ServerState;

use crate::application::Application;
use crate::node::fault::Fault;
use crate::node::member::Member;

/// How often the gauges are renewed.
const GAUGE_INTERVAL: Duration = Duration::from_secs(1);

/// The name of a role, in the status and in metrics.
pub(crate) fn role_name(state: ServerState) -> &'static str {
    match state {
        ServerState::Leader => "leader",
        ServerState::Follower => "follower",
        ServerState::Candidate => "candidate",
        ServerState::Learner => "learner",
        ServerState::Shutdown => "stopped",
    }
}

const ROLES: [ServerState; 4] =
    [ServerState::Leader, ServerState::Follower, ServerState::Candidate, ServerState::Learner];

/// Follows the metrics of `member`'s consensus until it stops.
pub(crate) async fn run<A: Application>(member: Arc<Member<A>>) {
    let site = &member.site;
    let mut metrics = member.raft.metrics();
    let mut storage_fault = member.storage.fault();
    let mut gauges = tokio::time::interval(GAUGE_INTERVAL);
    loop {
        let (leader, stopped) = {
            let now = metrics.borrow_and_update();
            for (node_id, node) in now.membership_config.membership().nodes() {
                site.peers.learn(*node_id, &node.addr);
            }
            let stopped = match &now.running_state {
                Err(fatal) => Some(fatal.to_string()),
                Ok(()) if now.state == ServerState::Shutdown => Some("it was shut down".to_owned()),
                Ok(()) => None,
            };
            (now.current_leader, stopped)
        };
        site.leader.send_if_modified(|known| {
            let is_new = *known != leader;
            *known = leader;
            is_new
        });
        if let Some(fault) = storage_fault.borrow_and_update().clone() {
            site.faults.raise(fault.into());
        }
        if let Some(reason) = stopped {
            site.leader.send_replace(None);
            if !site.stopping.is_cancelled() {
                site.faults.raise(Fault::Consensus { reason });
            }
            return;
        }
        tokio::select! {
            changed = metrics.changed() => if changed.is_err() {
                site.faults.raise(Fault::Consensus { reason: "its core is gone".to_owned() });
                return;
            },
            changed = storage_fault.changed() => if changed.is_err() {
                site.faults.raise(Fault::Consensus { reason: "its storage is gone".to_owned() });
                return;
            },
            _ = gauges.tick() => show_gauges(&member),
            _ = site.faults.raised() => {
                // A node that does not serve must not lead either.
                let _ = member.raft.shutdown().await;
                site.leader.send_replace(None);
                return;
            }
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn show_gauges<A: Application>(member: &Member<A>) {
    let now = member.raft.metrics().borrow().clone();
    for role in ROLES {
        let is_role = now.state == role;
        metrics::gauge!("keyraft_raft_role", "role" => role_name(role)).set(f64::from(u8::from(is_role)));
    }
    let applied_index = member.publication.load().applied_index;
    let last_log_index = now.last_log_index.unwrap_or_default();
    member.lease.show_holders();
    let lease_age = member.lease.age();
    metrics::gauge!("keyraft_lease_held").set(f64::from(u8::from(lease_age.is_some())));
    metrics::gauge!("keyraft_lease_age_seconds").set(lease_age.unwrap_or_default().as_secs_f64());
    metrics::gauge!("keyraft_raft_term").set(now.current_term as f64);
    metrics::gauge!("keyraft_raft_last_log_index").set(last_log_index as f64);
    metrics::gauge!("keyraft_raft_applied_index").set(applied_index as f64);
    metrics::gauge!("keyraft_raft_lag").set(last_log_index.saturating_sub(applied_index) as f64);
}

//! Follows what openraft reports of itself: who leads, where the members are, what the gauges show.

use std::sync::Arc;
use std::time::Duration;

use openraft::ServerState;

use crate::application::Application;
use crate::node::fault::Fault;
use crate::node::member::Member;
use crate::node::news::{Line, View, news};

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
    let mut known = View::default();
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
        let now = view(&member);
        news(site.me(), &known, &now).iter().for_each(Line::log);
        known = now;
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
            // The quorum is lost by the passing of time alone.
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

/// This node's view of its cluster.
fn view<A: Application>(member: &Member<A>) -> View {
    let metrics = member.raft.metrics();
    let now = metrics.borrow();
    let (membership, site) = (now.membership_config.membership(), &member.site);
    let has_quorum = (now.state == ServerState::Leader).then(|| {
        let window = Duration::from_millis(site.config.election_timeout_max_ms);
        site.contact.quorum_acknowledged(site.me(), now.vote.leader_id, membership, window)
    });
    let view = View { term: now.current_term, leader: now.current_leader, has_quorum, ..View::default() };
    view.with_members(membership)
}

/// Shows the time since each other member was last in contact with this node: followers with their leader, and the reverse.
/// That of any other member is not a number: one that does not grow would look like a contact.
fn show_contact<A: Application>(member: &Member<A>, view: &View) {
    let site = &member.site;
    let is_leading = view.leader == Some(site.me());
    for node in view.voters.union(&view.learners).filter(|node| **node != site.me()) {
        let since = match is_leading {
            true => site.contact.since_acknowledged(*node),
            false => (view.leader == Some(*node)).then(|| site.contact.silence()),
        };
        let since_s = since.map_or(f64::NAN, |since| since.as_secs_f64());
        metrics::gauge!("keyraft_peer_last_contact_seconds", "node" => node.to_string()).set(since_s);
    }
}

#[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn show_gauges<A: Application>(member: &Member<A>) {
    let now = member.raft.metrics().borrow().clone();
    for role in ROLES {
        let is_role = now.state == role;
        metrics::gauge!("keyraft_raft_role", "role" => role_name(role)).set(f64::from(u8::from(is_role)));
    }
    let seen = view(member);
    metrics::gauge!("keyraft_raft_voters").set(seen.voters.len() as f64);
    metrics::gauge!("keyraft_raft_learners").set(seen.learners.len() as f64);
    metrics::gauge!("keyraft_has_leader").set(f64::from(u8::from(seen.leader.is_some())));
    let patience = Duration::from_millis(member.site.config.follower_lease_ms);
    // A leader without a quorum is not heard for long.
    let hears_leader = seen.leader.is_some() && member.site.contact.silence() <= patience;
    let has_quorum = seen.has_quorum.unwrap_or(hears_leader);
    metrics::gauge!("keyraft_has_quorum").set(f64::from(u8::from(has_quorum)));
    show_contact(member, &seen);
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

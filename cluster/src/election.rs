//! When this node stands for election: not before a quorum has said that it would vote for it.
//!
//! openraft alone would raise the vote of a node that has lost contact, and depose a good leader with it
//! on its return. So its own elections are off, and a candidacy starts here, with a question that
//! changes nothing on either side: "I have heard no leader for a lease, and your log is not behind mine;
//! have you heard one?"

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use keyraft_proto::cluster as proto;
use openraft::ServerState;
use openraft::metrics::RaftServerMetrics;

use crate::contact::is_quorum;
use crate::network::peers::Lane;
use crate::node::site::Site;
use crate::types::{LogId, Membership, NodeId, Raft, Wire};

/// How often a node that need not stand looks again.
const IDLE_CHECK: Duration = Duration::from_millis(50);

type ServerMetrics = RaftServerMetrics<NodeId, openraft::BasicNode>;

fn last_log_id(raft: &Raft) -> Option<LogId> {
    raft.data_metrics().borrow().last_log
}

fn lease(site: &Site) -> Duration {
    Duration::from_millis(site.config.election_timeout_max_ms)
}

fn is_voter(membership: &Membership, node: NodeId) -> bool {
    membership.voter_ids().any(|voter| voter == node)
}

/// Whether this node has no leader: it has heard none for a lease, or is one that no quorum answers.
fn has_no_leader(site: &Site, server: &ServerMetrics) -> bool {
    if server.state == ServerState::Leader {
        let membership = server.membership_config.membership();
        let leader = server.vote.leader_id;
        return !site.contact.quorum_acknowledged(site.me(), leader, membership, lease(site));
    }
    site.contact.silence() >= lease(site)
}

/// What this node answers a node that would stand for election.
///
/// Whole log ids are compared: a term may have had several leaders.
pub(crate) fn would_vote(site: &Site, raft: &Raft, candidates_last: Option<LogId>) -> bool {
    let server = raft.server_metrics().borrow().clone();
    candidates_last >= last_log_id(raft) && has_no_leader(site, &server)
}

/// Stands for election whenever it is this node's time to, until the node stops.
pub(crate) async fn run(site: Arc<Site>, raft: Raft) {
    let mut patience = draw_patience(&site);
    loop {
        let server = raft.server_metrics().borrow().clone();
        let pause = match stand_now(&site, &server, patience) {
            Stand::No => IDLE_CHECK,
            Stand::In(wait) => wait.clamp(Duration::from_millis(1), IDLE_CHECK),
            Stand::Now => {
                let membership = server.membership_config.membership();
                let is_wanted = quorum_would_vote(&site, &raft, membership).await;
                // Another may stand meanwhile, or lead already.
                let server = raft.server_metrics().borrow().clone();
                let stands = is_wanted
                    && has_no_leader(&site, &server)
                    && matches!(stand_now(&site, &server, patience), Stand::Now);
                patience = draw_patience(&site);
                if stands {
                    tracing::info!(node = site.me(), "a quorum has no leader: standing for election");
                    let before = site.leader();
                    if raft.trigger().elect().await.is_err() {
                        return;
                    }
                    let wait = site.random_between(
                        site.config.election_timeout_min_ms,
                        site.config.election_timeout_max_ms,
                    );
                    await_new_leader(&site, before, Duration::from_millis(wait)).await;
                    Duration::ZERO
                } else {
                    Duration::from_millis(site.random_between(0, site.config.election_timeout_min_ms))
                }
            }
        };
        tokio::select! {
            () = site.stopping.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// How long this node bears having no leader: a lease, so that the last leader's has ended everywhere,
/// and a random time, so that seldom two nodes stand at once.
fn draw_patience(site: &Site) -> Duration {
    let random =
        site.random_between(site.config.election_timeout_min_ms, site.config.election_timeout_max_ms);
    lease(site) + Duration::from_millis(random)
}

enum Stand {
    No,
    In(Duration),
    Now,
}

fn stand_now(site: &Site, server: &ServerMetrics, patience: Duration) -> Stand {
    let membership = server.membership_config.membership();
    if server.state == ServerState::Leader || !is_voter(membership, site.me()) {
        return Stand::No;
    }
    if membership.voter_ids().count() == 1 {
        return Stand::Now;
    }
    let left = patience_left(patience, lease(site), site.contact.silence(), site.contact.since_vote());
    if left.is_zero() { Stand::Now } else { Stand::In(left) }
}

/// How long a node still waits that has heard no leader for so long.
///
/// One that has given its vote gives its candidate the time to win (Raft, section 5.2): it would depose a leader that has
/// just been elected. Everybody has given up the leases of the last one for that leader, so reads would wait too.
fn patience_left(
    patience: Duration,
    lease: Duration,
    silence: Duration,
    since_vote: Option<Duration>,
) -> Duration {
    let for_candidate =
        since_vote.map_or(Duration::ZERO, |since| patience.saturating_sub(lease).saturating_sub(since));
    patience.saturating_sub(silence).max(for_candidate)
}

/// Asks all voters whether they would vote for this node.
async fn quorum_would_vote(site: &Arc<Site>, raft: &Raft, membership: &Membership) -> bool {
    let mut willing = vec![site.me()];
    if is_quorum(membership, |node| willing.contains(&node)) {
        return true;
    }
    let message =
        proto::PreVoteRequest { node_id: site.me(), last_log_id: last_log_id(raft).map(Wire::to_message) };
    let timeout = Duration::from_millis(site.config.election_timeout_min_ms);
    let mut answers: FuturesUnordered<_> = membership
        .voter_ids()
        .filter(|voter| *voter != site.me())
        .map(|voter| {
            let site = Arc::clone(site);
            async move {
                let mut client = site.peers.client(voter, Lane::Urgent).ok()?;
                let call = site.peers.request(message, Some(timeout));
                let answer = tokio::time::timeout(timeout, client.pre_vote(call)).await.ok()?.ok()?;
                answer.into_inner().granted.then_some(voter)
            }
        })
        .collect();
    while let Some(answer) = answers.next().await {
        willing.extend(answer);
        if is_quorum(membership, |node| willing.contains(&node)) {
            return true;
        }
    }
    false
}

/// Waits until this node has another leader than `before`, itself perhaps, or `limit` has passed.
async fn await_new_leader(site: &Site, before: Option<NodeId>, limit: Duration) {
    let mut leaders = site.leader.subscribe();
    let elected = leaders.wait_for(|now| now.is_some() && *now != before);
    let _ = tokio::time::timeout(limit, elected).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_has_voted_gives_its_candidate_time_to_win() {
        let ms = Duration::from_millis;
        let left = |silence, since_vote| patience_left(ms(800), ms(450), ms(silence), since_vote);
        assert_eq!(left(700, None), ms(100));
        assert_eq!(left(800, None), ms(0));
        assert_eq!(left(800, Some(ms(0))), ms(350));
        assert_eq!(left(700, Some(ms(20))), ms(330));
        assert_eq!(left(300, Some(ms(20))), ms(500));
        assert_eq!(left(800, Some(ms(350))), ms(0));
    }
}

//! A learner that has caught up becomes a voter, again or for the first time.
//!
//! Whoever came back from a lost disk is a learner. If it stayed one, each disk that is replaced would cost a voter, until
//! one more failure takes the quorum. So the leader promotes a learner that the configuration names once its log has been
//! close to the leader's own for `cluster.promotion_delay_s` without a break.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use openraft::ChangeMembers;
use tonic::Status;

use super::changes::{CHANGE_TIMEOUT, change, effective_membership};
use crate::application::Application;
use crate::node::member::Member;
use crate::types::{LogIndex, Membership, NodeId};

/// How often the leader looks after its learners.
const LOOK: Duration = Duration::from_millis(500);
/// How many entries a learner may be behind and still count as caught up.
const CLOSE_ENTRIES: u64 = 256;

/// Promotes learners while this node leads, until it stops.
pub(crate) async fn run<A: Application>(member: Arc<Member<A>>) {
    let delay = Duration::from_millis(member.site.config.promotion_delay_ms);
    let mut stable = Stable::default();
    loop {
        tokio::time::sleep(LOOK).await;
        let now = member.site.contact.now();
        if let Some(step) = stable.look(now, delay, sight(&member)) {
            let made = tokio::time::timeout(CHANGE_TIMEOUT, make(&member, step)).await;
            let made =
                made.unwrap_or_else(|_| Err(Status::deadline_exceeded("it was not committed in time")));
            match (step, made) {
                (Step::Promote(node), Ok(())) => tracing::info!(node, "a learner has become a voter"),
                (Step::Complete, Ok(())) => tracing::info!("a change of the voters is complete"),
                (_, Err(status)) => {
                    tracing::warn!(?step, reason = status.message(), "the voters were not changed");
                }
            }
        }
    }
}

async fn make<A: Application>(member: &Member<A>, step: Step) -> Result<(), Status> {
    let _turn = member.changing.lock().await;
    let membership = effective_membership(member).await?;
    let voters = match step {
        Step::Promote(node) => BTreeSet::from([node]),
        // The newest of the joint configurations, which openraft then makes the only one.
        Step::Complete => membership.get_joint_config().last().cloned().unwrap_or_default(),
    };
    // It may have left since.
    if voters.iter().any(|node| membership.get_node(node).is_none()) {
        return Ok(());
    }
    change(member, ChangeMembers::AddVoterIds(voters)).await
}

/// What the leader sees of its members.
#[derive(Default)]
struct Sight {
    /// An earlier leader has left a change of the voters half done, or one is under way.
    is_joint: bool,
    /// Learners that are named by the configuration, respond, and are close to the end of the log.
    close: BTreeSet<NodeId>,
}

fn sight<A: Application>(member: &Member<A>) -> Option<Sight> {
    let metrics = member.raft.metrics().borrow().clone();
    let replication = metrics.replication?;
    let membership = metrics.membership_config.membership();
    let site = &member.site;
    let last = metrics.last_log_index.unwrap_or_default();
    let window = Duration::from_millis(site.config.follower_lease_ms);
    let configured: BTreeSet<NodeId> = site.config.members().iter().map(|peer| peer.node_id).collect();
    let is_close = |node: &NodeId| {
        let matching = replication.get(node).copied().flatten().map(|log_id| log_id.index);
        is_caught_up(matching, last) && site.contact.has_acknowledged(*node, metrics.vote.leader_id, window)
    };
    let close = learners(membership).into_iter().filter(|node| configured.contains(node));
    Some(Sight { is_joint: membership.get_joint_config().len() > 1, close: close.filter(is_close).collect() })
}

fn learners(membership: &Membership) -> BTreeSet<NodeId> {
    let voters: BTreeSet<NodeId> = membership.voter_ids().collect();
    membership.nodes().map(|(node, _)| *node).filter(|node| !voters.contains(node)).collect()
}

fn is_caught_up(matching: Option<LogIndex>, last: LogIndex) -> bool {
    matching.is_some_and(|index| index.saturating_add(CLOSE_ENTRIES) >= last)
}

/// A change that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Promote(NodeId),
    /// Ends a joint configuration.
    Complete,
}

/// Since when learners have been close to the leader, as this leadership has seen it.
#[derive(Default)]
struct Stable {
    close: BTreeMap<NodeId, Duration>,
    joint: Option<Duration>,
}

impl Stable {
    /// What is due `now`, one step at most. `None` is seen by a node that does not lead.
    fn look(&mut self, now: Duration, delay: Duration, seen: Option<Sight>) -> Option<Step> {
        let Sight { is_joint, close } = seen.unwrap_or_default();
        self.close.retain(|node, _| close.contains(node));
        for node in close {
            self.close.entry(node).or_insert(now);
        }
        self.joint = is_joint.then(|| self.joint.unwrap_or(now));
        let is_due = |since: &Duration| now.saturating_sub(*since) >= delay;
        if let Some(since) = &self.joint {
            return is_due(since).then_some(Step::Complete);
        }
        self.close.iter().find(|(_, since)| is_due(since)).map(|(node, _)| Step::Promote(*node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(100 + seconds)
    }

    fn close(nodes: &[NodeId]) -> Option<Sight> {
        Some(Sight { is_joint: false, close: nodes.iter().copied().collect() })
    }

    #[test]
    fn a_learner_is_promoted_when_it_has_been_close_without_a_break() {
        let mut stable = Stable::default();
        assert_eq!(stable.look(at(0), DELAY, close(&[3])), None);
        assert_eq!(stable.look(at(9), DELAY, close(&[3])), None);
        assert_eq!(stable.look(at(10), DELAY, close(&[3])), Some(Step::Promote(3)));
        assert_eq!(stable.look(at(11), DELAY, close(&[])), None);
        assert_eq!(stable.look(at(12), DELAY, close(&[3])), None);
        assert_eq!(stable.look(at(21), DELAY, close(&[3])), None);
        assert_eq!(stable.look(at(22), DELAY, close(&[3])), Some(Step::Promote(3)));
    }

    #[test]
    fn one_at_a_time_and_none_while_voters_are_changing() {
        let mut stable = Stable::default();
        assert_eq!(stable.look(at(0), DELAY, close(&[3, 4])), None);
        assert_eq!(stable.look(at(10), DELAY, close(&[3, 4])), Some(Step::Promote(3)));
        let joint = || Some(Sight { is_joint: true, close: BTreeSet::from([4]) });
        assert_eq!(stable.look(at(11), DELAY, joint()), None);
        assert_eq!(stable.look(at(21), DELAY, joint()), Some(Step::Complete));
        assert_eq!(stable.look(at(22), DELAY, close(&[4])), Some(Step::Promote(4)));
    }

    #[test]
    fn a_node_that_does_not_lead_promotes_nobody_and_begins_anew_when_it_does() {
        let mut stable = Stable::default();
        assert_eq!(stable.look(at(0), DELAY, close(&[3])), None);
        assert_eq!(stable.look(at(10), DELAY, None), None);
        assert_eq!(stable.look(at(11), DELAY, close(&[3])), None);
        assert_eq!(stable.look(at(21), DELAY, close(&[3])), Some(Step::Promote(3)));
    }

    #[test]
    fn a_learner_that_lags_is_not_close() {
        assert!(is_caught_up(Some(100), 100) && is_caught_up(Some(100), 100 + CLOSE_ENTRIES));
        assert!(!is_caught_up(Some(100), 101 + CLOSE_ENTRIES) && !is_caught_up(None, 0));
    }
}

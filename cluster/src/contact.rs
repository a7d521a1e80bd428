//! When this node last heard its leader, and when a leader last heard its followers.
//!
//! Pre-votes are answered from these times. They decide whether an election is worth holding, never
//! whether something is committed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use openraft::LeaderId;

use crate::environment::Clock;
use crate::types::{Membership, NodeId};

/// The votes that others have asked this node for.
#[derive(Default)]
struct Votes {
    /// Those that are not answered yet.
    asked: usize,
    given: Option<Duration>,
}

/// Times of contact between this node and the others.
pub(crate) struct Contact {
    clock: Arc<dyn Clock>,
    leader_heard: Mutex<Duration>,
    votes: Mutex<Votes>,
    acknowledged: Mutex<BTreeMap<NodeId, (LeaderId<NodeId>, Duration)>>,
}

impl Contact {
    /// A node that starts counts as having heard a leader: it does not yet know that there is none.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let now = clock.elapsed();
        Self { clock, leader_heard: Mutex::new(now), votes: Mutex::default(), acknowledged: Mutex::default() }
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// A leader that this node obeys has sent something.
    pub(crate) fn heard_leader(&self) {
        *self.leader_heard.lock().unwrap_or_else(PoisonError::into_inner) = self.clock.elapsed();
    }

    /// How long this node has heard no leader.
    pub(crate) fn silence(&self) -> Duration {
        let heard = *self.leader_heard.lock().unwrap_or_else(PoisonError::into_inner);
        self.clock.elapsed().saturating_sub(heard)
    }

    /// A candidate asks this node for its vote. It is asked until the answer is dropped: a vote has to be stored first.
    pub(crate) fn asked_for_vote(&self) -> AskedVote<'_> {
        self.lock_votes().asked += 1;
        AskedVote { contact: self }
    }

    /// How long ago this node has given its vote to another; zero while it is asked for it.
    pub(crate) fn since_vote(&self) -> Option<Duration> {
        let votes = self.lock_votes();
        match votes.asked {
            0 => votes.given.map(|given| self.clock.elapsed().saturating_sub(given)),
            _ => Some(Duration::ZERO),
        }
    }

    fn lock_votes(&self) -> MutexGuard<'_, Votes> {
        self.votes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `follower` has accepted what this node sent as `leader` at `sent_at`.
    pub(crate) fn acknowledged(&self, follower: NodeId, leader: LeaderId<NodeId>, sent_at: Duration) {
        let mut all = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = all.entry(follower).or_insert((leader, sent_at));
        if (leader, sent_at) > *newest {
            *newest = (leader, sent_at);
        }
    }

    /// Returns true if `follower` has accepted what this node sent as `leader` within the last `window`.
    pub(crate) fn has_acknowledged(
        &self,
        follower: NodeId,
        leader: LeaderId<NodeId>,
        window: Duration,
    ) -> bool {
        let since = self.clock.elapsed().saturating_sub(window);
        let all = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&follower).is_some_and(|(to, sent_at)| *to == leader && *sent_at >= since)
    }

    /// Time since this node, as a leader, sent the newest message that `follower` has accepted; `None`: it has accepted none.
    pub(crate) fn since_acknowledged(&self, follower: NodeId) -> Option<Duration> {
        let all = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&follower).map(|(_, sent_at)| self.clock.elapsed().saturating_sub(*sent_at))
    }

    /// Whether a quorum has accepted what this node sent as `leader` within the last `window`.
    pub(crate) fn quorum_acknowledged(
        &self,
        me: NodeId,
        leader: LeaderId<NodeId>,
        membership: &Membership,
        window: Duration,
    ) -> bool {
        let since = self.clock.elapsed().saturating_sub(window);
        let all = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        is_quorum(membership, |node| {
            node == me || all.get(&node).is_some_and(|(to, sent_at)| *to == leader && *sent_at >= since)
        })
    }
}

/// A vote that another node has asked for, and that is not answered yet.
pub(crate) struct AskedVote<'a> {
    contact: &'a Contact,
}

impl AskedVote<'_> {
    /// The candidate has got the vote.
    pub(crate) fn given(self) {
        let now = self.contact.now();
        self.contact.lock_votes().given = Some(now);
    }
}

impl Drop for AskedVote<'_> {
    fn drop(&mut self) {
        self.contact.lock_votes().asked -= 1;
    }
}

/// Whether the nodes of which `agrees` is true are a majority of every voter set of `membership`.
pub(crate) fn is_quorum(membership: &Membership, agrees: impl Fn(NodeId) -> bool) -> bool {
    let voter_sets = membership.get_joint_config();
    !voter_sets.is_empty()
        && voter_sets.iter().all(|voters| {
            let agreeing = voters.iter().filter(|node| agrees(**node)).count();
            agreeing * 2 > voters.len()
        })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicU64, Ordering};

    use openraft::BasicNode;

    use super::*;

    struct HandClock(AtomicU64);

    impl Clock for HandClock {
        fn wall_ms(&self) -> u64 {
            0
        }
        fn elapsed(&self) -> Duration {
            Duration::from_millis(self.0.load(Ordering::SeqCst))
        }
    }

    fn membership(voter_sets: &[&[NodeId]]) -> Membership {
        let sets: Vec<BTreeSet<NodeId>> =
            voter_sets.iter().map(|set| set.iter().copied().collect()).collect();
        Membership::new(sets, BTreeMap::<NodeId, BasicNode>::new())
    }

    #[test]
    fn a_quorum_is_a_majority_of_every_voter_set() {
        let joint = membership(&[&[1, 2, 3], &[3, 4, 5]]);
        assert!(!is_quorum(&joint, |node| [1, 2].contains(&node)));
        assert!(is_quorum(&joint, |node| [2, 3, 4].contains(&node)));
        assert!(!is_quorum(&membership(&[]), |_| true));
    }

    #[test]
    fn a_leader_whose_quorum_is_silent_is_not_connected() {
        let clock = Arc::new(HandClock(AtomicU64::new(1000)));
        let contact = Contact::new(Arc::clone(&clock) as Arc<dyn Clock>);
        let members = membership(&[&[1, 2, 3]]);
        let (leader, former) = (LeaderId::new(2, 1), LeaderId::new(1, 1));
        let window = Duration::from_millis(450);
        assert!(!contact.quorum_acknowledged(1, leader, &members, window));
        contact.acknowledged(2, former, contact.now());
        assert!(!contact.quorum_acknowledged(1, leader, &members, window));
        contact.acknowledged(2, leader, contact.now());
        assert!(contact.has_acknowledged(2, leader, window) && !contact.has_acknowledged(3, leader, window));
        assert!(contact.quorum_acknowledged(1, leader, &members, window));
        clock.0.store(1451, Ordering::SeqCst);
        assert!(!contact.has_acknowledged(2, leader, window));
        assert!(!contact.quorum_acknowledged(1, leader, &members, window));
    }

    #[test]
    fn silence_grows_until_the_leader_is_heard() {
        let clock = Arc::new(HandClock(AtomicU64::new(1000)));
        let contact = Contact::new(Arc::clone(&clock) as Arc<dyn Clock>);
        clock.0.store(1300, Ordering::SeqCst);
        assert_eq!(contact.silence(), Duration::from_millis(300));
        contact.heard_leader();
        assert_eq!(contact.silence(), Duration::ZERO);
    }

    #[test]
    fn a_vote_counts_from_its_request_on_unless_it_is_refused() {
        let clock = Arc::new(HandClock(AtomicU64::new(1000)));
        let contact = Contact::new(Arc::clone(&clock) as Arc<dyn Clock>);
        assert_eq!(contact.since_vote(), None);
        let (one, other) = (contact.asked_for_vote(), contact.asked_for_vote());
        assert_eq!(contact.since_vote(), Some(Duration::ZERO));
        drop(one);
        clock.0.store(1010, Ordering::SeqCst);
        assert_eq!(contact.since_vote(), Some(Duration::ZERO));
        other.given();
        clock.0.store(1040, Ordering::SeqCst);
        assert_eq!(contact.since_vote(), Some(Duration::from_millis(30)));
        drop(contact.asked_for_vote());
        assert_eq!(contact.since_vote(), Some(Duration::from_millis(30)));
    }
}

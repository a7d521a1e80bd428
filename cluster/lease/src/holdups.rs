//! Nodes that keep delaying writes, and how long they get no grant for it.
//!
//! Every write waits for who may read without it. A node that is late once costs that once; one that is late again and
//! again, and is granted a lease as soon as it has caught up, would slow down every write for ever.

use std::time::Duration;

use crate::words::{Instant, NodeId};

/// A suspension is at most two to the power of this many follower leases long: two minutes by default.
const MAX_DOUBLINGS: u32 = 6;
/// Follower leases without a hold-up, counted from the last one or the end of the suspension for it, after which all are
/// forgiven.
const FORGIVEN_AFTER: u32 = 128;

/// A node gets no grant for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Suspension {
    /// The node.
    pub node: NodeId,
    /// Number of releases that it has held up, since that was last forgiven.
    pub hold_ups: u32,
    /// Time without grants.
    pub length: Duration,
}

/// Record of what one node has delayed under one leadership.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct HoldUps {
    count: u32,
    /// True while it delays a release that is counted already.
    is_delaying: bool,
    /// Time at which it was last seen to delay one, or at which the suspension for that is over.
    last: Instant,
    suspended_until: Option<Instant>,
}

impl HoldUps {
    /// Notes whether the node delays a release at `now`. `Some`: it is suspended from then on for that time, which depends
    /// on how often it did so before; the first time is forgiven. What it delays while it is suspended, under its last
    /// grant, is not counted.
    pub(crate) fn note(
        &mut self,
        is_delaying: bool,
        follower_lease: Duration,
        now: Instant,
    ) -> Option<Duration> {
        let was_delaying = std::mem::replace(&mut self.is_delaying, is_delaying);
        if !is_delaying {
            return None;
        }
        if was_delaying || self.is_suspended(now) {
            self.last = self.last.max(now);
            return None;
        }
        if now.saturating_sub(self.last) >= follower_lease.saturating_mul(FORGIVEN_AFTER) {
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        self.last = self.last.max(now);
        let repeated = self.count - 1;
        if repeated == 0 {
            return None;
        }
        let length = follower_lease.saturating_mul(1 << repeated.min(MAX_DOUBLINGS));
        let until = now.saturating_add(length);
        self.suspended_until = Some(until);
        self.last = until;
        Some(length)
    }

    /// Number of releases that the node has delayed, since that was last forgiven.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Returns true while the node gets no grant.
    pub(crate) fn is_suspended(&self, now: Instant) -> bool {
        self.suspended_until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_millis(1_000);

    fn at(s: u64) -> Instant {
        Duration::from_secs(s)
    }

    /// A hold-up of a second, and the suspension that it brings.
    fn hold_up(of: &mut HoldUps, begins_s: u64) -> Option<Duration> {
        let suspended = of.note(true, LEASE, at(begins_s));
        assert_eq!(of.note(true, LEASE, at(begins_s + 1)), None, "it is counted once");
        of.note(false, LEASE, at(begins_s + 1));
        suspended
    }

    #[test]
    fn the_first_hold_up_is_forgiven_and_each_further_one_costs_twice_as_much_up_to_a_bound() {
        let mut of = HoldUps::default();
        assert_eq!(hold_up(&mut of, 10), None);
        assert!(!of.is_suspended(at(11)));
        let mut now_s = 20;
        for leases in [2, 4, 8, 16, 32, 64, 64, 64] {
            assert_eq!(hold_up(&mut of, now_s), Some(LEASE * leases), "{}", of.count());
            let end_s = now_s + u64::from(leases);
            assert!(of.is_suspended(at(end_s - 1)) && !of.is_suspended(at(end_s)));
            now_s = end_s;
        }
    }

    #[test]
    fn what_a_last_grant_delays_is_not_counted() {
        let mut of = HoldUps::default();
        hold_up(&mut of, 10);
        assert_eq!(hold_up(&mut of, 20), Some(LEASE * 2));
        assert_eq!(of.note(true, LEASE, at(21)), None);
        of.note(false, LEASE, at(22));
        assert_eq!((of.count(), hold_up(&mut of, 23)), (2, Some(LEASE * 4)));
    }

    #[test]
    fn hold_ups_are_forgiven_after_a_long_good_time_that_begins_when_the_suspension_is_over() {
        let mut of = HoldUps::default();
        hold_up(&mut of, 10);
        assert_eq!(hold_up(&mut of, 20), Some(LEASE * 2));
        let forgiven_s = 22 + u64::from(FORGIVEN_AFTER);
        let mut sooner = of.clone();
        assert_eq!(hold_up(&mut sooner, forgiven_s - 1), Some(LEASE * 4));
        assert_eq!(hold_up(&mut of, forgiven_s), None);
        assert_eq!(of.count(), 1);
    }
}

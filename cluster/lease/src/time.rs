//! Cluster time: what entries and tokens are stamped with, instead of anybody's wall clock (rules 16 and 17).
//!
//! ```text
//!   log       ... p | entries stamped at or after x ...
//!   tokens    issued from a state up to p or later, with x: whatever revokes them lies behind p
//! ```

use std::collections::{BTreeMap, VecDeque};

use crate::words::{Instant, LogIndex, NodeId};

/// Pairs that wait for what they name to be applied.
const WAITING_PAIRS: usize = 64;

/// Every entry after `log_index` is stamped at or after `time_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimePair {
    /// Milliseconds since the epoch.
    pub time_ms: u64,
    /// The end of the leader's log at that time.
    pub log_index: LogIndex,
}

/// The wall clocks of all nodes, as they have told them, and carried on since: who is silent counts by what it said.
///
/// A leader goes by what those of a majority have reached ([`crate::Node::reached_by_majority`]), so a clock that is wrong
/// takes cluster time nowhere, whoever leads.
#[derive(Clone, Debug, Default)]
pub struct WallClocks {
    told: BTreeMap<NodeId, (u64, Instant)>,
}

impl WallClocks {
    /// A node has told what its wall clock shows, in milliseconds since the epoch.
    pub fn told(&mut self, node: NodeId, wall_ms: u64, now: Instant) {
        self.told.insert(node, (wall_ms, now));
    }

    /// What the wall clock of a node shows now; `None`: it has never been told.
    #[must_use]
    pub fn wall_ms(&self, node: NodeId, now: Instant) -> Option<u64> {
        let (wall_ms, told_at) = self.told.get(&node)?;
        let since_ms = u64::try_from(now.saturating_sub(*told_at).as_millis()).unwrap_or(u64::MAX);
        Some(wall_ms.saturating_add(since_ms))
    }
}

/// The clock of a leader. It never steps back, and never passes the last ceiling that is applied, so that the
/// next leader, which begins there, stamps nothing earlier than this one.
#[derive(Clone, Debug, Default)]
pub struct ClusterClock {
    ceiling_ms: u64,
    anchor_ms: u64,
    anchored_at: Instant,
}

impl ClusterClock {
    /// A time ceiling was applied, by whomever it was logged.
    pub fn ceiling_applied(&mut self, ceiling_ms: u64) {
        self.ceiling_ms = self.ceiling_ms.max(ceiling_ms);
    }

    /// This node has begun to lead, and has applied all that was logged before it did.
    pub fn begin(&mut self, now: Instant) {
        if self.anchor_ms < self.ceiling_ms {
            (self.anchor_ms, self.anchored_at) = (self.ceiling_ms, now);
        }
    }

    /// What the clock would show without a ceiling: the time that the wall clocks of a majority have reached, or where that
    /// lies behind what may have been stamped, half the speed of time until they have caught up.
    pub fn unbounded_ms(&mut self, wall_ms: u64, now: Instant) -> u64 {
        let run = now.saturating_sub(self.anchored_at).as_millis() / 2;
        let slow_ms = self.anchor_ms.saturating_add(u64::try_from(run).unwrap_or(u64::MAX));
        if wall_ms >= slow_ms {
            (self.anchor_ms, self.anchored_at) = (wall_ms, now);
        }
        wall_ms.max(slow_ms)
    }

    /// Cluster time, in milliseconds since the epoch.
    pub fn now_ms(&mut self, wall_ms: u64, now: Instant) -> u64 {
        self.unbounded_ms(wall_ms, now).min(self.ceiling_ms)
    }
}

/// The pairs that a node has been told.
#[derive(Clone, Debug, Default)]
pub struct TimePairs {
    time_ms: u64,
    waiting: VecDeque<TimePair>,
}

impl TimePairs {
    /// A pair was told; `applied` is what this node has applied.
    pub fn told(&mut self, pair: TimePair, applied: LogIndex) {
        if self.waiting.len() >= WAITING_PAIRS {
            self.waiting.pop_front();
        }
        self.waiting.push_back(pair);
        self.applied(applied);
    }

    /// Everything up to `index` is applied.
    pub fn applied(&mut self, index: LogIndex) {
        let time_ms = &mut self.time_ms;
        self.waiting.retain(|pair| {
            let is_known = pair.log_index <= index;
            if is_known {
                *time_ms = pair.time_ms.max(*time_ms);
            }
            !is_known
        });
    }

    /// What a token is stamped with: the newest time of which all that precedes it is applied. 0: not known yet.
    #[must_use]
    pub fn time_ms(&self) -> u64 {
        self.time_ms
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(ms: u64) -> Instant {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_clock_stops_at_the_ceiling() {
        let mut clock = ClusterClock::default();
        assert_eq!(clock.now_ms(5_000, at(0)), 0);
        clock.ceiling_applied(5_500);
        assert_eq!(clock.now_ms(5_000, at(0)), 5_000);
        assert_eq!(clock.now_ms(6_000, at(1_000)), 5_500);
        clock.ceiling_applied(9_000);
        assert_eq!(clock.now_ms(6_000, at(1_000)), 6_000);
    }

    #[test]
    fn a_leader_whose_wall_clock_is_behind_begins_at_the_ceiling_and_runs_slow() {
        let mut clock = ClusterClock::default();
        clock.ceiling_applied(100_000);
        clock.begin(at(50));
        clock.ceiling_applied(200_000);
        assert_eq!(clock.now_ms(90_000, at(50)), 100_000);
        assert_eq!(clock.now_ms(92_000, at(2_050)), 101_000);
        // It has caught up, and goes on with the wall clock.
        assert_eq!(clock.now_ms(112_000, at(22_050)), 112_000);
        assert_eq!(clock.now_ms(113_000, at(23_050)), 113_000);
    }

    #[test]
    fn a_wall_clock_that_is_set_back_does_not_take_the_clock_with_it() {
        let mut clock = ClusterClock::default();
        clock.ceiling_applied(1_000_000);
        assert_eq!(clock.now_ms(500_000, at(0)), 500_000);
        assert_eq!(clock.now_ms(200_000, at(10)), 500_005);
    }

    #[test]
    fn a_wall_clock_goes_on_after_it_was_told() {
        let mut clocks = WallClocks::default();
        assert_eq!(clocks.wall_ms(1, at(0)), None);
        clocks.told(1, 700_000, at(500));
        assert_eq!(clocks.wall_ms(1, at(2_500)), Some(702_000));
        clocks.told(1, 600_000, at(3_000));
        assert_eq!(clocks.wall_ms(1, at(3_000)), Some(600_000), "it was set back");
    }

    #[test]
    fn a_time_counts_once_what_precedes_it_is_applied() {
        let mut pairs = TimePairs::default();
        pairs.told(TimePair { time_ms: 10, log_index: 3 }, 3);
        assert_eq!(pairs.time_ms(), 10);
        pairs.told(TimePair { time_ms: 20, log_index: 5 }, 3);
        pairs.told(TimePair { time_ms: 30, log_index: 6 }, 4);
        assert_eq!(pairs.time_ms(), 10);
        pairs.applied(5);
        assert_eq!(pairs.time_ms(), 20);
        pairs.applied(9);
        assert_eq!(pairs.time_ms(), 30);
    }
}

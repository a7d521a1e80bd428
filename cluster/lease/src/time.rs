//! Cluster time: what entries and tokens are stamped with, instead of anybody's wall clock (rules 16 and 17).
//!
//! ```text
//!   log       ... p | entries stamped at or after x ...
//!   tokens    issued from a state up to p or later, with x: whatever revokes them lies behind p
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::words::{Instant, LogIndex, NodeId};

/// Pairs that wait for what they name to be applied.
const WAITING_PAIRS: usize = 64;
/// Lead of a ceiling over the wall clocks of a majority. A new leader begins there, so this is how far cluster time may
/// jump.
const AHEAD_MS: u64 = 4_000;
/// Greatest lead of a ceiling over cluster time, where that is ahead of the wall clocks by more than `AHEAD_MS`.
const SLOW_AHEAD_MS: u64 = 500;
/// Time between two ceilings.
const INTERVAL: Duration = Duration::from_millis(2_000);
/// The same, where the next one may lie only a little ahead.
const SLOW_INTERVAL: Duration = Duration::from_millis(250);
/// Lead of a ceiling that cluster time at half speed does not catch up with within `INTERVAL`.
const HEADROOM_MS: u64 = 1_500;

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

/// A time ceiling for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// Milliseconds since the epoch.
    pub ceiling_ms: u64,
    /// Time from the application of this one until the next one is due.
    pub renewed_after: Duration,
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

    /// The ceiling to log next: at or above the last one, and so far ahead that time runs on below it until the one after it.
    ///
    /// A leadership begins at the last ceiling. Were the next one always ahead of *that*, each short leadership would take
    /// cluster time further from the wall clocks. So it goes by those; and where cluster time is ahead of them already, it
    /// rises no faster than time passes.
    pub fn next_ceiling(&mut self, wall_ms: u64, now: Instant) -> Ceiling {
        let time_ms = self.unbounded_ms(wall_ms, now);
        let run_ms = u64::try_from(now.saturating_sub(self.anchored_at).as_millis()).unwrap_or(u64::MAX);
        let slow_ms = time_ms.saturating_add(SLOW_AHEAD_MS.min(run_ms / 2));
        let ceiling_ms = self.ceiling_ms.max(wall_ms.saturating_add(AHEAD_MS)).max(slow_ms);
        let is_far = ceiling_ms.saturating_sub(time_ms) >= HEADROOM_MS;
        Ceiling { ceiling_ms, renewed_after: if is_far { INTERVAL } else { SLOW_INTERVAL } }
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
    fn leaderships_that_do_not_last_do_not_take_time_with_them() {
        // One process leads again and again, or another one each time.
        for is_one in [true, false] {
            let mut clock = ClusterClock::default();
            let mut last_ms = 0;
            for round in 0..100 {
                let (wall_ms, now) = (1_000_000 + round * 1_000, at(round * 1_000));
                if !is_one {
                    let ceiling_ms = clock.ceiling_ms;
                    clock = ClusterClock::default();
                    clock.ceiling_applied(ceiling_ms);
                }
                clock.begin(now);
                let next = clock.next_ceiling(wall_ms, now);
                clock.ceiling_applied(next.ceiling_ms);
                let time_ms = clock.now_ms(wall_ms, now);
                assert!(time_ms >= last_ms, "round {round}: {time_ms} after {last_ms}");
                assert!(time_ms < wall_ms + 10_000, "round {round}: ahead by {} ms", time_ms - wall_ms);
                last_ms = clock.now_ms(wall_ms + 1_000, now + at(1_000));
            }
        }
    }

    #[test]
    fn time_runs_at_half_speed_under_ceilings_that_rise_slowly() {
        let mut clock = ClusterClock::default();
        clock.ceiling_applied(4_000_000);
        clock.begin(at(0));
        let (mut now_ms, mut ceilings) = (0, 0);
        while now_ms < 60_000 {
            let next = clock.next_ceiling(400_000 + now_ms, at(now_ms));
            assert!(next.ceiling_ms <= 4_000_000 + now_ms, "a ceiling rises no faster than time passes");
            clock.ceiling_applied(next.ceiling_ms);
            now_ms += u64::try_from(next.renewed_after.as_millis()).unwrap();
            ceilings += 1;
        }
        assert_eq!(clock.now_ms(400_000 + now_ms, at(now_ms)), 4_030_000);
        assert!(ceilings <= 240, "{ceilings} ceilings in a minute");
    }

    #[test]
    fn a_ceiling_lies_well_ahead_of_wall_clocks_that_are_not_behind() {
        let mut clock = ClusterClock::default();
        clock.begin(at(0));
        let first = clock.next_ceiling(1_000_000, at(0));
        assert_eq!(first, Ceiling { ceiling_ms: 1_004_000, renewed_after: INTERVAL });
        clock.ceiling_applied(first.ceiling_ms);
        // The next leader is elected a second later, and begins three seconds ahead.
        clock.begin(at(1_000));
        let next = clock.next_ceiling(1_001_000, at(1_000));
        assert_eq!(next, Ceiling { ceiling_ms: 1_005_000, renewed_after: SLOW_INTERVAL });
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

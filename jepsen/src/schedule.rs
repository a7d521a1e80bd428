//! What happens when, fixed by the seed of a run.

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What decisions are made with. The same seed and stream give the same decisions.
pub type Chance = ChaCha8Rng;

/// Decisions that have nothing to do with one another have streams of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// The world: the cluster key.
    Environment,
    /// The schedule.
    Schedule,
    /// One client.
    Worker(u32),
}

/// The decisions of one stream.
#[must_use]
pub fn chance(seed: u64, stream: Stream) -> Chance {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    chance.set_stream(match stream {
        Stream::Environment => 0,
        Stream::Schedule => 1,
        Stream::Worker(number) => 16 + u64::from(number),
    });
    chance
}

/// Nothing happens before this.
const QUIET_START: Duration = Duration::from_secs(3);
/// Nor in the last part of a run: how the cluster recovers is seen too.
const QUIET_END: Duration = Duration::from_secs(6);
/// How long a strike lasts.
const HOLD_MS: std::ops::RangeInclusive<u64> = 1_500..=6_000;
/// How long one nemesis rests between two strikes, for each nemesis of the run.
const REST_MS: std::ops::RangeInclusive<u64> = 1_500..=5_000;
/// A run has at most so many strikes of a nemesis.
const MOST_STRIKES: usize = 10_000;

/// One strike of a nemesis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strike {
    /// When it begins, from the start of the history.
    pub at: Duration,
    /// How long it lasts.
    pub hold: Duration,
    /// What the nemesis decides with.
    pub seed: u64,
}

/// The strikes of each nemesis, in the order of time. Those of different ones overlap.
#[must_use]
pub fn strikes(seed: u64, nemeses: usize, duration: Duration) -> Vec<Vec<Strike>> {
    let mut chance = chance(seed, Stream::Schedule);
    let end = duration.saturating_sub(QUIET_END);
    let rest_ms = |chance: &mut Chance| chance.random_range(REST_MS);
    (0..nemeses)
        .map(|place| {
            let mut strikes = Vec::new();
            // So that the first strikes come one after the other.
            let lead_ms: u64 = (0..place).map(|_| rest_ms(&mut chance)).sum();
            let mut at = QUIET_START + Duration::from_millis(lead_ms);
            while strikes.len() < MOST_STRIKES {
                let hold = Duration::from_millis(chance.random_range(HOLD_MS));
                if at + hold > end {
                    break;
                }
                strikes.push(Strike { at, hold, seed: chance.random() });
                let rest: u64 = (0..nemeses).map(|_| rest_ms(&mut chance)).sum();
                at += hold + Duration::from_millis(rest);
            }
            strikes
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_fixes_the_schedule() {
        let of = |seed| strikes(seed, 3, Duration::from_secs(60));
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn strikes_of_a_nemesis_follow_one_another_and_leave_the_end_quiet() {
        let duration = Duration::from_secs(120);
        for lane in strikes(7, 2, duration) {
            assert!(lane.len() >= 5, "{lane:?}");
            assert!(lane.iter().zip(lane.iter().skip(1)).all(|(one, next)| one.at + one.hold < next.at));
            assert!(lane.iter().all(|strike| strike.at + strike.hold <= duration - QUIET_END));
        }
    }
}

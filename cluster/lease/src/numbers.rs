//! How long leases last.

use std::time::Duration;

/// The durations of the protocol. All nodes of a cluster have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Numbers {
    /// How long a leader reads by itself after a majority was last known to follow it.
    pub leader_lease: Duration,
    /// How long any other node does.
    pub follower_lease: Duration,
    /// A node that holds up a release for longer gets no new grant meanwhile, and for a while if it does so again.
    pub laggard_after: Duration,
    /// By how much a clock may run too fast or too slow against true time, in millionths.
    pub drift_ppm: u32,
    /// Whether leases are granted at all. Without them every read asks the leader.
    pub is_granting: bool,
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            leader_lease: Duration::from_millis(300),
            follower_lease: Duration::from_millis(1_800),
            laggard_after: Duration::from_millis(250),
            drift_ppm: 1_000,
            is_granting: true,
        }
    }
}

const MILLION: u128 = 1_000_000;

impl Numbers {
    /// The longest that `length`, measured by another node's clock, can take on this one's: the factor is
    /// (1 + r) / (1 - r) for clocks that drift by at most r. Rounded up.
    #[must_use]
    pub fn with_margin(&self, length: Duration) -> Duration {
        let drift = u128::from(self.drift_ppm).min(MILLION / 2);
        let nanos = length.as_nanos().saturating_mul(MILLION + drift).div_ceil(MILLION - drift);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_of_drift_makes_half_as_much_again() {
        let numbers = Numbers { drift_ppm: 200_000, ..Numbers::default() };
        assert_eq!(numbers.with_margin(Duration::from_millis(12)), Duration::from_millis(18));
        let exact = Numbers { drift_ppm: 0, ..numbers };
        assert_eq!(exact.with_margin(Duration::from_millis(12)), Duration::from_millis(12));
    }
}

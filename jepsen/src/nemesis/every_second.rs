//! What a nemesis does in every second strike, so that chance does not decide whether a run has it at all.

use std::sync::atomic::{AtomicBool, Ordering};

/// Tells the first strike, the third, and so on from those between them.
#[derive(Debug, Default)]
pub struct EverySecond {
    was_last: AtomicBool,
}

impl EverySecond {
    /// Counts a strike; whether it is one of these.
    pub fn is_now(&self) -> bool {
        !self.was_last.fetch_xor(true, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_one_and_the_next_is_not() {
        let strikes = EverySecond::default();
        assert_eq!([(); 4].map(|()| strikes.is_now()), [true, false, true, false]);
    }
}

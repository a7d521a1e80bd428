//! Refusals that are logged when they are news, whoever repeats them how often.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The least time between two lines, since those who are refused decide how often that is.
const LOG_PAUSE: Duration = Duration::from_secs(10);

/// The last refusal that was logged.
pub(crate) struct Repeated<T>(Mutex<Option<(T, Duration)>>);

impl<T> Default for Repeated<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone + PartialEq> Repeated<T> {
    /// Whether `refusal` is to be logged `now`: it is another than the last one, and that is some time ago.
    pub(crate) fn is_news(&self, refusal: &T, now: Duration) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news =
            last.as_ref().is_none_or(|(known, at)| known != refusal && now.saturating_sub(*at) >= LOG_PAUSE);
        if is_news {
            *last = Some((refusal.clone(), now));
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_refusal_is_logged_after_a_pause_and_the_same_one_once() {
        let (repeated, at) = (Repeated::default(), Duration::from_secs);
        assert!(repeated.is_news(&"a", at(100)));
        assert!(!repeated.is_news(&"b", at(109)) && !repeated.is_news(&"a", at(1_000)));
        assert!(repeated.is_news(&"b", at(1_000)) && repeated.is_news(&"a", at(1_010)));
    }
}

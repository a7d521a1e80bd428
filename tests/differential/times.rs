//! Times in responses: each server has its own, a moment apart.
//!
//! A recording knows one moment: a time that Keystone took from its clock is [`RECORDED_NOW`], and the end of what it
//! issued then is as much later as that lives. So a recording does not depend on the pace of the run that made it; in a
//! replay each of our times, less such a life, has to be within the replay.

use time::format_description::BorrowedFormatItem;
use time::macros::{datetime, format_description};
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

const SECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
const SECONDS_LENGTH: usize = 19;
/// Time between the two servers' responses to a request, or between two requests of a sequence.
const SLACK: Duration = Duration::seconds(60);
/// Rounding to seconds, and a clock of ours that is ahead: after a start it goes on from where it may have been, which is
/// up to four seconds later.
const TOLERANCE: Duration = Duration::seconds(6);
/// The clock of all recordings.
const RECORDED_NOW: PrimitiveDateTime = datetime!(2030-01-01 00:00);
/// Lives of what Keystone issues: nothing but the moment itself, a receipt, a token.
const LIVES: [Duration; 3] = [Duration::ZERO, Duration::minutes(5), Duration::hours(1)];

/// The time of a run, from its begin until now.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub start: PrimitiveDateTime,
    pub now: PrimitiveDateTime,
}

/// The relation between Keystone's times and ours.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// Both were asked at once.
    Shared,
    /// Keystone's are a recording's; ours are of this run.
    Recorded(Span),
}

/// The clock of the machine, in UTC.
pub fn now() -> PrimitiveDateTime {
    let now = OffsetDateTime::now_utc();
    PrimitiveDateTime::new(now.date(), now.time())
}

/// The form of a text that is a time; `None` for any other.
pub fn form(text: &str) -> Option<String> {
    instant(text)?;
    // Whether there are fractions of a second is part of the form.
    let is_whole = text
        .rsplit_once('.')
        .is_some_and(|(_, fraction)| !fraction.contains(|digit| matches!(digit, '1'..='9')));
    let digit = |at: usize| if is_whole && at > SECONDS_LENGTH { '0' } else { '9' };
    let characters = text.chars().enumerate();
    Some(
        characters
            .map(|(at, character)| if character.is_ascii_digit() { digit(at) } else { character })
            .collect(),
    )
}

impl Clock {
    /// True for two times of the same form that mean the same moment, as nearly as can be known.
    pub fn agree(self, theirs: &str, ours: &str) -> bool {
        let (Some(their_time), Some(our_time)) = (instant(theirs), instant(ours)) else { return false };
        let is_near = match self {
            Self::Shared => (their_time - our_time).abs() <= SLACK,
            Self::Recorded(span) => span.holds(our_time - (their_time - RECORDED_NOW)),
        };
        is_near && form(theirs) == form(ours)
    }
}

impl Span {
    fn holds(self, time: PrimitiveDateTime) -> bool {
        time >= self.start - TOLERANCE && time <= self.now + TOLERANCE
    }

    /// A time that Keystone took from its clock during this run, as a recording has it. `None` for any other text.
    pub fn recorded(self, text: &str) -> Option<String> {
        let time = instant(text)?;
        let life = LIVES.into_iter().find(|life| self.holds(time - *life))?;
        let seconds = (RECORDED_NOW + life).format(SECONDS).unwrap();
        let rest = form(text)?.split_off(SECONDS_LENGTH);
        Some(seconds + &rest)
    }
}

fn instant(text: &str) -> Option<PrimitiveDateTime> {
    let (seconds, rest) = text.split_at_checked(SECONDS_LENGTH)?;
    let is_rest = rest.chars().all(|character| character.is_ascii_digit() || ".Z+-:".contains(character));
    PrimitiveDateTime::parse(seconds, SECONDS).ok().filter(|_| is_rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: Span = Span { start: datetime!(2026-05-01 10:00), now: datetime!(2026-05-01 10:04) };

    #[test]
    fn a_recorded_time_does_not_depend_on_the_run() {
        let recorded = |text| RUN.recorded(text).unwrap();
        assert_eq!(recorded("2026-05-01T10:03:20.000000Z"), "2030-01-01T00:00:00.000000Z");
        assert_eq!(recorded("2026-05-01T11:03:20.000000Z"), "2030-01-01T01:00:00.000000Z");
        assert_eq!(recorded("2026-05-01T10:08:59.123456Z"), "2030-01-01T00:05:00.999999Z");
        assert_eq!(RUN.recorded("2100-01-01T00:00:00Z"), None);
        assert_eq!(RUN.recorded("10:00"), None);
    }

    #[test]
    fn our_times_lie_within_the_replay_but_for_what_is_added_in_the_recording() {
        let clock = Clock::Recorded(RUN);
        let token = "2030-01-01T01:00:00.000000Z";
        assert!(clock.agree(token, "2026-05-01T11:02:00.000000Z"));
        assert!(!clock.agree(token, "2026-05-01T10:02:00.000000Z"));
        assert!(!clock.agree(token, "2026-05-01T11:04:07.000000Z"));
        assert!(!clock.agree(token, "2026-05-01T10:59:00.000000Z"));
        assert!(!clock.agree(token, "2026-05-01T11:02:00Z"));
        assert!(!clock.agree(token, "an hour"));
    }
}

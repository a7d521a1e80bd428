//! Times in answers: each server has its own, a moment apart.

use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const SECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
const SECONDS_LENGTH: usize = 19;
/// What may pass between the two servers' answers to a request, or between two requests of a sequence.
const SLACK_S: i64 = 60;

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

/// Whether both are times of the same form, and as near as the two servers' answers are.
pub fn are_alike(theirs: &str, ours: &str) -> bool {
    match (instant(theirs), instant(ours)) {
        (Some(their_time), Some(our_time)) => {
            form(theirs) == form(ours) && (their_time - our_time).whole_seconds().abs() <= SLACK_S
        }
        _ => false,
    }
}

fn instant(text: &str) -> Option<PrimitiveDateTime> {
    let (seconds, rest) = text.split_at_checked(SECONDS_LENGTH)?;
    let is_rest = rest.chars().all(|character| character.is_ascii_digit() || ".Z+-:".contains(character));
    PrimitiveDateTime::parse(seconds, SECONDS).ok().filter(|_| is_rest)
}

//! Times as the API writes them: UTC, ISO 8601, microseconds.

use std::fmt::Write;

use time::OffsetDateTime;
use time::PrimitiveDateTime;
use time::macros::format_description;

fn write(seconds: u64, micros: u64) -> String {
    let at =
        i64::try_from(seconds).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    let at = at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let mut text = String::with_capacity(27);
    let (hour, minute, second) = at.to_hms();
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z",
        at.year(),
        u8::from(at.month()),
        at.day()
    );
    text
}

/// Whole seconds since the epoch, as `YYYY-MM-DDTHH:MM:SS.000000Z`.
#[must_use]
pub fn iso_seconds(seconds: u64) -> String {
    write(seconds, 0)
}

/// Milliseconds since the epoch, as `YYYY-MM-DDTHH:MM:SS.ffffffZ` without the zone: the form of
/// `password_expires_at`.
#[must_use]
pub fn iso_micros(milliseconds: u64) -> String {
    let mut text = write(milliseconds / 1000, milliseconds % 1000 * 1000);
    text.pop();
    text
}

/// Milliseconds since the epoch, as `YYYY-MM-DDTHH:MM:SS.ffffffZ`.
#[must_use]
pub fn iso_micros_utc(milliseconds: u64) -> String {
    write(milliseconds / 1000, milliseconds % 1000 * 1000)
}

/// Reads a time that a client wrote, with or without a fraction and a `Z`. Milliseconds since the epoch.
#[must_use]
pub fn parse_ms(text: &str) -> Option<u64> {
    let text = text.trim().trim_end_matches('Z').trim_end_matches("+00:00");
    let whole = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    let fraction = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond]");
    let at =
        PrimitiveDateTime::parse(text, whole).or_else(|_| PrimitiveDateTime::parse(text, fraction)).ok()?;
    u64::try_from(at.assume_utc().unix_timestamp_nanos() / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_keystone_writes_them_and_read_back() {
        assert_eq!(iso_seconds(1_700_000_000), "2023-11-14T22:13:20.000000Z");
        assert_eq!(iso_micros(1_700_000_000_123), "2023-11-14T22:13:20.123000");
        assert_eq!(parse_ms("2023-11-14T22:13:20.123000Z"), Some(1_700_000_000_123));
        assert_eq!(parse_ms("2023-11-14T22:13:20"), Some(1_700_000_000_000));
        assert_eq!(parse_ms("yesterday"), None);
    }
}

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

/// Reads a time that a client wrote in ISO 8601: a date, perhaps a time, a fraction and an offset from UTC.
/// Milliseconds since the epoch.
#[must_use]
pub fn parse_ms(text: &str) -> Option<u64> {
    let (date, time) = text.trim().split_once(['T', ' ']).unwrap_or((text.trim(), "00:00:00"));
    let (time, offset_s) = split_offset(time)?;
    let whole = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    let fraction = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond]");
    let text = format!("{date}T{time}");
    let at =
        PrimitiveDateTime::parse(&text, whole).or_else(|_| PrimitiveDateTime::parse(&text, fraction)).ok()?;
    let milliseconds = at.assume_utc().unix_timestamp_nanos() / 1_000_000;
    u64::try_from(milliseconds - i128::from(offset_s) * 1000).ok()
}

/// Splits `Z`, `+02:00`, `+0200` or `+02` from a time. Seconds east of UTC; none counts as UTC.
fn split_offset(time: &str) -> Option<(&str, i32)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let Some(at) = time.find(['+', '-']) else {
        return Some((time, 0));
    };
    let (time, offset) = time.split_at_checked(at)?;
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let digits: String = offset.chars().skip(1).filter(|character| *character != ':').collect();
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = digits.split_at_checked(2)?;
    let minutes = if minutes.is_empty() { 0 } else { minutes.parse::<i32>().ok()? };
    Some((time, sign * (hours.parse::<i32>().ok()? * 3600 + minutes * 60)))
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
        assert_eq!(parse_ms("2023-11-14T23:13:20.5+01:00"), Some(1_700_000_000_500));
        assert_eq!(parse_ms("2023-11-14T20:13:20-0200"), Some(1_700_000_000_000));
        assert_eq!(parse_ms("2023-11-14"), Some(1_699_920_000_000));
        for wrong in ["yesterday", "2023-11-14T22:13:20+1", "2023-11-14T22:13:20+aa:bb", "2023-13-14", ""] {
            assert_eq!(parse_ms(wrong), None, "{wrong}");
        }
    }
}

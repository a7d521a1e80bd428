//! The path of a request before it is routed.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What a part of a path cannot hold as it is.
const ENCODED: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'/').add(b'<').add(b'>').add(b'?').add(b'`');

/// The path as it is routed: without slashes at its end, and text. What decodes to anything but UTF-8 is replaced by
/// U+FFFD, as Keystone's framework does, so that it names nothing instead of being no path at all.
#[must_use]
pub fn routed(path: &str) -> Cow<'_, str> {
    let trimmed = match path.trim_end_matches('/') {
        "" if !path.is_empty() => "/",
        trimmed => trimmed,
    };
    if percent_decode_str(trimmed).decode_utf8().is_ok() {
        return Cow::Borrowed(trimmed);
    }
    let parts = trimmed.split('/').map(|part| {
        let text = percent_decode_str(part).decode_utf8_lossy();
        utf8_percent_encode(&text, ENCODED).to_string()
    });
    Cow::Owned(parts.collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_at_the_end_go_and_what_is_not_text_is_replaced() {
        for (path, expected) in [
            ("", ""),
            ("/", "/"),
            ("//", "/"),
            ("/v3/users/", "/v3/users"),
            ("/v3/users/a%2Fb%20c/", "/v3/users/a%2Fb%20c"),
            ("/v3/users/%zz", "/v3/users/%zz"),
            ("/v3/users/%ff", "/v3/users/%EF%BF%BD"),
            ("/v3/x%2F%C3/users%25/%C3%A9", "/v3/x%2F%EF%BF%BD/users%25/%C3%A9"),
        ] {
            assert_eq!(routed(path), expected, "{path}");
        }
    }
}

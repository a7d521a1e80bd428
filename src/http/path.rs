//! The path of a request before it is routed.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What a path cannot hold as it is; a slash separates its parts.
const ENCODED: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b'`');

/// The path as it is routed: decoded first, so that `%2F` separates as a slash does, and without slashes at its end.
///
/// What decodes to anything but UTF-8 is replaced by U+FFFD, as Keystone's framework does, so that it names nothing
/// instead of being no path at all. What cannot stand in a path is encoded again.
#[must_use]
pub fn routed(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(without_slashes(path));
    }
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    Cow::Owned(utf8_percent_encode(without_slashes(&decoded), ENCODED).to_string())
}

fn without_slashes(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" if !path.is_empty() => "/",
        trimmed => trimmed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_decoded_before_it_is_routed() {
        for (path, expected) in [
            ("", ""),
            ("/", "/"),
            ("//", "/"),
            ("/v3/users/", "/v3/users"),
            ("/v3/us%65rs", "/v3/users"),
            ("/v3%2Fusers%2f", "/v3/users"),
            ("/v3/users/a%2Fb%20c/", "/v3/users/a/b%20c"),
            ("/v3/users/a%252Fb", "/v3/users/a%252Fb"),
            ("/v3/users/%zz", "/v3/users/%25zz"),
            ("/v3/users/%ff", "/v3/users/%EF%BF%BD"),
            ("/v3/users/x%3Fy%23%00", "/v3/users/x%3Fy%23%00"),
            ("/v3/users/%C3%A9", "/v3/users/%C3%A9"),
        ] {
            assert_eq!(routed(path), expected, "{path}");
        }
    }
}

//! Ids inside payloads: 16 bytes when they are UUIDs, text when they are not.

use std::fmt;

/// The 16 bytes of a UUID.
pub type UuidBytes = [u8; 16];

/// Room for the text of a UUID.
pub type UuidText = [u8; 32];

/// An id as a payload stores it.
///
/// Ids of local users, projects and groups are UUIDs and take 16 bytes; ids of LDAP and federated users
/// are 64 hexadecimal digits, and a few, such as `default`, are words: those are stored as text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum PayloadId {
    /// A UUID; its text is 32 lower-case hexadecimal digits.
    Uuid(UuidBytes),
    /// Anything else, as it is.
    Text(Box<str>),
}

impl PayloadId {
    /// The text of this id, written into `room` if it is a UUID. It allocates nothing.
    #[must_use]
    pub fn text<'a>(&'a self, room: &'a mut UuidText) -> &'a str {
        match self {
            Self::Uuid(bytes) => uuid::Uuid::from_bytes(*bytes).simple().encode_lower(room),
            Self::Text(text) => text,
        }
    }

    /// Whether the text of this id is `text`.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.text(&mut [0; 32]) == text
    }
}

impl From<&str> for PayloadId {
    /// Text that reads as a UUID in any of the forms of [`parse_uuid`] becomes one, as in Keystone, and
    /// so comes back without dashes and in lower case.
    fn from(text: &str) -> Self {
        parse_uuid(text).map_or_else(|| Self::Text(text.into()), Self::Uuid)
    }
}

impl From<UuidBytes> for PayloadId {
    fn from(bytes: UuidBytes) -> Self {
        Self::Uuid(bytes)
    }
}

impl fmt::Display for PayloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(&mut [0; 32]))
    }
}

impl fmt::Debug for PayloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PayloadId({self})")
    }
}

/// Reads a UUID in the forms that Keystone takes for one: with dashes anywhere, in braces, after `urn:`
/// or `uuid:`, in either case. What is left must be 32 hexadecimal digits. (Python also takes a sign,
/// `0x` and underscores among the 32; Keystone then reads another id back, so they are text here.)
#[must_use]
pub fn parse_uuid(text: &str) -> Option<UuidBytes> {
    if text.len() == 32
        && let Some(bytes) = hex_digits(text.as_bytes())
    {
        return Some(bytes);
    }
    // Nothing shorter is a UUID, and nothing else can shrink to one.
    if text.len() <= 32 || !text.contains(['-', '{', '}', ':']) {
        return None;
    }
    let bare = text.replace("urn:", "").replace("uuid:", "");
    let digits: Vec<u8> = bare.trim_matches(['{', '}']).bytes().filter(|byte| *byte != b'-').collect();
    hex_digits(&digits)
}

fn hex_digits(text: &[u8]) -> Option<UuidBytes> {
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    let pairs: &[[u8; 2]; 16] = pairs.try_into().ok()?;
    let mut bytes = [0; 16];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let high = char::from(*high).to_digit(16)?;
        let low = char::from(*low).to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: UuidBytes =
        [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];

    #[test]
    fn every_form_of_a_uuid_is_read_and_comes_back_as_32_lower_case_digits() {
        for text in [
            "0123456789abcdef0123456789abcdef",
            "0123456789ABCDEF0123456789ABCDEF",
            "01234567-89ab-cdef-0123-456789abcdef",
            "{01234567-89ab-cdef-0123-456789abcdef}",
            "urn:uuid:01234567-89ab-cdef-0123-456789abcdef",
            "0-1-2-3456789abcdef0123456789abcdef",
        ] {
            let id = PayloadId::from(text);
            assert_eq!(id, PayloadId::Uuid(UUID), "{text}");
            assert_eq!(id.to_string(), "0123456789abcdef0123456789abcdef");
            assert!(id.is("0123456789abcdef0123456789abcdef"));
        }
    }

    #[test]
    fn other_text_stays_as_it_is() {
        for text in [
            "",
            "default",
            "0123456789abcdef0123456789abcde",
            "0123456789abcdef0123456789abcdeg",
            "63ac5bb72e415441534d11c43df8a5cf7d51108f9e32a884858abb723b23b238",
            "0123456789abcdef-0123456789abcde",
            "+123456789abcdef0123456789abcdef",
            "ääääääääääääääää",
        ] {
            let id = PayloadId::from(text);
            assert_eq!(id, PayloadId::Text(text.into()));
            assert!(id.is(text));
            assert_eq!(id.to_string(), text);
        }
    }
}

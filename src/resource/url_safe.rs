//! Names that can stand in a URL as they are.

/// The characters that RFC 3986 reserves in a URL.
const RESERVED: &str = ":/?#[]@!$&'()*+,;=";

/// Whether a name is free of the characters that a URL reserves.
#[must_use]
pub fn is_url_safe(name: &str) -> bool {
    !name.contains(|character| RESERVED.contains(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_characters_are_not_safe_and_all_others_are() {
        for reserved in RESERVED.chars() {
            assert!(!is_url_safe(&format!("a{reserved}b")), "{reserved}");
        }
        assert!(is_url_safe("a b-c_d.e~f%g\u{e9}\"<>|"));
    }
}

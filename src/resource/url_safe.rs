//! Names that can stand in a URL as they are.

/// The characters that RFC 3986 reserves in a URL.
const RESERVED: &str = ":/?#[]@!$&'()*+,;=";

/// Whether a name is free of the characters that a URL reserves.
#[must_use]
pub fn is_url_safe(name: &str) -> bool {
    !name.contains(|character| RESERVED.contains(character))
}

/// The characters of a name that a URL reserves, in their order.
#[must_use]
pub fn reserved_in(name: &str) -> String {
    name.chars().filter(|character| RESERVED.contains(*character)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_characters_are_not_safe_and_all_others_are() {
        for reserved in RESERVED.chars() {
            let name = format!("a{reserved}b");
            assert!(!is_url_safe(&name), "{name}");
            assert_eq!(reserved_in(&name), reserved.to_string());
        }
        assert!(is_url_safe("a b-c_d.e~f%g\u{e9}\"<>|"));
        assert_eq!(reserved_in("a/b:/c"), "/:/");
    }
}

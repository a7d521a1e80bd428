//! Patterns of texts.

/// Returns true if a pattern, in which `*` is any text, matches a whole text.
pub fn matches_pattern(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            ends.into_iter().any(|at| matches_pattern(after, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text() {
        assert!(matches_pattern("a*c", "abc") && matches_pattern("a*c", "ac") && matches_pattern("*", ""));
        assert!(
            matches_pattern("*b*", "abc") && !matches_pattern("a*c", "abcd") && !matches_pattern("a", "ab")
        );
    }
}

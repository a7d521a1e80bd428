//! Where Keyraft answers differently on purpose. `docs/differences.md` has the same list, for readers.

use super::compare::Difference;
use super::request::Request;
use super::rows::row_of;

/// One way in which answers may differ. It must occur in a whole run: a difference that is gone leaves the list.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Allowed {
    /// Its row in `docs/differences.md`. Several entries may be ways of one difference.
    pub id: &'static str,
    /// The method, or `*`.
    pub method: &'static str,
    /// The path of a row, or a pattern with `*` for the path of a request that is of no row.
    pub path: &'static str,
    /// `status`, `header NAME` or `body POINTER`; a pattern.
    pub field: &'static str,
    /// Patterns of what the two say.
    pub theirs: &'static str,
    pub ours: &'static str,
}

/// All of them.
pub const ALLOWED: &[Allowed] = &[];

impl Allowed {
    pub fn covers(&self, request: &Request, _caller: &str, difference: &Difference) -> bool {
        let is_path = match row_of(&request.method, &request.path) {
            Some(row) if row.path == self.path => true,
            _ => matches_pattern(self.path, &request.path),
        };
        is_path
            && matches_pattern(self.method, request.method.as_str())
            && matches_pattern(self.field, &difference.field)
            && matches_pattern(self.theirs, &difference.theirs)
            && matches_pattern(self.ours, &difference.ours)
    }
}

/// Whether a text is as the pattern says, in which `*` stands for any text.
fn matches_pattern(pattern: &str, text: &str) -> bool {
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
    use std::collections::BTreeSet;

    use super::*;

    const DOCUMENT: &str = include_str!("../../docs/differences.md");

    #[test]
    fn the_document_lists_the_differences_that_the_test_allows_and_no_others() {
        // A row of the compared ones begins `| D1 |`.
        let cells = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
        let is_id = |cell: &&str| cell.strip_prefix('D').is_some_and(|number| number.parse::<u32>().is_ok());
        let documented: Vec<_> = cells.filter(is_id).collect();
        let unique: BTreeSet<_> = documented.iter().copied().collect();
        assert_eq!(documented.len(), unique.len(), "an id stands twice");
        assert_eq!(unique, ALLOWED.iter().map(|allowed| allowed.id).collect());
    }

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(matches_pattern("a*c", "abc") && matches_pattern("a*c", "ac") && matches_pattern("*", ""));
        assert!(
            matches_pattern("*b*", "abc") && !matches_pattern("a*c", "abcd") && !matches_pattern("a", "ab")
        );
    }
}

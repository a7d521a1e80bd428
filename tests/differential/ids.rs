//! Pairs of ids: one of theirs and the one of ours that means the same.

use std::collections::HashMap;

/// A bijection, learnt from responses: ids at the same place mean the same thing, from then on
/// everywhere.
#[derive(Clone, Debug, Default)]
pub struct Ids {
    of_theirs: HashMap<String, (String, usize)>,
    of_ours: HashMap<String, (String, usize)>,
    /// Theirs, in the order in which they were learnt.
    learnt: Vec<String>,
}

impl Ids {
    /// Returns true if the two are the same thing; two that are both new become so.
    pub fn agree(&mut self, theirs: &str, ours: &str) -> bool {
        match (self.of_theirs.get(theirs), self.of_ours.get(ours)) {
            (Some((known, _)), Some(_)) => known == ours,
            (None, None) => {
                let number = self.learnt.len();
                self.learnt.push(theirs.to_owned());
                self.of_theirs.insert(theirs.to_owned(), (ours.to_owned(), number));
                self.of_ours.insert(ours.to_owned(), (theirs.to_owned(), number));
                true
            }
            _ => false,
        }
    }

    /// Number of pairs that are known, to go back to with [`Self::forget`].
    pub fn known(&self) -> usize {
        self.learnt.len()
    }

    /// Forgets all pairs but the first `known`.
    pub fn forget(&mut self, known: usize) {
        for theirs in self.learnt.drain(known..) {
            if let Some((ours, _)) = self.of_theirs.remove(&theirs) {
                self.of_ours.remove(&ours);
            }
        }
    }

    /// Our id for an id of theirs.
    pub fn ours_for(&self, theirs: &str) -> Option<&str> {
        self.of_theirs.get(theirs).map(|(ours, _)| ours.as_str())
    }

    /// The number of what an id of theirs means, the same as for ours.
    pub fn number_of_theirs(&self, id: &str) -> Option<usize> {
        self.of_theirs.get(id).map(|(_, number)| *number)
    }

    pub fn number_of_ours(&self, id: &str) -> Option<usize> {
        self.of_ours.get(id).map(|(_, number)| *number)
    }
}

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// 32 lower-case hexadecimal digits with no letter or digit beside them.
    Id(&'a str),
    Text(&'a str),
}

/// The text, cut where its ids begin and end.
pub fn parts(text: &str) -> Vec<Part<'_>> {
    const ID_LENGTH: usize = 32;
    let mut parts = Vec::new();
    let (mut start, mut at) = (0, 0);
    for word in text.split_inclusive(|character: char| !character.is_ascii_alphanumeric()) {
        let alone = word.trim_end_matches(|character: char| !character.is_ascii_alphanumeric());
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if alone.len() == ID_LENGTH && alone.bytes().all(is_digit) {
            if start < at {
                parts.push(Part::Text(&text[start..at]));
            }
            parts.push(Part::Id(alone));
            start = at + ID_LENGTH;
        }
        at += word.len();
    }
    if start < text.len() {
        parts.push(Part::Text(&text[start..]));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "0123456789abcdef0123456789abcdef";
    const TWO: &str = "fedcba9876543210fedcba9876543210";

    #[test]
    fn an_id_means_one_thing_only() {
        let mut ids = Ids::default();
        assert!(ids.agree("a", "x") && ids.agree("b", "y") && ids.agree("a", "x"));
        assert!(!ids.agree("a", "y") && !ids.agree("c", "x") && !ids.agree("a", "z"));
        ids.forget(1);
        assert!(ids.agree("b", "z") && ids.agree("a", "x") && !ids.agree("c", "x"));
        assert_eq!((ids.known(), ids.number_of_theirs("b"), ids.number_of_ours("z")), (2, Some(1), Some(1)));
    }

    #[test]
    fn ids_are_found_where_they_stand_alone() {
        let text = format!("/users/{ONE}/roles/{TWO}?x");
        let found = parts(&text);
        assert_eq!(
            found,
            [Part::Text("/users/"), Part::Id(ONE), Part::Text("/roles/"), Part::Id(TWO), Part::Text("?x")]
        );
        let longer = format!("{ONE}{TWO}");
        assert_eq!(parts(&longer), [Part::Text(&longer)]);
        assert_eq!(parts(ONE), [Part::Id(ONE)]);
        assert_eq!(parts(""), []);
    }
}

//! A counter that many raise and read at once: whether all nodes have behaved as one copy of it.

use std::collections::BTreeMap;
use std::fmt::Debug;

/// What was shown of a counter so far; `By` says to whom.
///
/// It is one copy if no answer falls behind one that was given before its question, and no two increments had one
/// answer.
#[derive(Clone, Debug)]
pub struct Tally<By> {
    highest: Option<(u64, By)>,
    answers: BTreeMap<u64, By>,
}

/// What had been shown before a question.
pub type Before<By> = Option<(u64, By)>;

impl<By> Default for Tally<By> {
    fn default() -> Self {
        Self { highest: None, answers: BTreeMap::new() }
    }
}

impl<By: Clone + Debug> Tally<By> {
    /// A question begins.
    pub fn begin(&self) -> Before<By> {
        self.highest.clone()
    }

    /// An increment was answered with the new count.
    pub fn incremented(&mut self, before: &Before<By>, count: u64, by: By) -> Result<(), String> {
        self.show(before, count, true, &by)?;
        match self.answers.insert(count, by.clone()) {
            Some(other) => Err(format!("{count} was answered twice: {by:?} and {other:?}")),
            None => Ok(()),
        }
    }

    /// A read found this count.
    pub fn read(&mut self, before: &Before<By>, count: u64, by: &By) -> Result<(), String> {
        self.show(before, count, false, by)
    }

    fn show(&mut self, before: &Before<By>, count: u64, is_new: bool, by: &By) -> Result<(), String> {
        if self.highest.as_ref().is_none_or(|(highest, _)| *highest < count) {
            self.highest = Some((count, by.clone()));
        }
        match before {
            Some((before, shower)) if count < *before || (is_new && count == *before) => {
                Err(format!("{count} after {before} had been shown: {by:?} after {shower:?}"))
            }
            _ => Ok(()),
        }
    }

    /// The answers to increments.
    pub fn answers(&self) -> &BTreeMap<u64, By> {
        &self.answers
    }
}

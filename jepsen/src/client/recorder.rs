//! Where clients write down what they did.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::history::{Operation, Outcome};

/// Notes beyond this number are all alike.
const MOST_NOTES: usize = 100;

/// The history of a run while it grows; clones write into the same.
#[derive(Clone)]
pub struct Recorder {
    start: Instant,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    operations: Mutex<Vec<Operation>>,
    clients: AtomicUsize,
    notes: Mutex<Vec<String>>,
    done: AtomicUsize,
    refused: AtomicUsize,
    unknown: AtomicUsize,
}

/// How many operations ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Were done.
    pub done: usize,
    /// Were not done.
    pub refused: usize,
    /// Nobody knows.
    pub unknown: usize,
}

impl Recorder {
    /// A history that begins now.
    #[must_use]
    pub fn start() -> Self {
        Self { start: Instant::now(), shared: Arc::default() }
    }

    /// Time since the beginning.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// A number that no client has had.
    #[must_use]
    pub fn next_client(&self) -> usize {
        self.shared.clients.fetch_add(1, Ordering::SeqCst)
    }

    /// Keeps an operation that has ended.
    pub fn record(&self, operation: Operation) {
        let count = match operation.outcome {
            Outcome::Done => &self.shared.done,
            Outcome::Refused => &self.shared.refused,
            Outcome::Unknown => &self.shared.unknown,
        };
        count.fetch_add(1, Ordering::SeqCst);
        self.shared.operations.lock().unwrap_or_else(PoisonError::into_inner).push(operation);
    }

    /// Keeps a sentence about something that should not have happened; the run fails for it.
    pub fn note(&self, text: String) {
        let mut notes = self.shared.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() < MOST_NOTES {
            notes.push(text);
        }
    }

    /// How many operations have ended how.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let count = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        Tally {
            done: count(&self.shared.done),
            refused: count(&self.shared.refused),
            unknown: count(&self.shared.unknown),
        }
    }

    /// All operations so far, and all notes.
    #[must_use]
    pub fn finish(&self) -> (Vec<Operation>, Vec<String>) {
        let operations = self.shared.operations.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let notes = self.shared.notes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (operations, notes)
    }
}

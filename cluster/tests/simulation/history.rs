//! What clients asked and were told, in the order in which it happened: a simulation has one thread, so the order
//! is exact.

use std::sync::{Arc, Mutex};

use crate::judgement;

/// How many registers clients write.
pub const REGISTERS: usize = 3;

/// Where an event lies among all others.
pub type Moment = usize;

/// What a register holds; each value is written at most once, and 0 is there from the start.
pub type Value = u64;

/// The end of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Nobody knows whether it was done, or will be: also when its node died.
    Unknown,
    /// It was not done and will not be.
    Refused,
    /// A register was written.
    Written,
    /// The counter was raised to this.
    Counted(u64),
    /// The whole state was read.
    Found(State),
    /// One register was read, which was the same in all states that could have been current.
    FoundAlike(usize, Value),
}

/// A state as a node has shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub registers: [Value; REGISTERS],
    pub count: u64,
    pub applied_index: u64,
    pub log_time_ms: u64,
    /// What a token would be stamped with that is issued from this state: cluster time before it was loaded.
    pub stamp_ms: u64,
}

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    Set(usize, Value),
    Increment,
    Read,
}

/// One operation of one client; without an end it may be done at any later time, or never.
#[derive(Debug)]
pub struct Operation {
    pub by: String,
    pub request: Request,
    pub begun: Moment,
    pub ended: Option<(Moment, End)>,
}

/// Cheap to clone; every clone is the same history.
#[derive(Clone, Default)]
pub struct History(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    now: Moment,
    values: Value,
    operations: Vec<Operation>,
}

impl History {
    /// A value that nobody has written.
    pub fn new_value(&self) -> Value {
        let mut inner = self.0.lock().unwrap();
        inner.values += 1;
        inner.values
    }

    /// An operation begins.
    pub fn begin(&self, by: &str, request: Request) -> usize {
        let mut inner = self.0.lock().unwrap();
        inner.now += 1;
        let begun = inner.now;
        inner.operations.push(Operation { by: by.to_owned(), request, begun, ended: None });
        inner.operations.len() - 1
    }

    /// It ends. One whose end is unknown may be done at any later time.
    pub fn end(&self, operation: usize, end: End) {
        let mut inner = self.0.lock().unwrap();
        inner.now += 1;
        let now = inner.now;
        inner.operations[operation].ended = (end != End::Unknown).then_some((now, end));
    }

    /// How many operations ended in some way.
    pub fn count(&self, is_counted: impl Fn(&End) -> bool) -> usize {
        let inner = self.0.lock().unwrap();
        inner.operations.iter().filter_map(|op| op.ended.as_ref()).filter(|(_, end)| is_counted(end)).count()
    }

    /// Says what shows that the nodes were not one copy.
    pub fn check(&self) -> Result<(), String> {
        judgement::check(&self.0.lock().unwrap().operations)
    }
}

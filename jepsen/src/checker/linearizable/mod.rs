//! Linearizability: whether the operations could have been done one after the other, each at a moment
//! between its invocation and its end.
//!
//! The search is that of Wing and Gong ("Testing and verifying concurrent objects", 1993) with the
//! memory of Lowe ("Testing for linearizability", 2017): it takes an operation that could come next, goes
//! on from there, and where it can get no further takes another one instead; what it has seen once (which
//! operations were done, and the state they left) it does not try again.
//!
//! An operation with an unknown outcome may be done at any moment after it was sent, or never. Such
//! operations stay candidates for ever and would make the search double with each; so
//! - of several that do the same, the one sent first is taken first, as it can stand for any of the others;
//! - one that would change nothing is not taken;
//! - whoever calls may know better when it was done ([`Call`]).
//!
//! A read is taken as soon as its answer fits, for good: any order in which it comes later is one with it
//! here, as nothing else depends on it.

mod done;
mod events;

use std::collections::HashSet;
use std::hash::Hash;
use std::time::Duration;

use crate::history::Operation;
use done::Done;
use events::{Event, Events};

/// What the operations are done to.
pub trait Model {
    /// What it is like between them.
    type State: Clone + Eq + Hash;

    /// What it is like at first.
    fn initial(&self) -> Self::State;

    /// What it is like after the operation; `None` if it could not have been answered so. For one with an
    /// unknown outcome, if it is done.
    fn step(&self, state: &Self::State, operation: &Operation) -> Option<Self::State>;
}

/// An operation, and when it can have been done.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The operation.
    pub operation: &'a Operation,
    /// When at the earliest.
    pub from: Duration,
    /// When at the latest; `None` if perhaps never.
    pub deadline: Option<Duration>,
}

impl<'a> Call<'a> {
    /// The call of an operation of which nothing more is known than its outcome. One that was refused is
    /// none.
    #[must_use]
    pub fn of(operation: &'a Operation) -> Self {
        let deadline = operation.is_done().then_some(operation.ended_at);
        Self { operation, from: operation.sent_at, deadline }
    }
}

/// The bound of a search: configurations, which are what it remembers, at some 100 bytes each.
pub const MAX_CONFIGURATIONS: usize = 2_000_000;

/// What a search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// There is an order.
    Linearizable,
    /// There is none, not even of the operations that were sent up to this moment.
    NotLinearizable {
        /// The end of an operation past which no order leads.
        stuck_at: Duration,
    },
    /// The bound was reached.
    GaveUp,
}

/// Searches for an order.
#[must_use]
pub fn search<M: Model>(model: &M, calls: &[Call<'_>], max_configurations: usize) -> Search {
    let mut events = Events::new(calls);
    let mut done = Done::new(calls);
    let twins = twins(calls);
    let mut remaining = calls.iter().filter(|call| call.deadline.is_some()).count();
    let mut state = model.initial();
    let mut seen: HashSet<(Box<[u64]>, M::State)> = HashSet::new();
    // The calls taken, with the state before and whether there is nothing else to try in their place.
    let mut taken: Vec<(usize, M::State, bool)> = Vec::new();
    let mut stuck_at = Duration::ZERO;
    let mut at = events.first();
    while remaining > 0 {
        match at.and_then(|position| events.get(position)) {
            Some(Event::Invocation(call)) => {
                let next = calls.get(call).and_then(|candidate| {
                    let twin = twins.get(call).copied().flatten();
                    if twin.is_some_and(|twin| !done.contains(twin)) {
                        return None;
                    }
                    let next = model.step(&state, candidate.operation)?;
                    let changes = next != state;
                    let is_only = !changes && !candidate.operation.function.is_write();
                    (changes || candidate.deadline.is_some()).then_some((next, is_only, candidate.deadline))
                });
                let Some((next, is_only, deadline)) = next else {
                    at = events.after(at);
                    continue;
                };
                done.insert(call);
                if !is_only {
                    if seen.len() >= max_configurations {
                        return Search::GaveUp;
                    }
                    if !seen.insert((done.key(), next.clone())) {
                        done.remove(call);
                        at = events.after(at);
                        continue;
                    }
                }
                remaining -= usize::from(deadline.is_some());
                taken.push((call, std::mem::replace(&mut state, next), is_only));
                events.lift(call);
                at = events.first();
            }
            // The end of a call that is not yet done: something before it has to be done otherwise.
            blocked => {
                if let Some(Event::End(moment)) = blocked {
                    stuck_at = stuck_at.max(moment);
                }
                loop {
                    let Some((call, before, is_only)) = taken.pop() else {
                        return Search::NotLinearizable { stuck_at };
                    };
                    state = before;
                    done.remove(call);
                    events.unlift(call);
                    remaining += usize::from(calls.get(call).is_some_and(|call| call.deadline.is_some()));
                    if !is_only {
                        at = events.after(events.invocation(call));
                        break;
                    }
                }
            }
        }
    }
    Search::Linearizable
}

/// For each call without a deadline, the one before it that does the same.
fn twins(calls: &[Call<'_>]) -> Vec<Option<usize>> {
    let mut order: Vec<usize> = (0..calls.len()).collect();
    order.sort_by_key(|call| calls.get(*call).map(|call| call.from));
    let mut last = std::collections::BTreeMap::new();
    let mut twins = vec![None; calls.len()];
    for position in order {
        let Some(call) = calls.get(position).filter(|call| call.deadline.is_none()) else { continue };
        let what = (call.operation.function, &call.operation.key, &call.operation.argument);
        if let Some(twin) = twins.get_mut(position) {
            *twin = last.insert(what, position);
        }
    }
    twins
}

#[cfg(test)]
mod tests;

//! Judges of histories.
//!
//! A checker looks at what clients saw and at nothing else. What was refused was not done; what has an unknown
//! outcome may have been done at any moment after it was sent, or may yet be. Two operations of which neither
//! ended before the other was sent could have been done in either order, and count as a fault only if both
//! orders are impossible.

pub mod availability;
pub mod digests;
pub mod grants;
pub mod linearizable;
pub mod monotonic;
pub mod register;
pub mod revocation;
pub mod rotation;
pub mod set;
pub mod shrink;
pub mod unique;
pub mod verdict;
pub mod work;

use crate::function::Function;
use crate::history::{History, Operation};
use crate::recording::Recording;
use verdict::Verdict;

/// Judges one promise.
pub trait Checker {
    /// The promise, for people.
    fn name(&self) -> &'static str;

    /// Whether the history keeps it.
    fn check(&self, history: &History) -> Verdict;

    /// Whether `operation` says nothing without `other`: a part of a history that has only the first could
    /// fail although the whole does not.
    fn needs(&self, operation: &Operation, other: &Operation) -> bool;
}

/// The workloads that can be judged, by name.
pub const WORKLOADS: [&str; 7] =
    ["register", "unique", "grants", "revocation", "rotation", "set", "monotonic"];

/// What judges a workload; none if it is not one of [`WORKLOADS`].
#[must_use]
pub fn of_workload(recording: &Recording) -> Option<Box<dyn Checker>> {
    Some(match &*recording.workload {
        "register" => Box::new(register::Register::default()),
        "unique" => Box::new(unique::Unique),
        "grants" => Box::new(grants::Grants::default()),
        "revocation" => Box::new(revocation::Revocation),
        "rotation" => Box::new(rotation::Rotation::of(recording)),
        "set" => Box::new(set::Set),
        "monotonic" => Box::new(monotonic::Monotonic),
        _ => return None,
    })
}

/// The workload that a history looks like by what was asked; empty if none.
#[must_use]
pub fn guess_workload(history: &History) -> &'static str {
    let has = |wanted| history.operations().iter().any(|operation| operation.function == wanted);
    match () {
        () if has(Function::Add) => "set",
        () if has(Function::Create) => "unique",
        () if has(Function::Grant) || has(Function::RevokeGrant) => "grants",
        () if has(Function::Rotate) || has(Function::Keys) => "rotation",
        () if has(Function::Revoke) => "revocation",
        () if has(Function::Write) || has(Function::Read) => "register",
        () => "",
    }
}

#[cfg(test)]
pub(crate) mod testing;

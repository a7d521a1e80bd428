//! Decides from what clients saw whether the promises of the cluster held.
//!
//! A test drives real processes, keeps a [`History`] of what its clients asked and were told, breaks
//! the processes' world meanwhile, and has a checker judge the history.

pub mod checker;
pub mod cli;
pub mod client;
pub mod disk;
pub mod edn;
pub mod environment;
pub mod function;
pub mod history;
pub mod judgement;
pub mod nemesis;
pub mod recording;
pub mod report;
pub mod runner;
pub mod schedule;
pub mod value;
pub mod workload;

#[cfg(test)]
mod simulated;

pub use function::Function;
pub use history::{History, Operation, Outcome};
pub use judgement::Judgement;
pub use recording::{Disturbance, DisturbanceState, Recording, Sample};
pub use value::Value;

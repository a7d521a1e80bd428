//! Decides from what clients saw whether the promises of the cluster held.
//!
//! A test drives real processes, keeps a [`History`] of what its clients asked and were told, breaks
//! the processes' world meanwhile, and has a checker judge the history.

pub mod checker;
pub mod history;

pub use history::{History, Outcome};

//! Judges of histories.

pub mod set;

//! x
pub mod region;

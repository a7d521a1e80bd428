//! Assignments: who has which role on which project, domain or on the system.

pub mod api;
pub mod commands;
pub mod effective;
#[cfg(test)]
mod fixture;
pub mod listing;
pub mod records;

pub use records::Tables;

//! Assignments: who has which role on which project, domain or on the system.

pub mod commands;
pub mod effective;
pub mod records;

pub use records::Tables;

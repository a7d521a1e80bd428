//! Roles and what they imply.

pub mod api;
pub mod commands;
pub mod records;

pub use records::Tables;

//! Domains and projects. A domain is a project that is its own container, as in Keystone.

pub mod api;
pub mod commands;
pub mod records;

pub use records::Tables;

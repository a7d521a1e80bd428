//! Domains and projects. A domain is a project that is its own container, as in Keystone.

pub mod api;
pub mod commands;
pub mod records;
mod url_safe;

pub use records::Tables;
pub use url_safe::{is_url_safe, reserved_in};

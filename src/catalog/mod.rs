//! Regions, services, endpoints, and the catalog that tokens carry.

pub mod api;
pub mod commands;
pub mod compiled;
pub mod records;
pub mod url;

pub use compiled::{CompiledCatalog, Part};
pub use records::Tables;

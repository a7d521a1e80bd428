//! Routes of the catalog.

pub mod endpoint;
pub mod region;
pub mod service;

//! Revocation: events, and matching a token against them by index.

pub mod api;
pub mod commands;
pub mod records;
mod retention;

pub use records::{Tables, TokenFacts};
pub use retention::kept_ms;

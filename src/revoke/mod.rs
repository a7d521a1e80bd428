//! Revocation: events, and matching a token against them by index.

pub mod api;
pub mod commands;
pub mod records;

pub use records::{Tables, TokenFacts};

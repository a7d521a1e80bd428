//! Tokens: what they carry, how they are sealed, and how they are told apart in audit records.

pub mod audit;
pub mod fernet;
pub mod payload;

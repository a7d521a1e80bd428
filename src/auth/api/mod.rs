//! Routes of authentication.

pub mod token;

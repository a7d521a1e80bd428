//! Routes of authentication.

pub mod scopes;
pub mod token;

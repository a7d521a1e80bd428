//! Routes of roles.

pub mod role;

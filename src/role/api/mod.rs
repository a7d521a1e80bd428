//! Routes of roles.

pub mod implied;
pub mod inference;
pub mod role;

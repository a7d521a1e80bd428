//! Routes of assignments.

pub mod grant;
pub mod role_assignment;

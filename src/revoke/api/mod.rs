//! Routes of revocation.

pub mod event;

//! Key repositories as replicated state, and the sealing of secrets at rest.

pub mod fernet_repository;
pub mod seal;

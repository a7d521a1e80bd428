//! Key repositories as replicated state. Keys are sealed under the cluster key before they enter the log.

pub mod agreement;
pub mod commands;
pub mod fernet_repository;
pub mod records;
pub mod seal;

pub use records::Tables;

/// Context under which Fernet keys are sealed.
pub const FERNET_CONTEXT: &[u8] = b"fernet_tokens.key";

//! Users, groups and passwords.

pub mod account;
pub mod api;
pub mod authenticate;
pub mod commands;
pub mod hash_upgrade;
pub mod password;
pub mod records;

pub use records::Tables;

/// Context under which password hashes are sealed.
pub const PASSWORD_CONTEXT: &[u8] = b"user.password";

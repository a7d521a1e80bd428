//! Keyraft: OpenStack Identity as one replicated binary.

pub mod identity;
pub mod keys;
pub mod token;

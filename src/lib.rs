//! Keyraft: OpenStack Identity as one replicated binary.

pub mod keys;
pub mod token;

//! Keyraft: OpenStack Identity as one replicated binary.

pub mod config;
pub mod ops;

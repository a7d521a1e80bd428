//! Users, groups and their passwords.

pub mod password;

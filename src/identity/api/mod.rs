//! Routes of users, groups and memberships.

mod expiry_filter;
pub mod group;
pub mod membership;
pub mod password;
pub mod user;
pub mod user_object;

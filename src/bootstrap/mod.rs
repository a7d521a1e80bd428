//! The first domain, project, user, roles and identity endpoints, as `keystone-manage bootstrap` makes them.

pub mod commands;
pub mod request;

//! What operators see of a node: its log, its status, and the commands that need no user.

pub mod admin;
pub mod logging;
pub mod status;

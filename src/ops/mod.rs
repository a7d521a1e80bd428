//! What operators see of a node: its log, its status, and the commands that need no user.

pub mod admin;
pub mod housekeeping;
pub mod key_watch;
pub mod log_batches;
pub mod logging;
pub mod metric_descriptions;
pub mod metrics;
pub mod notices;
pub mod operations;
pub mod options;
pub mod policy_reload;
pub mod ready;
pub mod starting;
pub mod status;

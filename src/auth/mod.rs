//! Authentication: from credentials, or an older token, to a new token; and who calls.

pub mod admin_token;
pub mod api;
pub mod authenticate;
mod body;
pub mod caller;
pub mod exchange;
pub mod multi_factor;
pub mod receipt;
pub mod request;
pub mod scope;

pub use caller::Caller;

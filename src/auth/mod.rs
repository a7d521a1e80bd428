//! Authentication: from credentials, or an older token, to a new token; and who calls.

pub mod api;
pub mod authenticate;
pub mod caller;
pub mod request;
pub mod scope;

pub use caller::Caller;

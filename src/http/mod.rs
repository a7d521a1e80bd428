//! The API over HTTP: what all resources share.

pub mod accept;
pub mod answer;
pub mod body;
pub mod call;
pub mod cors;
pub mod discovery;
pub mod error;
pub mod fields;
pub mod json_home;
pub mod json_schema;
pub mod kind;
pub mod layer;
pub mod list;
pub mod openapi;
pub mod operation;
pub mod origin;
pub mod path;
pub mod python_text;
pub mod query;
pub mod route;
pub mod router;
pub mod schema;
pub mod server;

pub use answer::{created, no_content, ok};
pub use call::{Answer, Call};
pub use error::ApiError;
pub use fields::Fields;
pub use list::List;
pub use query::Query;
pub use schema::Schema;

//! Clients of the nodes: one request at a time, never repeated, with an honest account of how it ended.

mod connection;
mod identity;
mod outcome;
mod recorder;
mod request;
mod waiting;
mod worker;

pub use self::connection::{Address, Connection, Reply, SendError};
pub use self::identity::{
    Admin, MOST_ROTATIONS, PASSWORD, SetupError, bootstrap, grant_path, log_in, log_in_with_token, rotate,
};
pub use self::outcome::{Ending, ending};
pub use self::recorder::{Recorder, Tally};
pub use self::request::Request;
pub use self::waiting::Waiting;
pub use self::worker::{Done, Invocation, Worker};

//! What clients do. A workload is a file here and a line in [`ALL`]; it says what the functions mean that its checker
//! judges.

mod grants;
mod monotonic;
mod register;
mod revocation;
mod rotation;
mod set;
mod unique;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::client::{Admin, SetupError, Worker};
use crate::environment::Environment;

/// Makes a workload.
type Make = fn() -> Box<dyn Workload>;

/// All of them, by name.
pub const ALL: &[(&str, Make)] = &[
    ("register", || Box::new(register::Register)),
    ("unique", || Box::new(unique::Unique)),
    ("grants", || Box::new(grants::Grants)),
    ("revocation", || Box::new(revocation::Revocation)),
    ("rotation", || Box::new(rotation::Rotation)),
    ("set", || Box::new(set::Set)),
    ("monotonic", || Box::new(monotonic::Monotonic)),
];

/// How large a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// How long clients act.
    pub duration: Duration,
    /// How many there are.
    pub clients: usize,
}

/// A kind of work.
#[async_trait]
pub trait Workload: Send + Sync {
    /// Makes what the clients need, before the history begins.
    ///
    /// # Errors
    /// The cluster does not take it.
    async fn prepare(
        &self,
        environment: &Arc<Environment>,
        admin: &mut Admin,
        size: Size,
    ) -> Result<Arc<dyn Load>, SetupError>;
}

/// The work of one run, shared by its clients.
#[async_trait]
pub trait Load: Send + Sync {
    /// One step of a client: an operation, or some that follow one another.
    async fn step(&self, worker: &mut Worker);

    /// What is looked at once everything is mended.
    async fn finish(&self, worker: &mut Worker);
}

/// The workload with this name.
#[must_use]
pub fn by_name(name: &str) -> Option<Box<dyn Workload>> {
    ALL.iter().find(|(known, _)| *known == name).map(|(_, make)| make())
}

//! A disk that gives back other bytes than were written: the rows of the state of one node.

use std::time::Duration;

use async_trait::async_trait;

use super::{Nemesis, Struck, corrupt};
use crate::environment::Environment;
use crate::schedule::Chance;

/// The folder, in that of the data.
const FOLDER: &str = "state";

/// Corrupts the rows of the state of a node.
pub struct Sled;

#[async_trait]
impl Nemesis for Sled {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        corrupt::files_of(environment, FOLDER, chance, hold).await
    }
}

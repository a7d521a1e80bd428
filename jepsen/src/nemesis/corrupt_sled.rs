//! A disk that gives back other bytes than were written: the rows of the state of one node.

use std::time::Duration;

use async_trait::async_trait;

use super::victims::{ALL_TAKEN, Victims};
use super::{Nemesis, Struck, corrupt};
use crate::environment::Environment;
use crate::schedule::Chance;

/// Corrupts the rows of the state of a node.
pub struct Sled;

#[async_trait]
impl Nemesis for Sled {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let victims = Victims::one(environment, chance).await;
        let Some(node) = victims.nodes.first() else { return Struck::skipped(ALL_TAKEN) };
        corrupt::files_of(environment, node, &["state"], chance, hold).await
    }
}

//! A restart as in an upgrade: SIGTERM, and start again.

use std::time::Duration;

use async_trait::async_trait;

use super::victims::{ALL_TAKEN, Victims};
use super::{Nemesis, Struck};
use crate::environment::Environment;
use crate::schedule::Chance;

/// Stops one node as an operator does, and starts it again.
pub struct Restart;

#[async_trait]
impl Nemesis for Restart {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let victims = Victims::one(environment, chance).await;
        let Some(node) = victims.nodes.first() else { return Struck::skipped(ALL_TAKEN) };
        let is_graceful = node.stop().await;
        // An operator does not wait long.
        tokio::time::sleep(hold / 4).await;
        let started = environment.start(node).await;
        match (is_graceful, started) {
            (true, started) => Struck::of(victims.numbers(), started),
            (false, _) => Struck::faulty(victims.numbers(), "the node did not stop by itself"),
        }
    }
}

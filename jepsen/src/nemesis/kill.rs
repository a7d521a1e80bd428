//! `kill -9`: the process is gone, what the kernel has of its files is not.

use std::time::Duration;

use async_trait::async_trait;

use super::victims::{ALL_TAKEN, Victims};
use super::{Nemesis, Struck};
use crate::environment::Environment;
use crate::schedule::Chance;

/// Kills a minority and starts it again.
pub struct Kill;

#[async_trait]
impl Nemesis for Kill {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let victims = Victims::minority(environment, chance).await;
        if victims.is_empty() {
            return Struck::skipped(ALL_TAKEN);
        }
        for node in &victims.nodes {
            node.kill().await;
        }
        tokio::time::sleep(hold).await;
        let mut started = Ok(());
        for node in &victims.nodes {
            started = started.and(environment.start(node).await);
        }
        Struck::of(victims.numbers(), started)
    }
}

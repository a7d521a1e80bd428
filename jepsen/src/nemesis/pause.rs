//! SIGSTOP and SIGCONT: a process that hangs and does not know it.

use std::time::Duration;

use async_trait::async_trait;

use super::victims::{ALL_TAKEN, Victims};
use super::{Nemesis, Struck};
use crate::environment::Environment;
use crate::schedule::Chance;

/// Stops a minority where it is, and lets it go on.
pub struct Pause;

#[async_trait]
impl Nemesis for Pause {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let victims = Victims::minority(environment, chance).await;
        if victims.is_empty() {
            return Struck::skipped(ALL_TAKEN);
        }
        let mut all = true;
        for node in &victims.nodes {
            all &= node.pause().await;
        }
        tokio::time::sleep(hold).await;
        for node in &victims.nodes {
            all &= node.resume().await;
        }
        match all {
            true => Struck::installed(victims.numbers()),
            false => Struck::indeterminate(victims.numbers(), "a process was gone"),
        }
    }
}

//! A power failure of a minority of the machines.

use std::time::Duration;

use async_trait::async_trait;

use super::victims::Victims;
use super::{Needs, Nemesis, Struck, power};
use crate::disk::Spared;
use crate::environment::Environment;
use crate::schedule::Chance;

/// The power fails for a minority of the machines.
pub struct Minority;

#[async_trait]
impl Nemesis for Minority {
    fn needs(&self) -> Needs {
        Needs { disks: true, ..Needs::default() }
    }

    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let victims = Victims::minority(environment, chance).await;
        power::fail(environment, victims, Spared::ByChance, chance, hold).await
    }
}

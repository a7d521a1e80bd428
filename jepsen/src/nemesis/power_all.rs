//! A power failure of all machines at once.

use std::time::Duration;

use async_trait::async_trait;

use super::victims::Victims;
use super::{Needs, Nemesis, Struck, power};
use crate::environment::Environment;
use crate::schedule::Chance;

/// The power fails for all machines at once.
pub struct All;

#[async_trait]
impl Nemesis for All {
    fn needs(&self) -> Needs {
        Needs { disks: true, ..Needs::default() }
    }

    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let victims = Victims::all(environment);
        power::fail(environment, victims, chance, hold).await
    }
}

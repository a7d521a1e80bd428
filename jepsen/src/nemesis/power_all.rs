//! A power failure of all machines at once.

use std::time::Duration;

use async_trait::async_trait;

use super::every_second::EverySecond;
use super::victims::Victims;
use super::{Needs, Nemesis, Struck, power};
use crate::disk::Spared;
use crate::environment::Environment;
use crate::schedule::Chance;

/// The power fails for all machines at once. In the first strike, the third, and so on, no disk keeps anything that was
/// not synced: a write that is on any disk by chance may come back.
#[derive(Default)]
pub struct All {
    spares_nothing: EverySecond,
}

#[async_trait]
impl Nemesis for All {
    fn needs(&self) -> Needs {
        Needs { disks: true, ..Needs::default() }
    }

    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let victims = Victims::all(environment);
        let spared = if self.spares_nothing.is_now() { Spared::Nothing } else { Spared::ByChance };
        power::fail(environment, victims, spared, chance, hold).await
    }
}

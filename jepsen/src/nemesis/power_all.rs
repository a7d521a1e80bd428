//! A power failure of all machines at once.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::victims::Victims;
use super::{Needs, Nemesis, Struck, power};
use crate::disk::Spared;
use crate::environment::Environment;
use crate::schedule::Chance;

/// The power fails for all machines at once. In the first strike, the third, and so on, no disk keeps anything that was
/// not synced: a write that is on any disk by chance may come back.
#[derive(Default)]
pub struct All {
    strikes: AtomicU32,
}

#[async_trait]
impl Nemesis for All {
    fn needs(&self) -> Needs {
        Needs { disks: true, ..Needs::default() }
    }

    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let victims = Victims::all(environment);
        let is_odd = self.strikes.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        let spared = if is_odd { Spared::Nothing } else { Spared::ByChance };
        power::fail(environment, victims, spared, chance, hold).await
    }
}

//! A slow network: everything between nodes is late, and there is little room.

use std::time::Duration;

use async_trait::async_trait;
use rand::Rng;

use super::{Needs, Nemesis, Struck};
use crate::environment::Environment;
use crate::schedule::Chance;

const DELAY_MS: std::ops::RangeInclusive<u64> = 10..=150;
const BYTES_PER_SECOND: std::ops::RangeInclusive<u32> = 200_000..=4_000_000;

/// Delays all links, and thins them in every second case.
pub struct Slow;

#[async_trait]
impl Nemesis for Slow {
    fn needs(&self) -> Needs {
        Needs { proxies: true, ..Needs::default() }
    }

    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let delay = Duration::from_millis(chance.random_range(DELAY_MS));
        let bytes_per_second = chance.random_bool(0.5).then(|| chance.random_range(BYTES_PER_SECOND));
        if !environment.network().slow_down(delay, bytes_per_second) {
            return Struck::skipped("the nodes reach one another directly");
        }
        tokio::time::sleep(hold).await;
        environment.network().slow_down(Duration::ZERO, None);
        Struck::installed((0..environment.nodes().len()).collect())
    }
}

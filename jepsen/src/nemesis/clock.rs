//! A wall clock that is wrong. The node comes back with it after a restart, as after an outage of its time server; its
//! monotonic clock is right. A clock that changes while the node runs is [`super::clock_jump`]'s.

use std::time::Duration;

use async_trait::async_trait;
use rand::Rng;
use rand::seq::IndexedRandom;

use super::victims::{ALL_TAKEN, Victims};
use super::{Nemesis, Struck};
use crate::environment::{Environment, Life};
use crate::schedule::Chance;

/// How wrong clocks are, in milliseconds: a little, more than a lease, more than a token lives.
const OFFSETS_MS: [i64; 4] = [700, 5_000, 150_000, 7_200_000];
/// A node that does not know the option has ended by then.
const START: Duration = Duration::from_secs(1);

/// Restarts a minority with a wrong clock, and again with the right one.
pub struct Clock;

#[async_trait]
impl Nemesis for Clock {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let victims = Victims::minority(environment, chance).await;
        if victims.is_empty() {
            return Struck::skipped(ALL_TAKEN);
        }
        let mut done = Ok(());
        for node in &victims.nodes {
            let offset_ms = OFFSETS_MS.choose(chance).copied().unwrap_or_default();
            node.set_wall_clock_offset_ms(if chance.random_bool(0.5) { offset_ms } else { -offset_ms });
            node.stop().await;
            done = done.and(environment.start(node).await);
        }
        tokio::time::sleep(hold.max(START)).await;
        let mut refused = None;
        for node in &victims.nodes {
            if let Life::Ended(how) = node.life().await {
                refused = Some(how);
            }
            node.set_wall_clock_offset_ms(0);
            node.stop().await;
            done = done.and(environment.start(node).await);
        }
        match refused {
            Some(how) => {
                Struck::skipped(format!("the binary does not start with node.wall_clock_offset_ms: {how}"))
            }
            None => Struck::of(victims.numbers(), done),
        }
    }
}

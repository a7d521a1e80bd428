//! A wall clock that jumps while the node runs, as when somebody sets it, or a time server corrects it in one step. What
//! [`super::clock`] does is another thing: there a node starts with a wall clock that is wrong and stays so. Here it has
//! begun its leases and has stamped with the one time, and goes on by another, which may lie before.

use std::time::Duration;

use async_trait::async_trait;
use rand::Rng;
use rand::seq::IndexedRandom;

use super::victims::{ALL_TAKEN, Victims};
use super::{Nemesis, Struck};
use crate::environment::{ClockError, Environment, Node};
use crate::schedule::Chance;

/// How far clocks jump, in milliseconds: a little, more than a lease, more than a token lives.
const OFFSETS_MS: [i64; 4] = [700, 5_000, 150_000, 7_200_000];
/// How often clocks jump in one strike, before they jump back to where they were.
const JUMPS: u32 = 2;

/// Lets the wall clocks of a minority jump, forwards and backwards, and at last back to the right time.
pub struct ClockJump;

#[async_trait]
impl Nemesis for ClockJump {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let victims = Victims::minority(environment, chance).await;
        if victims.is_empty() {
            return Struck::skipped(ALL_TAKEN);
        }
        let mut done = Ok(());
        for _ in 0..JUMPS {
            for node in &victims.nodes {
                let offset_ms = OFFSETS_MS.choose(chance).copied().unwrap_or_default();
                done =
                    done.and(jump(node, if chance.random_bool(0.5) { offset_ms } else { -offset_ms }).await);
            }
            tokio::time::sleep(hold / JUMPS).await;
        }
        for node in &victims.nodes {
            done = done.and(jump(node, 0).await);
        }
        match done {
            Ok(()) => Struck::installed(victims.numbers()),
            Err(error @ ClockError::Impossible(_)) => Struck::skipped(error.to_string()),
            Err(error) => Struck::faulty(victims.numbers(), error),
        }
    }
}

async fn jump(node: &Node, offset_ms: i64) -> Result<(), ClockError> {
    node.move_wall_clock(offset_ms).await
}

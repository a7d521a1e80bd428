//! Two deaths in a row: first a follower, and then, while writes wait for the end of its lease, the leader.
//!
//! By then these writes are committed, and nobody has been told. Those who sent them send them again to the next leader,
//! where they are known by the ids of their requests, or are done twice.

use std::time::Duration;

use async_trait::async_trait;
use rand::Rng;

use super::victims::{ALL_TAKEN, Victims, shuffled};
use super::{Nemesis, Struck};
use crate::environment::{Environment, status};
use crate::schedule::Chance;

/// Time between the two deaths: shorter than the lease of a follower (1,800 ms).
const GAP_MS: std::ops::RangeInclusive<u64> = 300..=1_400;

/// Kills a follower, then the leader, and starts both again.
pub struct KillPair;

#[async_trait]
impl Nemesis for KillPair {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let order = shuffled(environment, chance);
        let gap = Duration::from_millis(chance.random_range(GAP_MS));
        let Some(leader) = status::leader(environment).await else {
            return Struck::skipped("there is no leader");
        };
        let Some(follower) = order.iter().copied().find(|node| *node != leader) else {
            return Struck::skipped("there is no follower");
        };
        let victims = Victims::these(environment, &[follower, leader]);
        if victims.nodes.len() < 2 {
            return Struck::skipped(ALL_TAKEN);
        }
        for (place, node) in victims.nodes.iter().enumerate() {
            if place > 0 {
                tokio::time::sleep(gap).await;
            }
            node.kill().await;
        }
        tokio::time::sleep(hold.saturating_sub(gap)).await;
        let mut started = Ok(());
        for node in &victims.nodes {
            started = started.and(environment.start(node).await);
        }
        Struck::of(victims.numbers(), started)
    }
}

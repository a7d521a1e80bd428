//! What power failures have in common.

use std::time::Duration;

use futures::future::join_all;

use super::Struck;
use super::victims::{ALL_TAKEN, Victims};
use crate::disk::{Disk, Spared};
use crate::environment::Environment;
use crate::schedule::Chance;

/// Ends these nodes at the same moment, lets their disks lose what was not synced, and starts them again.
pub async fn fail(
    environment: &Environment,
    victims: Victims<'_>,
    spared: Spared,
    chance: &mut Chance,
    hold: Duration,
) -> Struck {
    if victims.is_empty() {
        return Struck::skipped(ALL_TAKEN);
    }
    let disks: Vec<&Disk> = victims.nodes.iter().filter_map(|node| node.disk()).collect();
    if disks.len() != victims.nodes.len() {
        return Struck::skipped("there are no disks that lose anything: this takes root and /dev/fuse");
    }
    join_all(victims.nodes.iter().map(|node| node.kill())).await;
    let mut done = Ok(());
    for disk in disks {
        done = done.and(tokio::task::block_in_place(|| disk.lose_power(spared, chance)));
    }
    tokio::time::sleep(hold / 2).await;
    for node in &victims.nodes {
        done = done.and(environment.start(node).await);
    }
    Struck::of(victims.numbers(), done)
}

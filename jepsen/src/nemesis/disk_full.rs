//! A full disk: a node may stop, and has to serve again once there is room.

use std::time::Duration;

use async_trait::async_trait;
use rand::Rng;

use super::victims::{ALL_TAKEN, Victims};
use super::{Needs, Nemesis, Struck};
use crate::environment::{Environment, Life, status};
use crate::schedule::Chance;

/// Room that is left.
const ROOM_BYTES: std::ops::RangeInclusive<u64> = 0..=64 * 1024;

/// By then a node has stopped or goes on.
const DECISION_LIMIT: Duration = Duration::from_secs(20);
/// So long after there is room again, a node that met the end of it may still stop: what lies below its state is flushed
/// every second, and tells only the next one who writes that a flush has failed.
const AFTERMATH_LIMIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// Fills the disk of one node, makes room, and starts the node if it has stopped.
pub struct DiskFull;

#[async_trait]
impl Nemesis for DiskFull {
    fn needs(&self) -> Needs {
        Needs { disks: true, ..Needs::default() }
    }

    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let victims = Victims::one(environment, chance).await;
        let Some(node) = victims.nodes.first() else { return Struck::skipped(ALL_TAKEN) };
        let Some(disk) = node.disk() else {
            return Struck::skipped("there are no disks that fill up: this takes root and /dev/fuse");
        };
        disk.fill_up_to(chance.random_range(ROOM_BYTES));
        tokio::time::sleep(hold).await;
        let was_full = disk.make_room();
        // It may be about to stop.
        let decided = async {
            while node.life().await == Life::Running && !status::is_ready(node).await {
                tokio::time::sleep(PAUSE).await;
            }
        };
        let _ = tokio::time::timeout(DECISION_LIMIT, decided).await;
        let stopped = async {
            while was_full && node.life().await == Life::Running {
                tokio::time::sleep(PAUSE).await;
            }
        };
        let _ = tokio::time::timeout(AFTERMATH_LIMIT, stopped).await;
        match environment.start(node).await {
            Ok(()) if !was_full => Struck::skipped("the node asked for no more room than there was"),
            started => Struck::of(victims.numbers(), started),
        }
    }
}

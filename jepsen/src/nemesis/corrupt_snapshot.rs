//! A disk that gives back other bytes than were written: the snapshots of one node. In every second strike the rows of
//! the state are corrupted too, so that a snapshot would be needed.

use std::time::Duration;

use async_trait::async_trait;

use super::every_second::EverySecond;
use super::victims::{ALL_TAKEN, Victims};
use super::{Nemesis, Struck, ballast, corrupt};
use crate::environment::Environment;
use crate::schedule::Chance;

/// Corrupts the snapshots of a node, which are provoked if there are none; the state too in the first strike, the third,
/// and so on, because by chance no strike of a run might.
#[derive(Default)]
pub struct Snapshot {
    takes_state: EverySecond,
}

#[async_trait]
impl Nemesis for Snapshot {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let victims = Victims::one(environment, chance).await;
        let Some(node) = victims.nodes.first() else { return Struck::skipped(ALL_TAKEN) };
        if !ballast::until_snapshot(environment, node).await {
            return Struck::skipped("the node has taken no snapshot");
        }
        let folders: &[&str] =
            if self.takes_state.is_now() { &["snapshots", "state"] } else { &["snapshots"] };
        corrupt::files_of(environment, node, folders, chance, hold).await
    }
}

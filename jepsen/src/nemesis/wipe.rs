//! A machine that is replaced: one node comes back with an empty folder, and knows nothing of what it promised.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;

use super::victims::{Victims, shuffled};
use super::{Nemesis, Struck};
use crate::environment::{Environment, EnvironmentError};
use crate::schedule::Chance;

/// Empties the folder of one node while it is down; in a run always of the same one, because a node that has forgotten
/// votes no more, and a majority has to be left that does.
#[derive(Default)]
pub struct Wipe {
    victim: OnceLock<usize>,
}

#[async_trait]
impl Nemesis for Wipe {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let chosen = shuffled(environment, chance).first().copied().unwrap_or_default();
        let number = *self.victim.get_or_init(|| chosen);
        let victims = Victims::these(environment, &[number]);
        let Some(node) = victims.nodes.first() else { return Struck::skipped("another strike has the node") };
        node.kill().await;
        let emptied = empty(&node.data()).map_err(EnvironmentError::file(&node.data()));
        tokio::time::sleep(hold / 2).await;
        let started = environment.start(node).await;
        Struck::of(vec![number], emptied.and(started))
    }
}

/// Removes all that is in a folder.
pub fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

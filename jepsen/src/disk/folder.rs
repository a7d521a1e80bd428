//! A folder that knows what of it would survive a power failure.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use rand::Rng;

use super::spared::Spared;
use crate::schedule::Chance;

/// The numbers of inodes by their names.
type Names = BTreeMap<OsString, u64>;
/// Names that get another inode, or none.
type Change = Vec<(OsString, Option<u64>)>;

/// A folder.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    live: Names,
    synced: Names,
    /// Each is done whole or not at all.
    unsynced: Vec<Change>,
}

impl Folder {
    /// The inode with this name.
    pub fn get(&self, name: &OsStr) -> Option<u64> {
        self.live.get(name).copied()
    }

    /// Whether there is no name in it.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// The names and their inodes.
    pub fn names(&self) -> impl Iterator<Item = (&OsStr, u64)> {
        self.live.iter().map(|(name, number)| (name.as_os_str(), *number))
    }

    /// Whatever it names, or would after a power failure.
    pub fn inodes(&self) -> impl Iterator<Item = u64> {
        let changed = self.unsynced.iter().flatten().filter_map(|(_, number)| *number);
        self.live.values().chain(self.synced.values()).copied().chain(changed)
    }

    /// Changes names; not durable before [`Self::sync`].
    pub fn change(&mut self, change: Change) {
        apply(&change, &mut self.live);
        self.unsynced.push(change);
    }

    /// Makes all changes durable.
    pub fn sync(&mut self) {
        self.synced.clone_from(&self.live);
        self.unsynced.clear();
    }

    /// Loses what was not synced, but for the first changes, as many as are spared.
    pub fn lose_unsynced(&mut self, spared: Spared, chance: &mut Chance) {
        let kept = match spared {
            Spared::Nothing => 0,
            Spared::ByChance => chance.random_range(0..=self.unsynced.len()),
        };
        for change in std::mem::take(&mut self.unsynced).iter().take(kept) {
            apply(change, &mut self.synced);
        }
        self.live = self.synced.clone();
    }
}

fn apply(change: &Change, names: &mut Names) {
    for (name, number) in change {
        match number {
            Some(number) => drop(names.insert(name.clone(), *number)),
            None => drop(names.remove(name)),
        }
    }
}

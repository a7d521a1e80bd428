//! A file that knows what of it would survive a power failure.

use rand::Rng;

use super::pages::Pages;
use super::spared::Spared;
use crate::schedule::Chance;

/// A write is torn at a multiple of this, counted from the beginning of the file.
const SECTOR_BYTES: u64 = 512;

/// A file.
#[derive(Clone, Debug, Default)]
pub struct File {
    live: Pages,
    synced: Pages,
    unsynced: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: u64, bytes: Vec<u8> },
    Length(u64),
}

impl File {
    /// How many bytes there are.
    pub fn length(&self) -> u64 {
        self.live.length()
    }

    /// How many bytes take room.
    pub fn stored(&self) -> u64 {
        self.live.stored()
    }

    /// How many bytes more a write would store.
    pub fn room_for(&self, offset: u64, length: usize) -> u64 {
        self.live.missing(offset, length)
    }

    /// Up to `size` bytes from `offset` on.
    pub fn read(&self, offset: u64, size: usize) -> Vec<u8> {
        self.live.read(offset, size)
    }

    /// Writes bytes; not durable before [`Self::sync`].
    pub fn write(&mut self, offset: u64, bytes: &[u8]) {
        self.live.write(offset, bytes);
        self.unsynced.push(Change::Write { offset, bytes: bytes.to_vec() });
    }

    /// Cuts the file or lets it grow; not durable before [`Self::sync`].
    pub fn set_length(&mut self, length: u64) {
        self.live.set_length(length);
        self.unsynced.push(Change::Length(length));
    }

    /// Makes all changes durable.
    pub fn sync(&mut self) {
        for change in std::mem::take(&mut self.unsynced) {
            change.apply(&mut self.synced);
        }
    }

    /// Loses what was not synced, but for what is spared: by chance nothing, or some, or all was on its way to the disk.
    pub fn lose_unsynced(&mut self, spared: Spared, chance: &mut Chance) {
        let share = match spared {
            Spared::Nothing => 0.0,
            Spared::ByChance => [0.0, 0.5, 1.0].get(chance.random_range(0..3_usize)).copied().unwrap_or(0.0),
        };
        for change in std::mem::take(&mut self.unsynced) {
            if !chance.random_bool(share) {
                continue;
            }
            match change {
                Change::Write { offset, mut bytes } if share < 1.0 => {
                    bytes.truncate(torn(offset, bytes.len(), chance));
                    self.synced.write(offset, &bytes);
                }
                whole => whole.apply(&mut self.synced),
            }
        }
        self.live = self.synced.clone();
    }
}

impl Change {
    fn apply(self, pages: &mut Pages) {
        match self {
            Self::Write { offset, bytes } => pages.write(offset, &bytes),
            Self::Length(length) => pages.set_length(length),
        }
    }
}

/// How many bytes of a write get to the disk: nothing, some sectors, or all.
fn torn(offset: u64, length: usize, chance: &mut Chance) -> usize {
    let (first, last) = (offset / SECTOR_BYTES, (offset + length as u64).div_ceil(SECTOR_BYTES));
    let end = chance.random_range(first..=last) * SECTOR_BYTES;
    usize::try_from(end.saturating_sub(offset)).unwrap_or(length).min(length)
}

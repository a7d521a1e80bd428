//! A file system in memory that knows what would survive a power failure.
//!
//! ```text
//!            write, truncate                     create, rename, unlink
//!   file:    live ──fsync──► synced     folder:  live ──fsync of the folder──► synced
//!
//!   power failure: live = synced, and of the changes since, whatever chance lets through
//! ```
//!
//! It is as strict as POSIX allows: a file that was synced is lost if the folder with its name was not. Of the writes to
//! a file any may survive, in part too; of the changes of a folder the first ones, because journals keep their order.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use fuser::Errno;
use rand::Rng;

use super::pages::Pages;
use crate::schedule::Chance;

/// The number of the uppermost folder.
pub const ROOT: u64 = 1;
/// A write is torn at a multiple of this.
const SECTOR_BYTES: usize = 512;

/// What an inode is.
#[derive(Clone, Debug)]
pub enum Content {
    /// A file.
    File(File),
    /// A folder.
    Folder(Folder),
    /// A socket, or something else that has no content.
    Other,
}

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

/// A folder.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    live: BTreeMap<OsString, u64>,
    synced: BTreeMap<OsString, u64>,
    /// Each is done whole or not at all.
    unsynced: Vec<Vec<(OsString, Option<u64>)>>,
}

/// A file, a folder or something else.
#[derive(Clone, Debug)]
pub struct Inode {
    /// What it is.
    pub content: Content,
    /// Its mode, the type included.
    pub mode: u32,
    /// Its owner.
    pub owner: (u32, u32),
    opens: usize,
}

/// A file system.
#[derive(Debug)]
pub struct Volume {
    inodes: BTreeMap<u64, Inode>,
    next: u64,
    capacity_bytes: Option<u64>,
}

impl Default for Volume {
    fn default() -> Self {
        let root =
            Inode { content: Content::Folder(Folder::default()), mode: 0o040_755, owner: (0, 0), opens: 0 };
        Self { inodes: BTreeMap::from([(ROOT, root)]), next: ROOT + 1, capacity_bytes: None }
    }
}

type Done<T> = Result<T, Errno>;

impl Volume {
    /// An inode by its number.
    pub fn inode(&self, number: u64) -> Done<&Inode> {
        self.inodes.get(&number).ok_or(Errno::ENOENT)
    }

    /// The length of a file; of anything else, nothing.
    pub fn length(&self, number: u64) -> u64 {
        match self.inodes.get(&number).map(|inode| &inode.content) {
            Some(Content::File(file)) => file.live.length(),
            _ => 0,
        }
    }

    /// The number of what has this name in a folder.
    pub fn look_up(&self, parent: u64, name: &OsStr) -> Done<u64> {
        self.folder(parent)?.live.get(name).copied().ok_or(Errno::ENOENT)
    }

    /// The names in a folder.
    pub fn list(&self, number: u64) -> Done<Vec<(OsString, u64)>> {
        Ok(self.folder(number)?.live.iter().map(|(name, inode)| (name.clone(), *inode)).collect())
    }

    /// Makes something new in a folder; its number.
    pub fn make(
        &mut self,
        parent: u64,
        name: &OsStr,
        content: Content,
        mode: u32,
        owner: (u32, u32),
    ) -> Done<u64> {
        if self.look_up(parent, name).is_ok() {
            return Err(Errno::EEXIST);
        }
        self.take_room(0)?;
        let number = self.next;
        self.folder_mut(parent)?.change(vec![(name.to_owned(), Some(number))]);
        self.next += 1;
        self.inodes.insert(number, Inode { content, mode, owner, opens: 0 });
        Ok(number)
    }

    /// Takes a name out of a folder.
    pub fn remove(&mut self, parent: u64, name: &OsStr) -> Done<()> {
        let number = self.look_up(parent, name)?;
        if self.folder(number).is_ok_and(|folder| !folder.live.is_empty()) {
            return Err(Errno::ENOTEMPTY);
        }
        self.folder_mut(parent)?.change(vec![(name.to_owned(), None)]);
        self.forget_lost();
        Ok(())
    }

    /// Moves a name, in place of another one if there is one.
    pub fn rename(&mut self, from: (u64, &OsStr), to: (u64, &OsStr)) -> Done<()> {
        let number = self.look_up(from.0, from.1)?;
        let (take, put) = ((from.1.to_owned(), None), (to.1.to_owned(), Some(number)));
        if from.0 == to.0 {
            self.folder_mut(from.0)?.change(vec![take, put]);
        } else {
            self.folder(to.0)?;
            self.folder_mut(from.0)?.change(vec![take]);
            self.folder_mut(to.0)?.change(vec![put]);
        }
        self.forget_lost();
        Ok(())
    }

    /// Bytes of a file.
    pub fn read(&self, number: u64, offset: u64, size: usize) -> Done<Vec<u8>> {
        match &self.inode(number)?.content {
            Content::File(file) => Ok(file.live.read(offset, size)),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Writes to a file; not durable before [`Self::sync`].
    pub fn write(&mut self, number: u64, offset: u64, bytes: &[u8]) -> Done<()> {
        let end = offset.saturating_add(bytes.len() as u64);
        self.take_room(end.saturating_sub(self.length(number)))?;
        let file = self.file_mut(number)?;
        file.live.write(offset, bytes);
        file.unsynced.push(Change::Write { offset, bytes: bytes.to_vec() });
        Ok(())
    }

    /// Cuts a file or lets it grow; not durable before [`Self::sync`].
    pub fn set_length(&mut self, number: u64, length: u64) -> Done<()> {
        let file = self.file_mut(number)?;
        file.live.set_length(length);
        file.unsynced.push(Change::Length(length));
        Ok(())
    }

    /// Makes all changes of a file or a folder durable.
    pub fn sync(&mut self, number: u64) -> Done<()> {
        match &mut self.inodes.get_mut(&number).ok_or(Errno::ENOENT)?.content {
            Content::File(file) => {
                for change in std::mem::take(&mut file.unsynced) {
                    change.apply(&mut file.synced);
                }
            }
            Content::Folder(folder) => {
                folder.synced.clone_from(&folder.live);
                folder.unsynced.clear();
                self.forget_lost();
            }
            Content::Other => {}
        }
        Ok(())
    }

    /// Sets the permissions.
    pub fn set_mode(&mut self, number: u64, mode: u32) -> Done<()> {
        let inode = self.inodes.get_mut(&number).ok_or(Errno::ENOENT)?;
        inode.mode = (inode.mode & 0o170_000) | (mode & 0o7_777);
        Ok(())
    }

    /// Counts those who have something open, because it lasts until the last one is gone.
    pub fn open(&mut self, number: u64) -> Done<()> {
        self.inodes.get_mut(&number).ok_or(Errno::ENOENT)?.opens += 1;
        Ok(())
    }

    /// One of them is gone.
    pub fn close(&mut self, number: u64) {
        if let Some(inode) = self.inodes.get_mut(&number) {
            inode.opens = inode.opens.saturating_sub(1);
            if inode.opens == 0 {
                self.forget_lost();
            }
        }
    }

    /// Bounds what all files together may take; `None` takes the bound away.
    pub fn set_capacity(&mut self, capacity_bytes: Option<u64>) {
        self.capacity_bytes = capacity_bytes;
    }

    /// Bytes that all files take.
    pub fn used(&self) -> u64 {
        let files = self.inodes.values().filter_map(|inode| match &inode.content {
            Content::File(file) => Some(file.live.stored()),
            _ => None,
        });
        files.sum()
    }

    /// What is free, if there is a bound.
    pub fn free(&self) -> Option<u64> {
        self.capacity_bytes.map(|capacity| capacity.saturating_sub(self.used()))
    }

    /// The power fails: what was not synced is gone, but for what chance lets through. Nothing may be open any more.
    pub fn lose_unsynced(&mut self, chance: &mut Chance) {
        // Of a file either nothing was on its way to the disk, or some, or all.
        for inode in self.inodes.values_mut() {
            inode.opens = 0;
            match &mut inode.content {
                Content::File(file) => file.lose_unsynced(chance),
                Content::Folder(folder) => folder.lose_unsynced(chance),
                Content::Other => {}
            }
        }
        self.forget_lost();
    }

    fn take_room(&self, more: u64) -> Done<()> {
        match self.free() {
            Some(free) if free < more.max(1) => Err(Errno::ENOSPC),
            _ => Ok(()),
        }
    }

    fn folder(&self, number: u64) -> Done<&Folder> {
        match &self.inode(number)?.content {
            Content::Folder(folder) => Ok(folder),
            _ => Err(Errno::ENOTDIR),
        }
    }

    fn folder_mut(&mut self, number: u64) -> Done<&mut Folder> {
        match &mut self.inodes.get_mut(&number).ok_or(Errno::ENOENT)?.content {
            Content::Folder(folder) => Ok(folder),
            _ => Err(Errno::ENOTDIR),
        }
    }

    fn file_mut(&mut self, number: u64) -> Done<&mut File> {
        match &mut self.inodes.get_mut(&number).ok_or(Errno::ENOENT)?.content {
            Content::File(file) => Ok(file),
            _ => Err(Errno::EISDIR),
        }
    }

    /// Forgets what no folder names any more, after a power failure either, and nobody has open.
    fn forget_lost(&mut self) {
        let mut named: Vec<u64> = vec![ROOT];
        for inode in self.inodes.values() {
            if let Content::Folder(folder) = &inode.content {
                named.extend(folder.live.values().chain(folder.synced.values()));
                named.extend(folder.unsynced.iter().flatten().filter_map(|(_, number)| *number));
            }
        }
        named.sort_unstable();
        self.inodes.retain(|number, inode| inode.opens > 0 || named.binary_search(number).is_ok());
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

impl File {
    fn lose_unsynced(&mut self, chance: &mut Chance) {
        let share = [0.0, 0.5, 1.0].get(chance.random_range(0..3_usize)).copied().unwrap_or(0.0);
        for change in std::mem::take(&mut self.unsynced) {
            if !chance.random_bool(share) {
                continue;
            }
            match change {
                Change::Write { offset, mut bytes } if share < 1.0 => {
                    let sectors = bytes.len().div_ceil(SECTOR_BYTES);
                    bytes.truncate(chance.random_range(0..=sectors) * SECTOR_BYTES);
                    self.synced.write(offset, &bytes);
                }
                whole => whole.apply(&mut self.synced),
            }
        }
        self.live = self.synced.clone();
    }
}

impl Folder {
    fn change(&mut self, change: Vec<(OsString, Option<u64>)>) {
        apply(&change, &mut self.live);
        self.unsynced.push(change);
    }

    fn lose_unsynced(&mut self, chance: &mut Chance) {
        let kept = chance.random_range(0..=self.unsynced.len());
        for change in std::mem::take(&mut self.unsynced).iter().take(kept) {
            apply(change, &mut self.synced);
        }
        self.live = self.synced.clone();
    }
}

fn apply(change: &[(OsString, Option<u64>)], names: &mut BTreeMap<OsString, u64>) {
    for (name, number) in change {
        match number {
            Some(number) => drop(names.insert(name.clone(), *number)),
            None => drop(names.remove(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn file_with(volume: &mut Volume, name: &str, bytes: &[u8]) -> u64 {
        let content = Content::File(File::default());
        let number = volume.make(ROOT, OsStr::new(name), content, 0o100_644, (0, 0)).unwrap();
        volume.write(number, 0, bytes).unwrap();
        number
    }

    /// What is left of a file after each of many power failures; `None` where it is gone.
    fn after_failures(make: impl Fn(&mut Volume)) -> Vec<Option<Vec<u8>>> {
        let after = |seed| {
            let mut volume = Volume::default();
            make(&mut volume);
            volume.lose_unsynced(&mut Chance::seed_from_u64(seed));
            let number = volume.look_up(ROOT, OsStr::new("a")).ok()?;
            Some(volume.read(number, 0, 4096).unwrap())
        };
        (0..100).map(after).collect()
    }

    #[test]
    fn what_was_synced_with_its_folder_survives() {
        let left = after_failures(|volume| {
            let number = file_with(volume, "a", b"kept");
            volume.sync(number).unwrap();
            volume.sync(ROOT).unwrap();
        });
        assert!(left.iter().all(|left| left.as_deref() == Some(b"kept")));
    }

    #[test]
    fn what_was_not_synced_may_survive_or_not() {
        let left = after_failures(|volume| {
            let number = file_with(volume, "a", b"old");
            volume.sync(number).unwrap();
            volume.sync(ROOT).unwrap();
            volume.write(number, 0, b"new").unwrap();
        });
        assert!(left.contains(&Some(b"old".to_vec())) && left.contains(&Some(b"new".to_vec())));
        assert_eq!(left.iter().flatten().filter(|left| left.len() == 3).count(), 100);
    }

    #[test]
    fn a_synced_file_is_lost_with_its_name() {
        let left = after_failures(|volume| {
            let number = file_with(volume, "a", b"kept");
            volume.sync(number).unwrap();
        });
        assert!(left.contains(&None) && left.contains(&Some(b"kept".to_vec())));
    }

    #[test]
    fn a_rename_is_done_whole_or_not_at_all() {
        let left = after_failures(|volume| {
            let (old, new) = (file_with(volume, "a", b"old"), file_with(volume, "b", b"new"));
            [old, new, ROOT].into_iter().for_each(|number| volume.sync(number).unwrap());
            volume.rename((ROOT, OsStr::new("b")), (ROOT, OsStr::new("a"))).unwrap();
        });
        assert!(left.iter().all(|left| [&b"old"[..], b"new"].contains(&left.as_deref().unwrap())));
        assert!(left.contains(&Some(b"old".to_vec())) && left.contains(&Some(b"new".to_vec())));
    }

    #[test]
    fn a_full_volume_takes_nothing_more_until_there_is_room() {
        let mut volume = Volume::default();
        let number = file_with(&mut volume, "a", b"x");
        volume.set_capacity(Some(volume.used()));
        assert!(volume.write(number, 1, &[0; 4096]).is_err());
        volume.set_capacity(None);
        volume.write(number, 1, &[0; 4096]).unwrap();
        assert_eq!(volume.length(number), 4097);
    }

    #[test]
    fn an_open_file_outlives_its_name() {
        let mut volume = Volume::default();
        let number = file_with(&mut volume, "a", b"x");
        volume.open(number).unwrap();
        volume.remove(ROOT, OsStr::new("a")).unwrap();
        volume.sync(ROOT).unwrap();
        assert_eq!(volume.read(number, 0, 1).unwrap(), b"x");
        volume.close(number);
        assert!(volume.inode(number).is_err());
    }
}

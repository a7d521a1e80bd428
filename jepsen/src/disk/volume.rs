//! A file system in memory that knows what would survive a power failure.
//!
//! ```text
//!            write, truncate                     create, rename, unlink
//!   file:    live ──fsync──► synced     folder:  live ──fsync of the folder──► synced
//!
//!   power failure: live = synced, and of the changes since, whatever is spared
//! ```
//!
//! It is as strict as POSIX allows: a file that was synced is lost if the folder with its name was not. Of the writes to
//! a file any may survive, in part too; of the changes of a folder the first ones, because journals keep their order.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use fuser::Errno;

use super::file::File;
use super::folder::Folder;
use super::spared::Spared;
use crate::schedule::Chance;

/// The number of the uppermost folder.
pub const ROOT: u64 = 1;
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
    /// Whether something found no room since the capacity was set.
    is_overfull: bool,
}

impl Default for Volume {
    fn default() -> Self {
        let root =
            Inode { content: Content::Folder(Folder::default()), mode: 0o040_755, owner: (0, 0), opens: 0 };
        Self {
            inodes: BTreeMap::from([(ROOT, root)]),
            next: ROOT + 1,
            capacity_bytes: None,
            is_overfull: false,
        }
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
            Some(Content::File(file)) => file.length(),
            _ => 0,
        }
    }

    /// The number of what has this name in a folder.
    pub fn look_up(&self, parent: u64, name: &OsStr) -> Done<u64> {
        self.folder(parent)?.get(name).ok_or(Errno::ENOENT)
    }

    /// The names in a folder, by the numbers of their inodes: an order that stays while others are removed.
    pub fn list(&self, number: u64) -> Done<Vec<(OsString, u64)>> {
        let names = self.folder(number)?.names();
        let mut names: Vec<_> = names.map(|(name, inode)| (name.to_owned(), inode)).collect();
        names.sort_by_key(|(_, inode)| *inode);
        Ok(names)
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
        self.take_room(1)?;
        let number = self.next;
        self.folder_mut(parent)?.change(vec![(name.to_owned(), Some(number))]);
        self.next += 1;
        self.inodes.insert(number, Inode { content, mode, owner, opens: 0 });
        Ok(number)
    }

    /// Takes a name out of a folder.
    pub fn remove(&mut self, parent: u64, name: &OsStr) -> Done<()> {
        let number = self.look_up(parent, name)?;
        if self.folder(number).is_ok_and(|folder| !folder.is_empty()) {
            return Err(Errno::ENOTEMPTY);
        }
        self.folder_mut(parent)?.change(vec![(name.to_owned(), None)]);
        self.forget_lost();
        Ok(())
    }

    /// Moves a name, in place of another one if there is one.
    pub fn rename(&mut self, from: (u64, &OsStr), to: (u64, &OsStr)) -> Done<()> {
        let number = self.look_up(from.0, from.1)?;
        let replaced = self.look_up(to.0, to.1).and_then(|number| self.folder(number));
        if replaced.is_ok_and(|folder| !folder.is_empty()) {
            return Err(Errno::ENOTEMPTY);
        }
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
            Content::File(file) => Ok(file.read(offset, size)),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Writes to a file; not durable before [`Self::sync`].
    pub fn write(&mut self, number: u64, offset: u64, bytes: &[u8]) -> Done<()> {
        let more = self.file_mut(number)?.room_for(offset, bytes.len());
        self.take_room(more)?;
        self.file_mut(number)?.write(offset, bytes);
        Ok(())
    }

    /// Cuts a file or lets it grow; not durable before [`Self::sync`].
    pub fn set_length(&mut self, number: u64, length: u64) -> Done<()> {
        self.file_mut(number)?.set_length(length);
        Ok(())
    }

    /// Makes all changes of a file or a folder durable.
    pub fn sync(&mut self, number: u64) -> Done<()> {
        match &mut self.inodes.get_mut(&number).ok_or(Errno::ENOENT)?.content {
            Content::File(file) => file.sync(),
            Content::Folder(folder) => {
                folder.sync();
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
        self.is_overfull = false;
    }

    /// Whether something found no room since the bound was set.
    pub fn is_overfull(&self) -> bool {
        self.is_overfull
    }

    /// Bytes that all files take.
    pub fn used(&self) -> u64 {
        let files = self.inodes.values().filter_map(|inode| match &inode.content {
            Content::File(file) => Some(file.stored()),
            _ => None,
        });
        files.sum()
    }

    /// What is free, if there is a bound.
    pub fn free(&self) -> Option<u64> {
        self.capacity_bytes.map(|capacity| capacity.saturating_sub(self.used()))
    }

    /// The power fails: what was not synced is gone, but for what is spared. Nothing may be open any more.
    pub fn lose_unsynced(&mut self, spared: Spared, chance: &mut Chance) {
        for inode in self.inodes.values_mut() {
            inode.opens = 0;
            match &mut inode.content {
                Content::File(file) => file.lose_unsynced(spared, chance),
                Content::Folder(folder) => folder.lose_unsynced(spared, chance),
                Content::Other => {}
            }
        }
        self.forget_lost();
    }

    fn take_room(&mut self, more: u64) -> Done<()> {
        if self.free().is_some_and(|free| free < more) {
            self.is_overfull = true;
            return Err(Errno::ENOSPC);
        }
        Ok(())
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
                named.extend(folder.inodes());
            }
        }
        named.sort_unstable();
        self.inodes.retain(|number, inode| inode.opens > 0 || named.binary_search(number).is_ok());
    }
}

#[cfg(test)]
mod tests;

//! What the kernel is told of a file or a folder.

use std::time::UNIX_EPOCH;

use fuser::{Errno, FileAttr, FileType, INodeNo};

use super::volume::Volume;

/// Room is told in blocks of this size.
pub const BLOCK_BYTES: u32 = 4096;
/// The part of a mode that is the type.
pub const TYPE_MASK: u32 = 0o170_000;
/// The type of a folder.
pub const FOLDER: u32 = 0o040_000;
/// The type of a file.
pub const FILE: u32 = 0o100_000;
const SOCKET: u32 = 0o140_000;

/// The attributes of an inode. Times are none.
pub fn attributes(volume: &Volume, number: u64) -> Result<FileAttr, Errno> {
    let inode = volume.inode(number)?;
    let size = volume.length(number);
    let kind = match inode.mode & TYPE_MASK {
        FOLDER => FileType::Directory,
        SOCKET => FileType::Socket,
        _ => FileType::RegularFile,
    };
    Ok(FileAttr {
        ino: INodeNo(number),
        size,
        blocks: size.div_ceil(512),
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind,
        perm: u16::try_from(inode.mode & 0o7_777).unwrap_or(0o600),
        nlink: if kind == FileType::Directory { 2 } else { 1 },
        uid: inode.owner.0,
        gid: inode.owner.1,
        rdev: 0,
        blksize: BLOCK_BYTES,
        flags: 0,
    })
}

//! The bytes of a snapshot file.
//!
//! ```text
//! magic 8 | version u32
//! header   length u32 | crc32c of version, length and SnapshotMeta u32 | SnapshotMeta (protobuf)
//! frame *  1 u8 | unpacked length u32 | packed length u32 | crc32c of packed u32 | packed (lz4 block)
//! trailer  2 u8 | rows u64 | crc32c of everything before u32
//! ```
//!
//! Numbers are little-endian. A frame unpacks to whole rows: key length u32, key, value length u32,
//! value. Nothing follows the trailer. All versions begin with the magic, the version and the header, so
//! that a newer one is distinguished from a damaged one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyraft_proto::cluster as proto;
use prost::Message;

use crate::application::Row;
use crate::disk::{AppendFile, Disk};
use crate::storage::error::StorageError;

const MAGIC: &[u8; 8] = b"KEYRAFTS";
/// Format of a snapshot file. 2 is the first whose checksum covers the version.
pub(crate) const VERSION: u32 = 2;
const FRAME: u8 = 1;
const TRAILER: u8 = 2;
/// A frame is closed when its rows have outgrown this.
const FRAME_BYTES: usize = 256 << 10;
/// A longer frame or header is taken for damage.
const MAX_FRAME_BYTES: u32 = 256 << 20;

/// Writes one snapshot file.
pub(crate) struct SnapshotWriter<'a> {
    path: &'a Path,
    file: Box<dyn AppendFile>,
    crc: u32,
    length_bytes: u64,
    frame: Vec<u8>,
    rows: u64,
}

impl<'a> SnapshotWriter<'a> {
    pub(crate) fn create(
        disk: &dyn Disk,
        path: &'a Path,
        meta: &proto::SnapshotMeta,
    ) -> Result<Self, StorageError> {
        let file = disk.create(path).map_err(StorageError::io("create", path))?;
        let mut writer = Self { path, file, crc: 0, length_bytes: 0, frame: Vec::new(), rows: 0 };
        let header = meta.encode_to_vec();
        let mut bytes = MAGIC.to_vec();
        let length = writer.length(header.len())?;
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(length);
        bytes.extend(header_crc(VERSION, length, &header).to_le_bytes());
        bytes.extend(header);
        writer.append(&bytes)?;
        Ok(writer)
    }

    pub(crate) fn push(&mut self, row: &Row) -> Result<(), StorageError> {
        for part in [&row.key, &row.value] {
            let length = self.length(part.len())?;
            self.frame.extend(length);
            self.frame.extend_from_slice(part);
        }
        self.rows += 1;
        if self.frame.len() >= FRAME_BYTES { self.close_frame() } else { Ok(()) }
    }

    /// Closes the file; it is durable when this returns, its name is not. Returns its length.
    pub(crate) fn finish(mut self) -> Result<u64, StorageError> {
        if !self.frame.is_empty() {
            self.close_frame()?;
        }
        let mut trailer = vec![TRAILER];
        trailer.extend(self.rows.to_le_bytes());
        let crc = crc32c::crc32c_append(self.crc, &trailer);
        trailer.extend(crc.to_le_bytes());
        self.append(&trailer)?;
        self.file.sync().map_err(StorageError::io("sync", self.path))?;
        Ok(self.length_bytes)
    }

    fn close_frame(&mut self) -> Result<(), StorageError> {
        let packed = lz4_flex::block::compress(&self.frame);
        let mut bytes = vec![FRAME];
        bytes.extend(self.length(self.frame.len())?);
        bytes.extend(self.length(packed.len())?);
        bytes.extend(crc32c::crc32c(&packed).to_le_bytes());
        bytes.extend(packed);
        self.frame.clear();
        self.append(&bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.crc = crc32c::crc32c_append(self.crc, bytes);
        self.length_bytes += bytes.len() as u64;
        self.file.append(bytes).map_err(StorageError::io("write", self.path))
    }

    fn length(&self, length: usize) -> Result<[u8; 4], StorageError> {
        match u32::try_from(length) {
            Ok(length) if length <= MAX_FRAME_BYTES => Ok(length.to_le_bytes()),
            _ => Err(StorageError::damaged(self.path, self.length_bytes, "a row is too long")),
        }
    }
}

/// Reads one snapshot file row by row, and checks it on the way. Only when it has returned `None` was the
/// whole file good.
pub(crate) struct SnapshotReader {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    offset: u64,
    crc: u32,
    pub meta: proto::SnapshotMeta,
    frame: std::vec::IntoIter<Row>,
    rows: u64,
    is_done: bool,
}

impl SnapshotReader {
    pub(crate) fn open(disk: Arc<dyn Disk>, path: &Path) -> Result<Self, StorageError> {
        let mut reader = Self {
            disk,
            path: path.to_owned(),
            offset: 0,
            crc: 0,
            meta: proto::SnapshotMeta::default(),
            frame: Vec::new().into_iter(),
            rows: 0,
            is_done: false,
        };
        if reader.array::<8>()? != *MAGIC {
            return Err(reader.damaged("it is no snapshot"));
        }
        let (version, length, crc) = (reader.u32()?, reader.u32()?, reader.u32()?);
        let header = reader.take_sized(length)?;
        let is_first_version = version == 1 && crc32c::crc32c(&header) == crc;
        if !is_first_version && header_crc(version, length.to_le_bytes(), &header) != crc {
            return Err(reader.damaged("a checksum is wrong"));
        }
        if version != VERSION {
            return Err(unsupported_version(path, version));
        }
        reader.meta =
            proto::SnapshotMeta::decode(header.as_slice()).map_err(|_| reader.damaged("the header"))?;
        Ok(reader)
    }

    /// Reads to the end without unpacking more than is needed to check.
    pub(crate) fn verify(mut self) -> Result<proto::SnapshotMeta, StorageError> {
        for row in &mut self {
            row?;
        }
        Ok(self.meta)
    }

    fn next_row(&mut self) -> Result<Option<Row>, StorageError> {
        loop {
            if let Some(row) = self.frame.next() {
                self.rows += 1;
                return Ok(Some(row));
            }
            let [tag] = self.array::<1>()?;
            if tag != FRAME {
                return self.check_trailer(tag).map(|()| None);
            }
            let unpacked_length = self.u32()?;
            let packed_length = self.u32()?;
            let crc = self.u32()?;
            let packed = self.take_checked(packed_length, crc)?;
            if unpacked_length > MAX_FRAME_BYTES {
                return Err(self.damaged("a frame is too long"));
            }
            let unpacked =
                lz4_flex::block::decompress(&packed, usize::try_from(unpacked_length).unwrap_or(0))
                    .map_err(|_| self.damaged("a frame does not unpack"))?;
            let rows = rows_of(&unpacked).ok_or_else(|| self.damaged("a frame holds no whole rows"))?;
            self.frame = rows.into_iter();
        }
    }

    fn check_trailer(&mut self, tag: u8) -> Result<(), StorageError> {
        if tag != TRAILER {
            return Err(self.damaged("neither a frame nor the trailer"));
        }
        let rows = u64::from_le_bytes(self.array()?);
        let expected = self.crc;
        if self.u32()? != expected {
            return Err(self.damaged("the checksum of the file is wrong"));
        }
        if rows != self.rows || rows != self.meta.rows {
            return Err(self.damaged("the number of rows is wrong"));
        }
        let length = self.disk.length(&self.path).map_err(StorageError::io("read", &self.path))?;
        if length != self.offset {
            return Err(self.damaged("something follows the trailer"));
        }
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], StorageError> {
        let bytes = self.take_bytes(N)?;
        bytes.try_into().map_err(|_| self.damaged("it ends early"))
    }

    fn u32(&mut self) -> Result<u32, StorageError> {
        self.array().map(u32::from_le_bytes)
    }

    fn take_sized(&mut self, length: u32) -> Result<Vec<u8>, StorageError> {
        if length > MAX_FRAME_BYTES {
            return Err(self.damaged("a length cannot be"));
        }
        self.take_bytes(usize::try_from(length).unwrap_or(usize::MAX))
    }

    fn take_checked(&mut self, length: u32, crc: u32) -> Result<Vec<u8>, StorageError> {
        let bytes = self.take_sized(length)?;
        if crc32c::crc32c(&bytes) != crc {
            return Err(self.damaged("a checksum is wrong"));
        }
        Ok(bytes)
    }

    fn take_bytes(&mut self, length: usize) -> Result<Vec<u8>, StorageError> {
        // A length that the file cannot hold must not be allocated.
        let bytes = match self.disk.length(&self.path) {
            Ok(total) if total.saturating_sub(self.offset) < length as u64 => {
                return Err(self.damaged("it ends early"));
            }
            Ok(_) => self.disk.read_at(&self.path, self.offset, length),
            Err(error) => Err(error),
        };
        let bytes = bytes.map_err(StorageError::io("read", &self.path))?;
        self.crc = crc32c::crc32c_append(self.crc, &bytes);
        self.offset += length as u64;
        Ok(bytes)
    }

    fn damaged(&self, reason: &str) -> StorageError {
        StorageError::damaged(&self.path, self.offset, reason)
    }
}

/// The checksum at the head of a file.
pub(crate) fn header_crc(version: u32, length: [u8; 4], header: &[u8]) -> u32 {
    let crc = crc32c::crc32c_append(crc32c::crc32c(&version.to_le_bytes()), &length);
    crc32c::crc32c_append(crc, header)
}

pub(super) fn unsupported_version(path: &Path, version: u32) -> StorageError {
    StorageError::Unsupported {
        path: path.to_owned(),
        what: "snapshot version",
        found: version.into(),
        known: VERSION.to_string(),
    }
}

impl Iterator for SnapshotReader {
    type Item = Result<Row, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let next = self.next_row().transpose();
        self.is_done = !matches!(next, Some(Ok(_)));
        next
    }
}

fn rows_of(mut bytes: &[u8]) -> Option<Vec<Row>> {
    let mut rows = Vec::new();
    while !bytes.is_empty() {
        let mut part = || -> Option<Vec<u8>> {
            let (length, rest) = bytes.split_first_chunk::<4>()?;
            let (part, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
            bytes = rest;
            Some(part.to_vec())
        };
        rows.push(Row { key: part()?, value: part()? });
    }
    Some(rows)
}

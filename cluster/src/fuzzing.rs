//! What is read from disk and from other nodes, as functions of any bytes: for fuzzing.

use std::path::Path;
use std::sync::Arc;

use crate::disk::{Disk, MemoryDisk};
use crate::storage::fuzzing::{FILE_VERSION, framed, header_crc, log_record, snapshot_rows};

const FILE: &str = "snapshot";
/// Kinds of records, and some that are none.
const KINDS: u8 = 10;

/// Reads a log, record after record. The first byte chooses: the rest is the log, or the payload of one record with a
/// right checksum.
pub fn log(data: &[u8]) {
    let Some((how, rest)) = data.split_first() else { return };
    if how % 2 == 0 {
        let mut rest = rest;
        while let Some(length) = log_record(rest) {
            rest = &rest[length..];
        }
        return;
    }
    let framed = framed(how / 2 % KINDS, rest);
    if let Some(read) = log_record(&framed) {
        assert_eq!(read, framed.len(), "a record is read whole");
    }
}

/// Reads a snapshot. The first byte chooses: the rest is the file, or its parts, each behind its length, to which the
/// right checksums are added.
pub fn snapshot(data: &[u8]) {
    let Some((how, rest)) = data.split_first() else { return };
    let file = if how % 2 == 0 { rest.to_vec() } else { assembled(rest, how / 2) };
    let disk = MemoryDisk::new();
    let folder = disk.create_dir_all(Path::new(""));
    let written = folder.and_then(|()| disk.create(Path::new(FILE))).and_then(|mut to| to.append(&file));
    written.unwrap_or_else(|error| panic!("a disk in memory takes a file: {error}"));
    if let Some(rows) = snapshot_rows(Arc::new(disk), Path::new(FILE)) {
        assert!(rows <= file.len() as u64 * 256, "a snapshot has no more rows than its bytes can hold");
    }
}

/// A file with these parts: the header, then frames; each packed, or taken as packed already.
fn assembled(mut data: &[u8], rows: u8) -> Vec<u8> {
    let mut part = || {
        let (length, rest) = data.split_first()?;
        let (part, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        data = rest;
        Some(part)
    };
    let header = part().unwrap_or_default();
    let number = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    let mut file = b"KEYRAFTS".to_vec();
    file.extend(FILE_VERSION.to_le_bytes());
    file.extend(number(header.len()));
    file.extend(header_crc(FILE_VERSION, number(header.len()), header).to_le_bytes());
    file.extend_from_slice(header);
    while let Some(frame) = part() {
        let (length, packed) = match frame.split_last() {
            Some((length, packed)) if length % 2 == 0 => (usize::from(*length) * 64, packed.to_vec()),
            _ => (frame.len(), lz4_flex::block::compress(frame)),
        };
        file.push(1);
        file.extend(number(length));
        file.extend(number(packed.len()));
        file.extend(crc32c::crc32c(&packed).to_le_bytes());
        file.extend_from_slice(&packed);
    }
    file.push(2);
    file.extend(u64::from(rows).to_le_bytes());
    file.extend(crc32c::crc32c(&file).to_le_bytes());
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What fuzzing has found, and what else it goes on from.
    fn each_of_corpus(target: &str, run: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
        let mut inputs = 0;
        for file in std::fs::read_dir(&folder).unwrap() {
            run(&std::fs::read(file.unwrap().path()).unwrap());
            inputs += 1;
        }
        assert!(inputs > 0, "{} is empty", folder.display());
    }

    #[test]
    fn any_bytes_are_a_log_or_are_refused() {
        each_of_corpus("log", log);
    }

    #[test]
    fn any_bytes_are_a_snapshot_or_are_refused() {
        each_of_corpus("snapshot", snapshot);
    }
}

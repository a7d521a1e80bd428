//! One record of the log file.
//!
//! ```text
//! length u32 | synced u32 | kind u8 | crc32c of the payload u32 | crc32c of the 13 bytes before u32 | payload (protobuf)
//! ```
//!
//! All numbers are little-endian. `length` is that of the payload. `synced` is how much of the segment
//! was known to be durable when the record was written: so a whole record behind a broken one shows
//! whether the broken one had ever been acknowledged. Both checksums begin with the salt of the segment,
//! which no client knows: bytes of a command are never taken for a record. The checkpoint at the start
//! of a segment names the salt, so its own is 0.

use bytes::Bytes;
use keyraft_proto::cluster as proto;
use prost::Message;

use crate::types::{Entry, LogId, LogIndex, Vote, Wire};

/// Bytes before the payload.
pub(crate) const HEADER_BYTES: usize = 17;
/// The bytes of the header that its checksum covers.
const CHECKED_BYTES: usize = 13;
/// Length of the checkpoint in a segment: the record, then zeros. It is durable before anything is written behind it,
/// so a longer segment whose checkpoint is broken has rotted. Its framing is the same in all formats.
pub(crate) const CHECKPOINT_BYTES: usize = 256;
/// Format of a segment; the checkpoint at its start names it. 2 is the first with salts.
pub(crate) const LOG_FORMAT: u32 = 2;
/// A longer payload is refused when written and taken for damage when read.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 64 << 20;

/// Summary of the earlier segments.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Checkpoint {
    pub format: u32,
    /// Goes into the checksums of the records behind it.
    pub salt: u32,
    pub sequence: u64,
    pub vote: Option<Vote>,
    pub purged: Option<LogId>,
    pub received: Option<LogId>,
    pub committed: Option<LogId>,
    /// The last entry in them.
    pub last: Option<LogId>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Record {
    Checkpoint(Checkpoint),
    Entry(Entry),
    Vote(Vote),
    Truncate(LogIndex),
    Purge(LogId),
    Committed(LogId),
    SnapshotReceived(LogId),
}

const CHECKPOINT: u8 = 1;
pub(crate) const ENTRY: u8 = 2;
const VOTE: u8 = 3;
const TRUNCATE: u8 = 4;
const PURGE: u8 = 5;
const COMMITTED: u8 = 6;
const SNAPSHOT_RECEIVED: u8 = 7;
/// The kinds above, for an operator.
pub(crate) const KNOWN_KINDS: &str = "1 to 7, with the content that it gives them";

/// Why no record could be read at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The bytes end before the record does.
    Short,
    /// The checksum of the header is wrong, or the length cannot be.
    Corrupt,
    /// The header is whole, and the checksum of the payload is wrong.
    Rotten {
        kind: u8,
        /// Of the whole record, in bytes.
        length: usize,
    },
    /// All checksums are right: another version wrote it.
    Unknown { kind: u8 },
}

impl Record {
    /// Appends the record to `out`, and returns it.
    pub(crate) fn encode(self, salt: u32, synced: u32, out: &mut Vec<u8>) -> Self {
        let mut put = |kind: u8, payload: &[u8]| frame(kind, salt, synced, payload, out);
        match self {
            Self::Checkpoint(checkpoint) => {
                let message = proto::LogCheckpoint {
                    sequence: checkpoint.sequence,
                    vote: checkpoint.vote.map(Wire::to_message),
                    purged: checkpoint.purged.map(Wire::to_message),
                    snapshot_received: checkpoint.received.map(Wire::to_message),
                    committed: checkpoint.committed.map(Wire::to_message),
                    last: checkpoint.last.map(Wire::to_message),
                    format: checkpoint.format,
                    salt: checkpoint.salt,
                };
                put(CHECKPOINT, &message.encode_to_vec());
            }
            Self::Entry(entry) => {
                // The payload is shared bytes: the clone copies no command.
                put(ENTRY, &entry.clone().to_message().encode_to_vec());
                return Self::Entry(entry);
            }
            Self::Vote(vote) => put(VOTE, &vote.to_message().encode_to_vec()),
            Self::Truncate(from_index) => {
                put(TRUNCATE, &proto::LogTruncation { from_index }.encode_to_vec());
            }
            Self::Purge(log_id) => put(PURGE, &log_id.to_message().encode_to_vec()),
            Self::Committed(log_id) => put(COMMITTED, &log_id.to_message().encode_to_vec()),
            Self::SnapshotReceived(log_id) => put(SNAPSHOT_RECEIVED, &log_id.to_message().encode_to_vec()),
        }
        self
    }

    /// The record at the start of `bytes`, its whole length, and how much was durable before it.
    pub(crate) fn decode(bytes: &[u8], salt: u32) -> Result<(Self, usize, u32), Broken> {
        let Header { kind, payload, synced } = unframe(bytes, salt)?;
        let length = HEADER_BYTES + payload.len();
        Ok((Self::from_payload(kind, payload).ok_or(Broken::Unknown { kind })?, length, synced))
    }

    fn from_payload(kind: u8, payload: &[u8]) -> Option<Self> {
        let log_id =
            || proto::LogId::decode(payload).ok().and_then(|message| LogId::from_message(message).ok());
        Some(match kind {
            CHECKPOINT => {
                let message = proto::LogCheckpoint::decode(payload).ok()?;
                let optional =
                    |id: Option<proto::LogId>| id.map(LogId::from_message).transpose().map_err(drop);
                Self::Checkpoint(Checkpoint {
                    format: message.format,
                    salt: message.salt,
                    sequence: message.sequence,
                    vote: message.vote.map(Vote::from_message).transpose().ok()?,
                    purged: optional(message.purged).ok()?,
                    received: optional(message.snapshot_received).ok()?,
                    committed: optional(message.committed).ok()?,
                    last: optional(message.last).ok()?,
                })
            }
            ENTRY => {
                // One copy for the whole entry; its commands are slices of it.
                let message = proto::Entry::decode(Bytes::copy_from_slice(payload)).ok()?;
                Self::Entry(Entry::from_message(message).ok()?)
            }
            VOTE => Self::Vote(Vote::from_message(proto::Vote::decode(payload).ok()?).ok()?),
            TRUNCATE => Self::Truncate(proto::LogTruncation::decode(payload).ok()?.from_index),
            PURGE => Self::Purge(log_id()?),
            COMMITTED => Self::Committed(log_id()?),
            SNAPSHOT_RECEIVED => Self::SnapshotReceived(log_id()?),
            _ => return None,
        })
    }
}

/// True when `bytes` start with a whole record whose `synced` is plausible, of whatever kind.
///
/// It runs at every offset behind a broken record. Without the salt nobody can write a header that passes, so
/// no payload is read in vain, and the time is linear in the number of offsets.
pub(crate) fn starts_with_record(bytes: &[u8], salt: u32, is_plausible: impl Fn(u32) -> bool) -> bool {
    // The cheap test first.
    let synced = bytes.get(4..).and_then(|rest| rest.first_chunk::<4>());
    synced.is_some_and(|synced| is_plausible(u32::from_le_bytes(*synced))) && unframe(bytes, salt).is_ok()
}

/// Appends a record to `out`, whatever its kind and payload.
pub(crate) fn frame(kind: u8, salt: u32, synced: u32, payload: &[u8], out: &mut Vec<u8>) {
    // The lengths of one segment fit in 32 bits: the writer rolls long before.
    let mut header = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    header.extend_from_slice(&synced.to_le_bytes());
    header.push(kind);
    header.extend_from_slice(&crc32c::crc32c_append(salt, payload).to_le_bytes());
    let crc = crc32c::crc32c_append(salt, &header);
    out.extend_from_slice(&header);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(payload);
}

struct Header<'a> {
    kind: u8,
    payload: &'a [u8],
    synced: u32,
}

fn unframe(bytes: &[u8], salt: u32) -> Result<Header<'_>, Broken> {
    let (checked, _) = bytes.split_first_chunk::<CHECKED_BYTES>().ok_or(Broken::Short)?;
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(Broken::Short)?;
    let (synced, rest) = rest.split_first_chunk::<4>().ok_or(Broken::Short)?;
    let (kind, rest) = rest.split_first().ok_or(Broken::Short)?;
    let (payload_crc, rest) = rest.split_first_chunk::<4>().ok_or(Broken::Short)?;
    let (header_crc, rest) = rest.split_first_chunk::<4>().ok_or(Broken::Short)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if crc32c::crc32c_append(salt, checked) != u32::from_le_bytes(*header_crc) || length > MAX_PAYLOAD_BYTES {
        return Err(Broken::Corrupt);
    }
    let payload = rest.get(..length).ok_or(Broken::Short)?;
    if crc32c::crc32c_append(salt, payload) != u32::from_le_bytes(*payload_crc) {
        return Err(Broken::Rotten { kind: *kind, length: HEADER_BYTES + length });
    }
    Ok(Header { kind: *kind, payload, synced: u32::from_le_bytes(*synced) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_id(term: u64, index: u64) -> LogId {
        LogId::new(openraft::CommittedLeaderId::new(term, 7), index)
    }

    #[test]
    fn every_kind_of_record_reads_back_as_written() {
        let records = [
            Record::Checkpoint(Checkpoint {
                format: LOG_FORMAT,
                salt: 9,
                sequence: 3,
                vote: Some(Vote::new_committed(4, 2)),
                purged: Some(log_id(1, 9)),
                received: None,
                committed: Some(log_id(2, 11)),
                last: Some(log_id(3, 12)),
            }),
            Record::Entry(Entry { log_id: log_id(5, 12), payload: openraft::EntryPayload::Blank }),
            Record::Vote(Vote::new(5, 1)),
            Record::Truncate(0),
            Record::Purge(log_id(0, 0)),
            Record::Committed(log_id(3, 3)),
            Record::SnapshotReceived(log_id(8, 1)),
        ];
        for record in records {
            let mut bytes = Vec::new();
            let record = record.encode(5, 17, &mut bytes);
            bytes.extend_from_slice(b"what follows");
            let (read, length, synced) = Record::decode(&bytes, 5).unwrap();
            assert_eq!((read, length, synced), (record, bytes.len() - 12, 17));
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let mut bytes = Vec::new();
        Record::Purge(log_id(3, 70_000)).encode(5, 900, &mut bytes);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Record::decode(&flipped, 5).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_record_of_another_salt_is_none() {
        let mut bytes = Vec::new();
        Record::Purge(log_id(3, 7)).encode(5, 0, &mut bytes);
        assert_eq!(Record::decode(&bytes, 6), Err(Broken::Corrupt));
        assert!(!starts_with_record(&bytes, 6, |_| true));
    }

    #[test]
    fn a_whole_record_of_an_unknown_kind_or_payload_is_no_damage() {
        for (kind, payload) in [(8, b"".as_slice()), (0, b"x"), (ENTRY, b""), (VOTE, b"\xff")] {
            let mut bytes = Vec::new();
            frame(kind, 5, 0, payload, &mut bytes);
            assert_eq!(Record::decode(&bytes, 5), Err(Broken::Unknown { kind }), "{payload:?}");
            assert!(starts_with_record(&bytes, 5, |_| true), "it shows that all before it was durable");
        }
    }
}

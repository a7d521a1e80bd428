//! One record of the log file.
//!
//! ```text
//! length u32 | crc32c u32 | synced u32 | kind u8 | payload (protobuf)
//! ```
//!
//! All numbers are little-endian. `length` is that of the payload; the checksum covers everything but
//! itself. `synced` is how much of the segment was known to be durable when the record was written: so
//! a whole record behind a broken one tells whether the broken one had ever been acknowledged.

use bytes::Bytes;
use keyraft_proto::cluster as proto;
use prost::Message;

use crate::types::{Entry, LogId, LogIndex, Vote, Wire};

/// Bytes before the payload.
pub(crate) const HEADER_BYTES: usize = 13;
/// A longer payload is refused when written and taken for damage when read.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 64 << 20;

/// What the earlier segments said.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Checkpoint {
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
const ENTRY: u8 = 2;
const VOTE: u8 = 3;
const TRUNCATE: u8 = 4;
const PURGE: u8 = 5;
const COMMITTED: u8 = 6;
const SNAPSHOT_RECEIVED: u8 = 7;

/// Why no record could be read at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The bytes end before the record does.
    Short,
    /// The length, the kind or the checksum cannot be.
    Corrupt,
    /// The checksum is right and the payload is not understood.
    Payload,
}

impl Record {
    /// Appends the record to `out`, and gives it back.
    pub(crate) fn encode(self, synced: u32, out: &mut Vec<u8>) -> Self {
        match self {
            Self::Checkpoint(checkpoint) => {
                let message = proto::LogCheckpoint {
                    sequence: checkpoint.sequence,
                    vote: checkpoint.vote.map(Wire::to_message),
                    purged: checkpoint.purged.map(Wire::to_message),
                    snapshot_received: checkpoint.received.map(Wire::to_message),
                    committed: checkpoint.committed.map(Wire::to_message),
                    last: checkpoint.last.map(Wire::to_message),
                };
                frame(CHECKPOINT, synced, &message, out);
            }
            Self::Entry(entry) => {
                // The payload is shared bytes: the clone copies no command.
                frame(ENTRY, synced, &entry.clone().to_message(), out);
                return Self::Entry(entry);
            }
            Self::Vote(vote) => frame(VOTE, synced, &vote.to_message(), out),
            Self::Truncate(from_index) => {
                frame(TRUNCATE, synced, &proto::LogTruncation { from_index }, out);
            }
            Self::Purge(log_id) => frame(PURGE, synced, &log_id.to_message(), out),
            Self::Committed(log_id) => frame(COMMITTED, synced, &log_id.to_message(), out),
            Self::SnapshotReceived(log_id) => frame(SNAPSHOT_RECEIVED, synced, &log_id.to_message(), out),
        }
        self
    }

    /// The record at the start of `bytes`, its whole length, and how much was durable before it.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Self, usize, u32), Broken> {
        let (kind, payload, synced) = unframe(bytes)?;
        let length = HEADER_BYTES + payload.len();
        Ok((Self::from_payload(kind, payload).ok_or(Broken::Payload)?, length, synced))
    }

    fn from_payload(kind: u8, payload: &[u8]) -> Option<Self> {
        let log_id =
            || proto::LogId::decode(payload).ok().and_then(|message| LogId::from_message(message).ok());
        Some(match kind {
            CHECKPOINT => {
                let message = proto::LogCheckpoint::decode(payload).ok()?;
                let optional = |id: Option<proto::LogId>| id.and_then(|id| LogId::from_message(id).ok());
                Self::Checkpoint(Checkpoint {
                    sequence: message.sequence,
                    vote: message.vote.and_then(|vote| Vote::from_message(vote).ok()),
                    purged: optional(message.purged),
                    received: optional(message.snapshot_received),
                    committed: optional(message.committed),
                    last: optional(message.last),
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

/// True when `bytes` start with a whole record whose `synced` is plausible.
pub(crate) fn starts_with_record(bytes: &[u8], is_plausible: impl Fn(u32) -> bool) -> bool {
    // The cheap test first: this runs at every offset behind a broken record.
    let synced = bytes.get(8..).and_then(|rest| rest.first_chunk::<4>());
    synced.is_some_and(|synced| is_plausible(u32::from_le_bytes(*synced))) && unframe(bytes).is_ok()
}

fn frame(kind: u8, synced: u32, message: &impl Message, out: &mut Vec<u8>) {
    let start = out.len();
    // The lengths of one segment fit in 32 bits: the writer rolls long before.
    let length = u32::try_from(message.encoded_len()).unwrap_or(u32::MAX).to_le_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&synced.to_le_bytes());
    out.push(kind);
    message.encode_raw(out);
    let crc = out.get(start + 8..).map_or(0, |rest| crc32c::crc32c_append(crc32c::crc32c(&length), rest));
    if let Some(place) = out.get_mut(start + 4..start + 8) {
        place.copy_from_slice(&crc.to_le_bytes());
    }
}

fn unframe(bytes: &[u8]) -> Result<(u8, &[u8], u32), Broken> {
    let (length_bytes, rest) = bytes.split_first_chunk::<4>().ok_or(Broken::Short)?;
    let (crc, covered) = rest.split_first_chunk::<4>().ok_or(Broken::Short)?;
    let (synced, rest) = covered.split_first_chunk::<4>().ok_or(Broken::Short)?;
    let (kind, rest) = rest.split_first().ok_or(Broken::Short)?;
    let length = usize::try_from(u32::from_le_bytes(*length_bytes)).unwrap_or(usize::MAX);
    if length > MAX_PAYLOAD_BYTES || !(CHECKPOINT..=SNAPSHOT_RECEIVED).contains(kind) {
        return Err(Broken::Corrupt);
    }
    let payload = rest.get(..length).ok_or(Broken::Short)?;
    let covered = covered.get(..5 + length).ok_or(Broken::Short)?;
    if crc32c::crc32c_append(crc32c::crc32c(length_bytes), covered) != u32::from_le_bytes(*crc) {
        return Err(Broken::Corrupt);
    }
    Ok((*kind, payload, u32::from_le_bytes(*synced)))
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
            let record = record.encode(17, &mut bytes);
            bytes.extend_from_slice(b"what follows");
            let (read, length, synced) = Record::decode(&bytes).unwrap();
            assert_eq!((read, length, synced), (record, bytes.len() - 12, 17));
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let mut bytes = Vec::new();
        Record::Purge(log_id(3, 70_000)).encode(900, &mut bytes);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Record::decode(&flipped).is_err(), "bit {bit}");
        }
    }
}

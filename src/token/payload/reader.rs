//! The few msgpack elements that payloads are made of, read leniently where Keystone is.
//!
//! Releases with msgpack before 1.0 wrote bytes as strings. Text and bytes are therefore told apart by
//! their place, never by their type.

use rmp::Marker;

use super::{AuditIds, MAX_TIME_SECONDS, MethodMask, PayloadError, PayloadId, UuidBytes};
use crate::token::audit::AuditId;

/// The fewest bytes an id takes in an array: a pair of a flag and null.
const SHORTEST_ID_BYTES: usize = 3;

/// Takes elements from the front of a slice. Every length is checked against what is left.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Fails unless everything has been read.
    pub(super) fn end(&self) -> Result<(), PayloadError> {
        if self.rest.is_empty() { Ok(()) } else { Err(PayloadError::TrailingBytes(self.rest.len())) }
    }

    pub(super) fn array(&mut self, expected: &'static str) -> Result<usize, PayloadError> {
        match self.marker(expected)? {
            Marker::FixArray(length) => Ok(usize::from(length)),
            Marker::Array16 => self.length::<2>(expected),
            Marker::Array32 => self.length::<4>(expected),
            found => Err(unexpected(expected, found)),
        }
    }

    /// An array of exactly `length` elements.
    pub(super) fn array_of(&mut self, length: usize, expected: &'static str) -> Result<(), PayloadError> {
        let found = self.array(expected)?;
        if found == length { Ok(()) } else { Err(PayloadError::UnexpectedLength { expected, found }) }
    }

    pub(super) fn uint(&mut self, expected: &'static str) -> Result<u64, PayloadError> {
        let marker = self.marker(expected)?;
        self.uint_of(marker, expected)
    }

    fn uint_of(&mut self, marker: Marker, expected: &'static str) -> Result<u64, PayloadError> {
        match marker {
            Marker::FixPos(value) => Ok(u64::from(value)),
            Marker::U8 => Ok(u64::from(u8::from_be_bytes(self.fixed(expected)?))),
            Marker::U16 => Ok(u64::from(u16::from_be_bytes(self.fixed(expected)?))),
            Marker::U32 => Ok(u64::from(u32::from_be_bytes(self.fixed(expected)?))),
            Marker::U64 => Ok(u64::from_be_bytes(self.fixed(expected)?)),
            found => Err(unexpected(expected, found)),
        }
    }

    pub(super) fn methods(&mut self) -> Result<MethodMask, PayloadError> {
        self.uint("methods").map(MethodMask)
    }

    /// A time in whole seconds; a fraction is cut off, as the API does when it shows one.
    pub(super) fn time(&mut self) -> Result<u64, PayloadError> {
        let seconds = match self.marker("expiry")? {
            Marker::F64 => whole_seconds(f64::from_be_bytes(self.fixed("expiry")?))?,
            Marker::F32 => whole_seconds(f64::from(f32::from_be_bytes(self.fixed("expiry")?)))?,
            marker => self.uint_of(marker, "expiry")?,
        };
        if seconds > MAX_TIME_SECONDS { Err(PayloadError::ExpiryOutOfRange) } else { Ok(seconds) }
    }

    pub(super) fn audit(&mut self) -> Result<AuditIds, PayloadError> {
        match self.array("audit ids")? {
            1 => Ok(AuditIds { own: self.audit_id()?, chain: None }),
            2 => Ok(AuditIds { own: self.audit_id()?, chain: Some(self.audit_id()?) }),
            found => Err(PayloadError::UnexpectedLength { expected: "audit ids", found }),
        }
    }

    fn audit_id(&mut self) -> Result<AuditId, PayloadError> {
        self.uuid("audit id").map(AuditId::from_bytes)
    }

    /// Sixteen bare bytes.
    pub(super) fn uuid(&mut self, expected: &'static str) -> Result<UuidBytes, PayloadError> {
        as_uuid(self.bytes(expected)?, expected)
    }

    /// Bare text.
    pub(super) fn text(&mut self, expected: &'static str) -> Result<&'a str, PayloadError> {
        as_text(self.bytes(expected)?, expected)
    }

    /// Text or bytes: on the wire they may be either.
    pub(super) fn bytes(&mut self, expected: &'static str) -> Result<&'a [u8], PayloadError> {
        let marker = self.marker(expected)?;
        self.bytes_of(marker, expected)
    }

    fn bytes_of(&mut self, marker: Marker, expected: &'static str) -> Result<&'a [u8], PayloadError> {
        let length = match marker {
            Marker::FixStr(length) => usize::from(length),
            Marker::Bin8 | Marker::Str8 => self.length::<1>(expected)?,
            Marker::Bin16 | Marker::Str16 => self.length::<2>(expected)?,
            Marker::Bin32 | Marker::Str32 => self.length::<4>(expected)?,
            found => return Err(unexpected(expected, found)),
        };
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(PayloadError::Truncated { expected })?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(super) fn id(&mut self, expected: &'static str) -> Result<PayloadId, PayloadError> {
        self.optional_id(expected)?.ok_or(PayloadError::MissingId { expected })
    }

    /// A pair `[is_uuid, value]`; the value of an absent id is null.
    pub(super) fn optional_id(&mut self, expected: &'static str) -> Result<Option<PayloadId>, PayloadError> {
        self.array_of(2, expected)?;
        let is_uuid = match self.marker(expected)? {
            Marker::True => true,
            Marker::False => false,
            found => return Err(unexpected(expected, found)),
        };
        match self.marker(expected)? {
            Marker::Null if !is_uuid => Ok(None),
            marker => {
                let bytes = self.bytes_of(marker, expected)?;
                Ok(Some(if is_uuid {
                    PayloadId::Uuid(as_uuid(bytes, expected)?)
                } else {
                    PayloadId::Text(as_text(bytes, expected)?.into())
                }))
            }
        }
    }

    pub(super) fn ids(&mut self, expected: &'static str) -> Result<Vec<PayloadId>, PayloadError> {
        let length = self.array(expected)?;
        // A length is only a claim: room is made for no more ids than the bytes left can hold.
        if length > self.rest.len() / SHORTEST_ID_BYTES {
            return Err(PayloadError::Truncated { expected });
        }
        let mut ids = Vec::with_capacity(length);
        for _ in 0..length {
            ids.push(self.id(expected)?);
        }
        Ok(ids)
    }

    fn marker(&mut self, expected: &'static str) -> Result<Marker, PayloadError> {
        let (byte, rest) = self.rest.split_first().ok_or(PayloadError::Truncated { expected })?;
        self.rest = rest;
        Ok(Marker::from_u8(*byte))
    }

    fn fixed<const N: usize>(&mut self, expected: &'static str) -> Result<[u8; N], PayloadError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(PayloadError::Truncated { expected })?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// A length of `N` bytes, at most four.
    fn length<const N: usize>(&mut self, expected: &'static str) -> Result<usize, PayloadError> {
        let bytes: [u8; N] = self.fixed(expected)?;
        Ok(bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
    }
}

fn unexpected(expected: &'static str, found: Marker) -> PayloadError {
    PayloadError::UnexpectedType { expected, found: found.to_u8() }
}

fn as_uuid(bytes: &[u8], expected: &'static str) -> Result<UuidBytes, PayloadError> {
    bytes.try_into().map_err(|_| PayloadError::UnexpectedLength { expected, found: bytes.len() })
}

fn as_text<'a>(bytes: &'a [u8], expected: &'static str) -> Result<&'a str, PayloadError> {
    std::str::from_utf8(bytes).map_err(|_| PayloadError::NotUtf8 { expected })
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked first")]
fn whole_seconds(seconds: f64) -> Result<u64, PayloadError> {
    // What is not a number is in no range.
    if (0.0..1e15).contains(&seconds) { Ok(seconds as u64) } else { Err(PayloadError::ExpiryOutOfRange) }
}

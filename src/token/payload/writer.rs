//! The few msgpack elements that payloads are made of, written as Keystone's library writes them.

use std::convert::Infallible;

use rmp::encode::{self, ByteBuf, ValueWriteError};

use super::{AuditIds, MethodMask, PayloadId};

/// Most of a payload's bytes for a token with UUIDs; longer ones grow.
const USUAL_PAYLOAD_BYTES: usize = 128;

/// Appends elements to a buffer.
pub(super) struct Writer(ByteBuf);

impl Writer {
    pub(super) fn new() -> Self {
        Self(ByteBuf::with_capacity(USUAL_PAYLOAD_BYTES))
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0.into_vec()
    }

    pub(super) fn array(&mut self, length: usize) {
        // A longer array cannot exist: its ids alone would fill the memory.
        sure(encode::write_array_len(&mut self.0, u32::try_from(length).unwrap_or(u32::MAX)));
    }

    pub(super) fn uint(&mut self, value: u64) {
        sure(encode::write_uint(&mut self.0, value));
    }

    pub(super) fn text(&mut self, text: &str) {
        sure(encode::write_str(&mut self.0, text));
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        sure(encode::write_bin(&mut self.0, bytes));
    }

    pub(super) fn methods(&mut self, mask: MethodMask) {
        self.uint(mask.0);
    }

    /// Times are floating point in the layout, though always whole.
    #[allow(clippy::cast_precision_loss, reason = "times below 2^53 are exact")]
    pub(super) fn time(&mut self, seconds: u64) {
        sure(encode::write_f64(&mut self.0, seconds as f64));
    }

    pub(super) fn audit(&mut self, audit: &AuditIds) {
        self.array(1 + usize::from(audit.chain.is_some()));
        for id in audit.iter() {
            self.bytes(id.as_bytes());
        }
    }

    pub(super) fn id(&mut self, id: &PayloadId) {
        self.optional_id(Some(id));
    }

    pub(super) fn optional_id(&mut self, id: Option<&PayloadId>) {
        self.array(2);
        match id {
            Some(PayloadId::Uuid(bytes)) => {
                self.flag(true);
                self.bytes(bytes);
            }
            Some(PayloadId::Text(text)) => self.tagged_text(text),
            None => {
                self.flag(false);
                let Ok(()) = encode::write_nil(&mut self.0);
            }
        }
    }

    /// The pair of an id that is never packed, even if it reads as a UUID.
    pub(super) fn text_id(&mut self, text: &str) {
        self.array(2);
        self.tagged_text(text);
    }

    fn tagged_text(&mut self, text: &str) {
        self.flag(false);
        self.text(text);
    }

    fn flag(&mut self, is_uuid: bool) {
        let Ok(()) = encode::write_bool(&mut self.0, is_uuid);
    }
}

/// Writing to memory does not fail, and the type says so.
fn sure<T>(written: Result<T, ValueWriteError<Infallible>>) {
    match written {
        Ok(_) => {}
        Err(ValueWriteError::InvalidMarkerWrite(never) | ValueWriteError::InvalidDataWrite(never)) => {
            match never {}
        }
    }
}

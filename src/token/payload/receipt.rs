//! What a receipt says: which methods of several have succeeded so far.

use super::reader::Reader;
use super::writer::Writer;
use super::{MAX_TIME_SECONDS, MethodMask, PayloadError, PayloadId};

/// The content of a receipt for multi-factor authentication. Its layout has no version: an array of
/// user, methods and expiry, as in Keystone 30.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptPayload {
    /// Who authenticates.
    pub user: PayloadId,
    /// What has succeeded.
    pub methods: MethodMask,
    /// When the receipt ends, in seconds since the epoch.
    pub expires_at_seconds: u64,
}

impl ReceiptPayload {
    /// The bytes.
    ///
    /// # Errors
    /// [`PayloadError::ExpiryOutOfRange`]: it expires after the year 9999.
    pub fn encode(&self) -> Result<Vec<u8>, PayloadError> {
        if self.expires_at_seconds > MAX_TIME_SECONDS {
            return Err(PayloadError::ExpiryOutOfRange);
        }
        let mut to = Writer::new();
        to.array(3);
        to.id(&self.user);
        to.methods(self.methods);
        to.time(self.expires_at_seconds);
        Ok(to.finish())
    }

    /// Reads the bytes. A token's payload is not a receipt.
    ///
    /// # Errors
    /// The bytes are not a receipt's.
    pub fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        let mut from = Reader::new(bytes);
        from.array_of(3, "receipt")?;
        let payload =
            Self { user: from.id("user")?, methods: from.methods()?, expires_at_seconds: from.time()? };
        from.end()?;
        Ok(payload)
    }
}

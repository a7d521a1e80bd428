//! `[revoke]`

use serde::{Deserialize, Serialize};

use super::MAX_DURATION_S;
use super::error::{Invalid, within};

/// Revocation events.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Revoke {
    /// Seconds that a revocation event is kept beyond the time in which a token that it revokes may be asked for.
    /// Keystone: `[revoke] expiration_buffer`.
    pub expiration_buffer_s: u64,
}

impl Default for Revoke {
    fn default() -> Self {
        Self { expiration_buffer_s: 1800 }
    }
}

impl Revoke {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        within("revoke.expiration_buffer_s", self.expiration_buffer_s, 0..=MAX_DURATION_S)
    }
}

//! `[receipt]`

use serde::{Deserialize, Serialize};

use super::error::{Invalid, within};

/// Receipts of log-ins that have to combine methods.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Receipt {
    /// Seconds in which the missing methods have to follow. Keystone: `[receipt] expiration`.
    pub expiration_s: u64,
}

/// The longest life of a receipt: a day.
const MAX_EXPIRATION_S: u64 = 86_400;

impl Default for Receipt {
    fn default() -> Self {
        Self { expiration_s: 300 }
    }
}

impl Receipt {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        within("receipt.expiration_s", self.expiration_s, 0..=MAX_EXPIRATION_S)
    }
}

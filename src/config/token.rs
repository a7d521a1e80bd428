//! `[token]`

use serde::{Deserialize, Serialize};

use super::MAX_DURATION_S;
use super::error::{Invalid, within};

/// Lifetime and use of tokens.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Token {
    /// Seconds a token lives. Keystone: `[token] expiration`.
    pub expiration_s: u64,
    /// Seconds after its end in which `?allow_expired` still validates it. Keystone:
    /// `[token] allow_expired_window`.
    pub allow_expired_window_s: u64,
    /// Whether a scoped token may be exchanged for another scoped token.
    pub allow_rescope_scoped_token: bool,
}

impl Default for Token {
    fn default() -> Self {
        Self { expiration_s: 3600, allow_expired_window_s: 172_800, allow_rescope_scoped_token: true }
    }
}

impl Token {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        within("token.expiration_s", self.expiration_s, 1..=MAX_DURATION_S)?;
        within("token.allow_expired_window_s", self.allow_expired_window_s, 0..=MAX_DURATION_S)
    }
}

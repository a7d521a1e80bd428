//! `[fernet]`

use serde::{Deserialize, Serialize};

use super::MAX_DURATION_S;
use super::error::{Invalid, within};

/// The keys of Fernet tokens. Keystone: `[fernet_tokens]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fernet {
    /// Keys that a rotation keeps, the staged and the primary one included. A key that a valid token
    /// may need is kept beyond that number.
    pub max_active_keys: u64,
    /// Seconds between two rotations by the leader; 0: only `keyraft fernet rotate` rotates.
    pub rotation_interval_s: u64,
}

impl Default for Fernet {
    fn default() -> Self {
        Self { max_active_keys: 3, rotation_interval_s: 604_800 }
    }
}

impl Fernet {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        within("fernet.max_active_keys", self.max_active_keys, 1..=1000)?;
        if self.rotation_interval_s == 0 {
            return Ok(());
        }
        within("fernet.rotation_interval_s", self.rotation_interval_s, 60..=MAX_DURATION_S)
    }
}

//! `[role]`

use serde::{Deserialize, Serialize};

use super::error::{Invalid, within};

/// Roles.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Role {
    /// Rows of a list of roles without `?limit`; unset: `http.list_limit`.
    pub list_limit: Option<u64>,
}

impl Role {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        match self.list_limit {
            Some(limit) => within("role.list_limit", limit, 1..=1_000_000),
            None => Ok(()),
        }
    }
}

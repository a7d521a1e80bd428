//! `[catalog]`

use serde::{Deserialize, Serialize};

use super::error::{Invalid, within};

/// The service catalog.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Catalog {
    /// Rows of a list of services, endpoints or regions without `?limit`; unset: `http.list_limit`.
    pub list_limit: Option<u64>,
}

impl Catalog {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        match self.list_limit {
            Some(limit) => within("catalog.list_limit", limit, 1..=1_000_000),
            None => Ok(()),
        }
    }
}

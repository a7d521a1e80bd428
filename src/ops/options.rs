//! What this node tells the others of its options.

use bytes::Bytes;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::config::Config;

/// The digest of all that has to be the same on all nodes.
#[must_use]
pub fn digest(config: &Config) -> Bytes {
    let compared = json!({ "options": config.shared_options() });
    Bytes::copy_from_slice(&Sha256::digest(compared.to_string()))
}

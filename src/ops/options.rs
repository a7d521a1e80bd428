//! What this node tells the others of its options.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::config::Config;
use crate::policy::{Policy, RuleSource};

/// The digest of all that has to be the same on all nodes.
#[must_use]
pub fn digest(config: &Config, policy: &Policy) -> Bytes {
    let from_files = policy.rules().iter().filter(|rule| rule.source == RuleSource::File);
    let rules: BTreeMap<&str, _> = from_files.map(|rule| (rule.name.as_str(), &rule.check)).collect();
    let compared = json!({ "options": config.shared_options(), "rules": rules });
    Bytes::copy_from_slice(&Sha256::digest(compared.to_string()))
}

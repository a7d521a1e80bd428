//! `[auth]`

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::error::Invalid;

/// Authentication methods.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// The methods that are accepted. Their order gives each its bit in Fernet tokens: append, never
    /// reorder, and keep it the same on all nodes.
    pub methods: Vec<String>,
    /// Methods of plugins of one's own by which users log in themselves, so that their tokens may be exchanged.
    pub additional_primary_auth_methods: Vec<String>,
    /// A file with a token that passes every policy rule; unset: there is none.
    pub admin_token_file: Option<PathBuf>,
}

/// The most entries of `auth.methods`: each takes a bit of a number in the token.
const MAX_METHODS: usize = 31;

impl Default for Auth {
    fn default() -> Self {
        let methods =
            ["external", "password", "token", "oauth1", "mapped", "application_credential", "ec2credential"];
        Self {
            methods: methods.map(str::to_owned).to_vec(),
            additional_primary_auth_methods: Vec::new(),
            admin_token_file: None,
        }
    }
}

impl Auth {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        if self.methods.is_empty() || self.methods.len() > MAX_METHODS {
            let reason = format!("it has {} entries; it takes 1 to {MAX_METHODS}", self.methods.len());
            return Err(Invalid::new("auth.methods", reason));
        }
        let mut seen = BTreeSet::new();
        for (place, method) in self.methods.iter().enumerate() {
            let key = format!("auth.methods[{place}]");
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if method.is_empty() || !method.chars().all(is_name) {
                return Err(Invalid::new(key, format!("{method:?} is not the name of a method")));
            }
            if !seen.insert(method) {
                return Err(Invalid::new(key, format!("{method:?} stands there twice")));
            }
        }
        Ok(())
    }
}

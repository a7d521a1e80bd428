//! `[policy]`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::policy::{DefaultChecks, PolicyFiles};

/// Who may do what. Keystone: `[oslo_policy]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// A YAML or JSON file whose rules replace the built-in ones of the same name; unset: none.
    pub policy_file: Option<PathBuf>,
    /// Folders with more such files, which count more than the first one.
    pub policy_dirs: Vec<PathBuf>,
    /// Whether the deprecated checks of older releases of Keystone are out of force. Otherwise a rule that no file
    /// names lets through whom its present or its deprecated check does.
    pub enforce_new_defaults: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { policy_file: None, policy_dirs: Vec::new(), enforce_new_defaults: true }
    }
}

impl Policy {
    /// Where the rules come from.
    #[must_use]
    pub fn files(&self) -> PolicyFiles {
        PolicyFiles {
            file: self.policy_file.clone(),
            folders: self.policy_dirs.clone(),
            defaults: if self.enforce_new_defaults {
                DefaultChecks::New
            } else {
                DefaultChecks::NewOrDeprecated
            },
        }
    }
}

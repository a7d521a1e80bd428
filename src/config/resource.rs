//! `[resource]`

use serde::{Deserialize, Serialize};

use super::error::{Invalid, within};

/// Domains and projects.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Resource {
    /// Levels of projects below a domain. Keystone: `[DEFAULT] max_project_tree_depth`.
    pub max_project_tree_depth: u64,
    /// Whether names of projects must be free of characters that a URL reserves.
    pub project_name_url_safe: UrlSafeNames,
    /// The same for names of domains.
    pub domain_name_url_safe: UrlSafeNames,
}

/// When a name is checked for characters that a URL reserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UrlSafeNames {
    /// Never.
    Off,
    /// When it is given.
    New,
    /// When it is given, and when it is named by a login.
    Strict,
}

impl Default for Resource {
    fn default() -> Self {
        Self {
            max_project_tree_depth: 5,
            project_name_url_safe: UrlSafeNames::Off,
            domain_name_url_safe: UrlSafeNames::Off,
        }
    }
}

impl Resource {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        within("resource.max_project_tree_depth", self.max_project_tree_depth, 1..=100)
    }
}

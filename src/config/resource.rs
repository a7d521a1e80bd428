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
    /// The project whose tokens say `is_admin_project`, and the name of its domain: both or none.
    pub admin_project_name: Option<String>,
    /// The name of that project's domain.
    pub admin_project_domain_name: Option<String>,
    /// Rows of a list of projects or domains without `?limit`; unset: `http.list_limit`.
    pub list_limit: Option<u64>,
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
            admin_project_name: None,
            admin_project_domain_name: None,
            list_limit: None,
        }
    }
}

impl Resource {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        let half = "the admin project takes both its name and that of its domain";
        match (&self.admin_project_name, &self.admin_project_domain_name) {
            (Some(_), None) => return Err(Invalid::new("resource.admin_project_name", half)),
            (None, Some(_)) => return Err(Invalid::new("resource.admin_project_domain_name", half)),
            _ => {}
        }
        if let Some(limit) = self.list_limit {
            within("resource.list_limit", limit, 1..=1_000_000)?;
        }
        within("resource.max_project_tree_depth", self.max_project_tree_depth, 1..=100)
    }

    /// The name of the admin project and that of its domain, if there is one.
    #[must_use]
    pub fn admin_project(&self) -> Option<(&str, &str)> {
        self.admin_project_name.as_deref().zip(self.admin_project_domain_name.as_deref())
    }
}

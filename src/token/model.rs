//! A validated token: what it says, looked up in one consistent state.

use std::sync::Arc;

use keyraft_proto::identity::{Project, Role, User};

use super::audit::AuditIds;
use super::payload::MethodMask;

/// What a token reaches.
#[derive(Clone, Debug)]
pub enum TokenScope {
    /// Nothing.
    Unscoped,
    /// A project, in its domain.
    Project {
        /// The project; it may be one that acts as a domain.
        project: Arc<Project>,
        /// Its domain; the project itself when that acts as one.
        domain: Arc<Project>,
    },
    /// A domain.
    Domain(Arc<Project>),
    /// The whole deployment.
    System,
}

/// A token with everything that its ids stand for now.
#[derive(Clone, Debug)]
pub struct Token {
    /// Who it speaks for.
    pub user: Arc<User>,
    /// The user's domain.
    pub user_domain: Arc<Project>,
    /// How the user authenticated.
    pub methods: MethodMask,
    /// Its public names.
    pub audit: AuditIds,
    /// What it reaches.
    pub scope: TokenScope,
    /// The roles that the user has there now, implied ones included; none when unscoped.
    pub roles: Vec<Arc<Role>>,
    /// Seconds since the epoch.
    pub issued_at_s: u64,
    /// Seconds since the epoch.
    pub expires_at_s: u64,
}

impl Token {
    /// The project of a project-scoped token.
    #[must_use]
    pub fn project(&self) -> Option<&Arc<Project>> {
        match &self.scope {
            TokenScope::Project { project, .. } => Some(project),
            _ => None,
        }
    }

    /// Whether the token is of the admin project, given by its name and its domain's. Says nothing where none is
    /// configured, or for a token that is of no project.
    #[must_use]
    pub fn is_of_admin_project(&self, admin_project: Option<(&str, &str)>) -> Option<bool> {
        match (&self.scope, admin_project) {
            (TokenScope::Project { project, domain }, Some((name, domain_name))) => {
                Some(project.name == name && domain.name == domain_name)
            }
            _ => None,
        }
    }

    /// The domain of a domain-scoped token.
    #[must_use]
    pub fn domain(&self) -> Option<&Arc<Project>> {
        match &self.scope {
            TokenScope::Domain(domain) => Some(domain),
            _ => None,
        }
    }
}

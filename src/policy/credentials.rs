//! Who asks: the attributes of a validated token that policy may read.

use super::defaults::Scope;

/// The caller, as Keystone presents it to oslo.policy (`RequestContext.to_policy_values`).
///
/// Trust ids and OAuth ids are not here because no policy can name them in Keystone either: they
/// are not among those values, and `token.OS-TRUST:trust` cannot be written, a check's kind ending
/// at the first colon. With an impersonating trust, `user_id` and `user_domain_id` are the
/// trustor's.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// The request carries `[DEFAULT] admin_token`; every rule is passed without being evaluated.
    pub is_admin: bool,
    /// The user the token acts as.
    pub user_id: Option<&'a str>,
    /// The domain of that user.
    pub user_domain_id: Option<&'a str>,
    /// The project of a project-scoped token.
    pub project_id: Option<&'a str>,
    /// The domain of that project.
    pub project_domain_id: Option<&'a str>,
    /// The domain of a domain-scoped token.
    pub domain_id: Option<&'a str>,
    /// `all` for a system-scoped token.
    pub system_scope: Option<&'a str>,
    /// Names of the token's roles, implied ones included.
    pub roles: &'a [&'a str],
    /// False only when `[resource] admin_project_name` is configured and the token's project is
    /// another one. Policy sees false for every domain-scoped token.
    pub is_admin_project: bool,
    /// What only policies that look into the token itself read.
    pub token: TokenAttributes<'a>,
}

/// Parts of the rendered token beyond the ids in [`Credentials`]. A part left `None` is missing,
/// and a check on it does not hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenAttributes<'a> {
    /// `token.user.name`
    pub user_name: Option<&'a str>,
    /// `token.user.domain.name`
    pub user_domain_name: Option<&'a str>,
    /// `token.project.name`
    pub project_name: Option<&'a str>,
    /// `token.project.domain.name`
    pub project_domain_name: Option<&'a str>,
    /// `token.is_domain`, present in project-scoped tokens without a trust.
    pub is_domain: Option<bool>,
    /// `token.domain.name`
    pub domain_name: Option<&'a str>,
    /// `token.methods`
    pub methods: &'a [&'a str],
    /// `token.application_credential.id`
    pub application_credential_id: Option<&'a str>,
    /// `token.user.OS-FEDERATION.identity_provider.id`
    pub identity_provider_id: Option<&'a str>,
    /// `token.user.OS-FEDERATION.protocol.id`
    pub protocol_id: Option<&'a str>,
}

impl Default for Credentials<'_> {
    /// A caller without user, scope or roles.
    fn default() -> Self {
        Self {
            is_admin: false,
            user_id: None,
            user_domain_id: None,
            project_id: None,
            project_domain_id: None,
            domain_id: None,
            system_scope: None,
            roles: &[],
            is_admin_project: true,
            token: TokenAttributes::default(),
        }
    }
}

impl Credentials<'_> {
    /// The scope that is compared with a rule's scope types. As in oslo.policy, an unscoped token
    /// counts as a project's.
    pub(super) fn scope(&self) -> Scope {
        if self.system_scope.is_some_and(|scope| !scope.is_empty()) {
            Scope::System
        } else if self.domain_id.is_some_and(|domain| !domain.is_empty()) {
            Scope::Domain
        } else {
            Scope::Project
        }
    }
}

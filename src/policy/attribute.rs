//! The left side of a check: which attribute of the caller it reads.

use super::credentials::Credentials;

/// An attribute of the credentials Keystone hands to oslo.policy: the fields of oslo.context plus
/// the rendered token below `token.`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attribute {
    UserId,
    UserDomainId,
    ProjectId,
    ProjectDomainId,
    DomainId,
    SystemScope,
    /// `system`: like `system_scope`, but missing rather than `None` without system scope.
    System,
    IsAdminProject,
    Roles,
    TokenUserId,
    TokenUserName,
    TokenUserDomainId,
    TokenUserDomainName,
    TokenProjectId,
    TokenProjectName,
    TokenProjectDomainId,
    TokenProjectDomainName,
    TokenIsDomain,
    TokenDomainId,
    TokenDomainName,
    TokenSystemAll,
    TokenMethods,
    TokenApplicationCredentialId,
    TokenIdentityProviderId,
    TokenProtocolId,
    /// A name the credentials never hold, such as `is_admin`: its check never holds.
    Absent,
}

/// Why a path cannot be an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PathError {
    /// Neither a literal nor dotted names.
    Malformed,
    /// Keystone could evaluate it and this crate cannot. Refused rather than taken as absent,
    /// because below a `not` an absent attribute would allow.
    Unsupported,
}

/// What an attribute holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held<'a> {
    /// No such key: nothing matches, not even `None`.
    Nothing,
    One(&'a str),
    /// A list matches when one of its items does.
    Many(&'a [&'a str]),
}

impl Attribute {
    /// The attribute at a dotted path.
    pub(super) fn from_path(path: &str) -> Result<Self, PathError> {
        if !path.split('.').all(is_name) {
            return Err(PathError::Malformed);
        }
        Ok(match path {
            "user_id" => Self::UserId,
            "user_domain_id" => Self::UserDomainId,
            "project_id" => Self::ProjectId,
            "project_domain_id" => Self::ProjectDomainId,
            "domain_id" => Self::DomainId,
            "system_scope" => Self::SystemScope,
            "system" => Self::System,
            "is_admin_project" => Self::IsAdminProject,
            "roles" | "token.roles.name" => Self::Roles,
            "token.user.id" => Self::TokenUserId,
            "token.user.name" => Self::TokenUserName,
            "token.user.domain.id" => Self::TokenUserDomainId,
            "token.user.domain.name" => Self::TokenUserDomainName,
            "token.project.id" => Self::TokenProjectId,
            "token.project.name" => Self::TokenProjectName,
            "token.project.domain.id" => Self::TokenProjectDomainId,
            "token.project.domain.name" => Self::TokenProjectDomainName,
            "token.is_domain" => Self::TokenIsDomain,
            "token.domain.id" => Self::TokenDomainId,
            "token.domain.name" => Self::TokenDomainName,
            "token.system.all" => Self::TokenSystemAll,
            "token.methods" => Self::TokenMethods,
            "token.application_credential.id" => Self::TokenApplicationCredentialId,
            "token.user.OS-FEDERATION.identity_provider.id" => Self::TokenIdentityProviderId,
            "token.user.OS-FEDERATION.protocol.id" => Self::TokenProtocolId,
            // Keystone fills the service_ attributes from request headers it does not check, so
            // there is nothing trustworthy to read.
            _ if path == "token" || path.starts_with("token.") || path.starts_with("service_") => {
                return Err(PathError::Unsupported);
            }
            _ => Self::Absent,
        })
    }

    /// What `credentials` hold here. Fields of oslo.context are `None` when unset; parts of the
    /// token are missing when unset.
    pub(super) fn read<'a>(self, credentials: &Credentials<'a>) -> Held<'a> {
        let token = &credentials.token;
        match self {
            Self::UserId => context(credentials.user_id),
            Self::UserDomainId => context(credentials.user_domain_id),
            Self::ProjectId => context(credentials.project_id),
            Self::ProjectDomainId => context(credentials.project_domain_id),
            Self::DomainId => context(credentials.domain_id),
            Self::SystemScope => context(credentials.system_scope),
            Self::System => part(credentials.system_scope),
            Self::IsAdminProject => {
                Held::One(python_bool(credentials.is_admin_project && credentials.domain_id.is_none()))
            }
            Self::Roles => Held::Many(credentials.roles),
            Self::TokenUserId => part(credentials.user_id),
            Self::TokenUserName => part(token.user_name),
            Self::TokenUserDomainId => part(credentials.user_domain_id),
            Self::TokenUserDomainName => part(token.user_domain_name),
            Self::TokenProjectId => part(credentials.project_id),
            Self::TokenProjectName => part(token.project_name),
            Self::TokenProjectDomainId => part(credentials.project_domain_id),
            Self::TokenProjectDomainName => part(token.project_domain_name),
            Self::TokenIsDomain => part(token.is_domain.map(python_bool)),
            Self::TokenDomainId => part(credentials.domain_id),
            Self::TokenDomainName => part(token.domain_name),
            Self::TokenSystemAll => part(credentials.system_scope.map(|_| python_bool(true))),
            Self::TokenMethods => Held::Many(token.methods),
            Self::TokenApplicationCredentialId => part(token.application_credential_id),
            Self::TokenIdentityProviderId => part(token.identity_provider_id),
            Self::TokenProtocolId => part(token.protocol_id),
            Self::Absent => Held::Nothing,
        }
    }
}

/// What Python's `str()` makes of a boolean.
pub(super) fn python_bool(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

fn context(value: Option<&str>) -> Held<'_> {
    Held::One(value.unwrap_or("None"))
}

fn part(value: Option<&str>) -> Held<'_> {
    value.map_or(Held::Nothing, Held::One)
}

fn is_name(segment: &str) -> bool {
    segment.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && segment.chars().all(|rest| rest.is_alphanumeric() || matches!(rest, '_' | '-'))
}

#[cfg(test)]
mod tests {
    use super::super::credentials::TokenAttributes;
    use super::*;

    #[test]
    fn each_path_reads_its_own_part_of_the_credentials() {
        let credentials = Credentials {
            user_id: Some("user"),
            user_domain_id: Some("user domain"),
            project_id: Some("project"),
            project_domain_id: Some("project domain"),
            domain_id: Some("domain"),
            system_scope: Some("all"),
            roles: &["role"],
            token: TokenAttributes {
                user_name: Some("user name"),
                user_domain_name: Some("user domain name"),
                project_name: Some("project name"),
                project_domain_name: Some("project domain name"),
                is_domain: Some(false),
                domain_name: Some("domain name"),
                methods: &["method"],
                application_credential_id: Some("application credential"),
                identity_provider_id: Some("identity provider"),
                protocol_id: Some("protocol"),
            },
            ..Credentials::default()
        };
        for (path, held) in [
            ("user_id", Held::One("user")),
            ("user_domain_id", Held::One("user domain")),
            ("project_id", Held::One("project")),
            ("project_domain_id", Held::One("project domain")),
            ("domain_id", Held::One("domain")),
            ("system_scope", Held::One("all")),
            ("system", Held::One("all")),
            ("is_admin_project", Held::One("False")),
            ("roles", Held::Many(&["role"])),
            ("token.roles.name", Held::Many(&["role"])),
            ("token.user.id", Held::One("user")),
            ("token.user.name", Held::One("user name")),
            ("token.user.domain.id", Held::One("user domain")),
            ("token.user.domain.name", Held::One("user domain name")),
            ("token.project.id", Held::One("project")),
            ("token.project.name", Held::One("project name")),
            ("token.project.domain.id", Held::One("project domain")),
            ("token.project.domain.name", Held::One("project domain name")),
            ("token.is_domain", Held::One("False")),
            ("token.domain.id", Held::One("domain")),
            ("token.domain.name", Held::One("domain name")),
            ("token.system.all", Held::One("True")),
            ("token.methods", Held::Many(&["method"])),
            ("token.application_credential.id", Held::One("application credential")),
            ("token.user.OS-FEDERATION.identity_provider.id", Held::One("identity provider")),
            ("token.user.OS-FEDERATION.protocol.id", Held::One("protocol")),
            ("is_admin", Held::Nothing),
        ] {
            assert_eq!(Attribute::from_path(path).unwrap().read(&credentials), held, "{path}");
        }
    }

    #[test]
    fn a_path_keystone_has_and_we_lack_is_refused() {
        for path in ["token.catalog.type", "token.expires_at", "service_roles", "token"] {
            assert_eq!(Attribute::from_path(path), Err(PathError::Unsupported), "{path}");
        }
    }

    #[test]
    fn a_path_that_is_no_dotted_name_is_malformed() {
        for path in ["", ".", "a..b", "1a", "a b", "'a", "[1]", "a.-b"] {
            assert_eq!(Attribute::from_path(path), Err(PathError::Malformed), "{path}");
        }
    }

    #[test]
    fn an_unset_context_field_is_none_and_an_unset_token_part_is_missing() {
        let unscoped = Credentials::default();
        assert_eq!(Attribute::DomainId.read(&unscoped), Held::One("None"));
        assert_eq!(Attribute::TokenDomainId.read(&unscoped), Held::Nothing);
    }
}

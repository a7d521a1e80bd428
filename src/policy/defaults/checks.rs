//! The checks of the built-in rules, named by whom they let through.
//!
//! Facts of Keystone 30.0.0, whose policy files refer to them by rule name.

/// Any authenticated caller.
pub(super) const ANY_TOKEN: &str = "";

/// Admins.
pub(super) const ADMIN: &str = "rule:admin_required";

/// Admins, and readers of the system.
pub(super) const ADMIN_OR_SYSTEM_READER: &str = "rule:admin_required or (role:reader and system_scope:all)";

/// Services and admins.
pub(super) const SERVICE_OR_ADMIN: &str = "rule:service_or_admin";

/// The user in the path.
pub(super) const OWNER: &str = "user_id:%(user_id)s";

/// Admins, and the user in the path.
pub(super) const ADMIN_OR_OWNER: &str = "rule:admin_or_owner";

/// Admins, and managers of the domain the project is in.
pub(super) const PROJECT_MANAGER: &str = "(rule:admin_required) or (role:manager and domain_id:%(target.project.domain_id)s and not \
    None:%(target.project.domain_id)s)";

/// Admins, readers of the system or of the project's domain, and tokens of the project.
pub(super) const PROJECT_READER: &str = "(rule:admin_required) or (role:reader and system_scope:all) \
    or (role:reader and domain_id:%(target.project.domain_id)s and not \
    None:%(target.project.domain_id)s) or project_id:%(target.project.id)s";

/// Admins, and readers of the system or of the group's domain.
pub(super) const GROUP_READER: &str = "(rule:admin_required) or (role:reader and system_scope:all) \
    or (role:reader and domain_id:%(target.group.domain_id)s)";

/// Admins, and managers of the group's domain.
pub(super) const GROUP_MANAGER: &str =
    "(rule:admin_required) or (role:manager and domain_id:%(target.group.domain_id)s)";

/// Admins, and readers of the system or of the one domain of group and user.
pub(super) const MEMBERSHIP_READER: &str = "(rule:admin_required) or (role:reader and system_scope:all) \
    or (role:reader and domain_id:%(target.group.domain_id)s and \
    domain_id:%(target.user.domain_id)s)";

/// Admins, and managers of the one domain of group and user.
pub(super) const MEMBERSHIP_MANAGER: &str = "(rule:admin_required) or (role:manager and domain_id:%(target.group.domain_id)s and \
    domain_id:%(target.user.domain_id)s)";

/// Admins, and managers of the user's domain.
pub(super) const USER_MANAGER: &str =
    "(rule:admin_required) or (role:manager and token.domain.id:%(target.user.domain_id)s)";

/// Admins, readers of the system, and the user the credential belongs to.
pub(super) const CREDENTIAL_READER: &str = "(rule:admin_required) or (role:reader and system_scope:all) \
    or user_id:%(target.credential.user_id)s";

/// Admins, and the user the credential belongs to.
pub(super) const CREDENTIAL_OWNER: &str = "(rule:admin_required) or user_id:%(target.credential.user_id)s";

/// Admins, and members the credential belongs to.
pub(super) const EC2_MEMBER: &str =
    "(rule:admin_required) or (role:member and user_id:%(target.credential.user_id)s)";

/// Admins, readers of the system, and the user in the path.
pub(super) const OWNER_READER: &str =
    "(rule:admin_required) or (role:reader and system_scope:all) or rule:owner";

/// Admins, readers of the system, trustor and trustee.
pub(super) const TRUST_PARTY: &str = "(rule:admin_required) or (role:reader and system_scope:all \
    or user_id:%(target.trust.trustor_user_id)s \
    or user_id:%(target.trust.trustee_user_id)s)";

/// Admins, and readers of the system or of the token's own domain.
pub(super) const DOMAIN_READER: &str = "(rule:admin_required) or (role:reader and system_scope:all) \
    or (role:reader and domain_id:%(target.domain_id)s)";

/// Admins, and readers of the system or of the domain in question.
pub(super) const ASSIGNMENT_READER: &str = "(rule:admin_required) or (role:reader and system_scope:all) \
    or (role:reader and domain_id:%(target.domain_id)s and not None:%(target.domain_id)s)";

/// Readers of the system, and the user the rule belongs to.
pub(super) const ACCESS_RULE_READER: &str =
    "(role:reader and system_scope:all) or user_id:%(target.user.id)s";

/// Admins; admins of the one domain of both sides, for global roles and the domain's own; its
/// managers, for the three roles they manage.
pub(super) const GRANT_WRITER: &str = "(rule:admin_required) or ((role:admin and domain_id:%(target.user.domain_id)s and \
    domain_id:%(target.project.domain_id)s) or (role:admin and \
    domain_id:%(target.user.domain_id)s and domain_id:%(target.domain.id)s) \
    or (role:admin and domain_id:%(target.group.domain_id)s and \
    domain_id:%(target.project.domain_id)s) or (role:admin and \
    domain_id:%(target.group.domain_id)s and domain_id:%(target.domain.id)s)) and \
    (domain_id:%(target.role.domain_id)s or None:%(target.role.domain_id)s) \
    or ((role:manager and domain_id:%(target.user.domain_id)s and \
    domain_id:%(target.project.domain_id)s) or (role:manager and \
    domain_id:%(target.user.domain_id)s and domain_id:%(target.domain.id)s) \
    or (role:manager and domain_id:%(target.group.domain_id)s and \
    domain_id:%(target.project.domain_id)s) or (role:manager and \
    domain_id:%(target.group.domain_id)s and domain_id:%(target.domain.id)s)) and \
    rule:domain_managed_target_role";

/// Admins, readers of the system, and readers of the one domain of both sides for its roles.
pub(super) const GRANT_CHECKER: &str = "(rule:admin_required) or ((role:reader and system_scope:all) \
    or ((role:reader and domain_id:%(target.user.domain_id)s and \
    domain_id:%(target.project.domain_id)s) or (role:reader and \
    domain_id:%(target.user.domain_id)s and domain_id:%(target.domain.id)s) \
    or (role:reader and domain_id:%(target.group.domain_id)s and \
    domain_id:%(target.project.domain_id)s) or (role:reader and \
    domain_id:%(target.group.domain_id)s and domain_id:%(target.domain.id)s)) and \
    (domain_id:%(target.role.domain_id)s or None:%(target.role.domain_id)s))";

/// Admins, readers of the system, and readers of the one domain of both sides.
pub(super) const GRANT_READER: &str = "(rule:admin_required) or ((role:reader and system_scope:all) \
    or (role:reader and domain_id:%(target.user.domain_id)s and \
    domain_id:%(target.project.domain_id)s) or (role:reader and \
    domain_id:%(target.user.domain_id)s and domain_id:%(target.domain.id)s) \
    or (role:reader and domain_id:%(target.group.domain_id)s and \
    domain_id:%(target.project.domain_id)s) or (role:reader and \
    domain_id:%(target.group.domain_id)s and domain_id:%(target.domain.id)s))";

/// Deprecated: admins, and tokens of the project.
pub(super) const ADMIN_OR_OWN_PROJECT: &str = "rule:admin_required or project_id:%(target.project.id)s";

/// Deprecated: trustor and trustee.
pub(super) const TRUSTOR_OR_TRUSTEE: &str =
    "user_id:%(target.trust.trustor_user_id)s or user_id:%(target.trust.trustee_user_id)s";

/// Deprecated: admins, and the user in the path whose credential it is.
pub(super) const ADMIN_OR_EC2_OWNER: &str =
    "rule:admin_required or (rule:owner and user_id:%(target.credential.user_id)s)";

/// Deprecated: admins, and the user the token speaks for.
pub(super) const ADMIN_OR_TOKEN_SUBJECT: &str = "rule:admin_or_token_subject";

/// The rules other rules refer to: name and check.
pub(in crate::policy) const BASE_RULES: &[(&str, &str)] = &[
    ("admin_required", "role:admin or is_admin:1"),
    ("service_role", "role:service"),
    ("service_or_admin", "rule:admin_required or rule:service_role"),
    ("owner", "user_id:%(user_id)s"),
    ("admin_or_owner", "rule:admin_required or rule:owner"),
    ("token_subject", "user_id:%(target.token.user_id)s"),
    ("admin_or_token_subject", "rule:admin_required or rule:token_subject"),
    ("service_admin_or_token_subject", "rule:service_or_admin or rule:token_subject"),
    (
        "domain_managed_target_role",
        "'manager':%(target.role.name)s or 'member':%(target.role.name)s \
        or 'reader':%(target.role.name)s",
    ),
];

//! The rules requests are checked against, with Keystone 30.0.0's checks, scope types and deprecated checks.

mod checks;

pub(super) use checks::BASE_RULES;

use checks::*;

/// What a token is scoped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The whole deployment.
    System,
    /// A domain.
    Domain,
    /// A project; unscoped tokens count as this.
    Project,
}

impl Scope {
    /// Its name in Keystone's definitions of rules.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Domain => "domain",
            Self::Project => "project",
        }
    }
}

/// Rules without scope types take tokens of every scope.
const EVERY: &[Scope] = &[];
const ALL: &[Scope] = &[Scope::System, Scope::Domain, Scope::Project];
const NOT_DOMAIN: &[Scope] = &[Scope::System, Scope::Project];
const PROJECT: &[Scope] = &[Scope::Project];

struct Definition {
    name: &'static str,
    scope_types: &'static [Scope],
    check: &'static str,
    /// The check of older releases, where it was another.
    deprecated_check: Option<&'static str>,
}

/// One row a rule: the enum and the table of definitions cannot drift apart.
macro_rules! rules {
    ($($rule:ident = $name:literal, $scope_types:expr, $check:expr $(, $deprecated:expr)?;)+) => {
        /// A rule that requests are checked against.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum Rule {
            $(#[doc = concat!("`", $name, "`")] $rule,)+
        }

        impl Rule {
            /// Every rule, in the order of their indexes.
            pub const ALL: &'static [Rule] = &[$(Rule::$rule,)+];

            fn definition(self) -> Definition {
                match self {
                    $(Rule::$rule => {
                        const DEPRECATED: &[&str] = &[$($deprecated)?];
                        Definition {
                            name: $name,
                            scope_types: $scope_types,
                            check: $check,
                            deprecated_check: DEPRECATED.first().copied(),
                        }
                    })+
                }
            }
        }
    };
}

impl Rule {
    /// The name in policy files, such as `identity:get_user`.
    pub fn name(self) -> &'static str {
        self.definition().name
    }

    /// The scopes a token may have; empty when any will do.
    pub fn scope_types(self) -> &'static [Scope] {
        self.definition().scope_types
    }

    /// The check in force without a policy file.
    pub(super) fn default_check(self) -> &'static str {
        self.definition().check
    }

    /// The check that lets through besides, while `policy.enforce_new_defaults` is off.
    pub(super) fn deprecated_check(self) -> Option<&'static str> {
        self.definition().deprecated_check
    }
}

rules! {
    GetAccessRule = "identity:get_access_rule", NOT_DOMAIN, ACCESS_RULE_READER;
    ListAccessRules = "identity:list_access_rules", NOT_DOMAIN, ACCESS_RULE_READER;
    DeleteAccessRule = "identity:delete_access_rule", NOT_DOMAIN,
        "(role:admin and system_scope:all) or user_id:%(target.user.id)s";
    AuthorizeRequestToken = "identity:authorize_request_token", PROJECT, ADMIN;
    GetAccessToken = "identity:get_access_token", PROJECT, ADMIN;
    GetAccessTokenRole = "identity:get_access_token_role", PROJECT, ADMIN;
    ListAccessTokens = "identity:list_access_tokens", PROJECT, ADMIN;
    ListAccessTokenRoles = "identity:list_access_token_roles", PROJECT, ADMIN;
    DeleteAccessToken = "identity:delete_access_token", PROJECT, ADMIN;
    GetApplicationCredential = "identity:get_application_credential", NOT_DOMAIN, OWNER_READER, ADMIN_OR_OWNER;
    ListApplicationCredentials = "identity:list_application_credentials", NOT_DOMAIN, OWNER_READER, ADMIN_OR_OWNER;
    CreateApplicationCredential = "identity:create_application_credential", PROJECT, OWNER;
    DeleteApplicationCredential = "identity:delete_application_credential", NOT_DOMAIN, ADMIN_OR_OWNER;
    GetAuthCatalog = "identity:get_auth_catalog", EVERY, ANY_TOKEN;
    GetAuthProjects = "identity:get_auth_projects", EVERY, ANY_TOKEN;
    GetAuthDomains = "identity:get_auth_domains", EVERY, ANY_TOKEN;
    GetAuthSystem = "identity:get_auth_system", EVERY, ANY_TOKEN;
    GetConsumer = "identity:get_consumer", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    ListConsumers = "identity:list_consumers", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    CreateConsumer = "identity:create_consumer", NOT_DOMAIN, ADMIN;
    UpdateConsumer = "identity:update_consumer", NOT_DOMAIN, ADMIN;
    DeleteConsumer = "identity:delete_consumer", NOT_DOMAIN, ADMIN;
    GetCredential = "identity:get_credential", ALL, CREDENTIAL_READER, ADMIN;
    ListCredentials = "identity:list_credentials", ALL, CREDENTIAL_READER, ADMIN;
    CreateCredential = "identity:create_credential", ALL, CREDENTIAL_OWNER, ADMIN;
    UpdateCredential = "identity:update_credential", ALL, CREDENTIAL_OWNER, ADMIN;
    DeleteCredential = "identity:delete_credential", ALL, CREDENTIAL_OWNER, ADMIN;
    GetDomain = "identity:get_domain", ALL,
        "rule:admin_required or (role:reader and system_scope:all) \
        or token.domain.id:%(target.domain.id)s or \
        token.project.domain.id:%(target.domain.id)s",
        "rule:admin_required or token.project.domain.id:%(target.domain.id)s";
    ListDomains = "identity:list_domains", ALL,
        "rule:admin_required or (role:reader and system_scope:all) \
        or (role:reader and domain_id:%(target.domain.id)s)", ADMIN;
    CreateDomain = "identity:create_domain", NOT_DOMAIN, ADMIN;
    UpdateDomain = "identity:update_domain", NOT_DOMAIN, ADMIN;
    DeleteDomain = "identity:delete_domain", NOT_DOMAIN, ADMIN;
    CreateDomainConfig = "identity:create_domain_config", NOT_DOMAIN, ADMIN;
    GetDomainConfig = "identity:get_domain_config", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    GetSecurityComplianceDomainConfig = "identity:get_security_compliance_domain_config", ALL, ANY_TOKEN;
    UpdateDomainConfig = "identity:update_domain_config", NOT_DOMAIN, ADMIN;
    DeleteDomainConfig = "identity:delete_domain_config", NOT_DOMAIN, ADMIN;
    GetDomainConfigDefault = "identity:get_domain_config_default", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    Ec2GetCredential = "identity:ec2_get_credential", NOT_DOMAIN, CREDENTIAL_READER, ADMIN_OR_EC2_OWNER;
    Ec2ListCredentials = "identity:ec2_list_credentials", NOT_DOMAIN, OWNER_READER, ADMIN_OR_OWNER;
    Ec2CreateCredential = "identity:ec2_create_credential", NOT_DOMAIN, EC2_MEMBER, ADMIN_OR_OWNER;
    Ec2DeleteCredential = "identity:ec2_delete_credential", NOT_DOMAIN, EC2_MEMBER, ADMIN_OR_EC2_OWNER;
    GetEndpoint = "identity:get_endpoint", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    ListEndpoints = "identity:list_endpoints", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    CreateEndpoint = "identity:create_endpoint", NOT_DOMAIN, ADMIN;
    UpdateEndpoint = "identity:update_endpoint", NOT_DOMAIN, ADMIN;
    DeleteEndpoint = "identity:delete_endpoint", NOT_DOMAIN, ADMIN;
    CreateEndpointGroup = "identity:create_endpoint_group", NOT_DOMAIN, ADMIN;
    ListEndpointGroups = "identity:list_endpoint_groups", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    GetEndpointGroup = "identity:get_endpoint_group", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    UpdateEndpointGroup = "identity:update_endpoint_group", NOT_DOMAIN, ADMIN;
    DeleteEndpointGroup = "identity:delete_endpoint_group", NOT_DOMAIN, ADMIN;
    ListProjectsAssociatedWithEndpointGroup = "identity:list_projects_associated_with_endpoint_group", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    ListEndpointsAssociatedWithEndpointGroup = "identity:list_endpoints_associated_with_endpoint_group", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    GetEndpointGroupInProject = "identity:get_endpoint_group_in_project", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    ListEndpointGroupsForProject = "identity:list_endpoint_groups_for_project", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    AddEndpointGroupToProject = "identity:add_endpoint_group_to_project", NOT_DOMAIN, ADMIN;
    RemoveEndpointGroupFromProject = "identity:remove_endpoint_group_from_project", NOT_DOMAIN, ADMIN;
    CheckGrant = "identity:check_grant", ALL, GRANT_CHECKER, ADMIN;
    ListGrants = "identity:list_grants", ALL, GRANT_READER, ADMIN;
    CreateGrant = "identity:create_grant", ALL, GRANT_WRITER, ADMIN;
    RevokeGrant = "identity:revoke_grant", ALL, GRANT_WRITER, ADMIN;
    ListSystemGrantsForUser = "identity:list_system_grants_for_user", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    CheckSystemGrantForUser = "identity:check_system_grant_for_user", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    CreateSystemGrantForUser = "identity:create_system_grant_for_user", NOT_DOMAIN, ADMIN;
    RevokeSystemGrantForUser = "identity:revoke_system_grant_for_user", NOT_DOMAIN, ADMIN;
    ListSystemGrantsForGroup = "identity:list_system_grants_for_group", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    CheckSystemGrantForGroup = "identity:check_system_grant_for_group", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    CreateSystemGrantForGroup = "identity:create_system_grant_for_group", NOT_DOMAIN, ADMIN;
    RevokeSystemGrantForGroup = "identity:revoke_system_grant_for_group", NOT_DOMAIN, ADMIN;
    GetGroup = "identity:get_group", ALL, GROUP_READER, ADMIN;
    ListGroups = "identity:list_groups", ALL, GROUP_READER, ADMIN;
    ListGroupsForUser = "identity:list_groups_for_user", ALL,
        "(rule:admin_required) or (role:reader and system_scope:all) \
        or (role:reader and domain_id:%(target.user.domain_id)s) \
        or user_id:%(user_id)s", ADMIN_OR_OWNER;
    CreateGroup = "identity:create_group", ALL, GROUP_MANAGER, ADMIN;
    UpdateGroup = "identity:update_group", ALL, GROUP_MANAGER, ADMIN;
    DeleteGroup = "identity:delete_group", ALL, GROUP_MANAGER, ADMIN;
    ListUsersInGroup = "identity:list_users_in_group", ALL, GROUP_READER, ADMIN;
    RemoveUserFromGroup = "identity:remove_user_from_group", ALL, MEMBERSHIP_MANAGER, ADMIN;
    CheckUserInGroup = "identity:check_user_in_group", ALL, MEMBERSHIP_READER, ADMIN;
    AddUserToGroup = "identity:add_user_to_group", ALL, MEMBERSHIP_MANAGER, ADMIN;
    CreateIdentityProvider = "identity:create_identity_provider", NOT_DOMAIN, ADMIN;
    ListIdentityProviders = "identity:list_identity_providers", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    GetIdentityProvider = "identity:get_identity_provider", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    UpdateIdentityProvider = "identity:update_identity_provider", NOT_DOMAIN, ADMIN;
    DeleteIdentityProvider = "identity:delete_identity_provider", NOT_DOMAIN, ADMIN;
    GetImpliedRole = "identity:get_implied_role", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    ListImpliedRoles = "identity:list_implied_roles", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    CreateImpliedRole = "identity:create_implied_role", NOT_DOMAIN, ADMIN;
    DeleteImpliedRole = "identity:delete_implied_role", NOT_DOMAIN, ADMIN;
    ListRoleInferenceRules = "identity:list_role_inference_rules", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    CheckImpliedRole = "identity:check_implied_role", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    GetLimitModel = "identity:get_limit_model", ALL, ANY_TOKEN;
    GetLimit = "identity:get_limit", ALL,
        "rule:admin_required or (role:reader and system_scope:all) \
        or (domain_id:%(target.limit.domain.id)s \
        or domain_id:%(target.limit.project.domain_id)s) \
        or (project_id:%(target.limit.project_id)s and not None:%(target.limit.project_id)s)";
    ListLimits = "identity:list_limits", ALL, ANY_TOKEN;
    CreateLimits = "identity:create_limits", NOT_DOMAIN, ADMIN;
    UpdateLimit = "identity:update_limit", NOT_DOMAIN, ADMIN;
    DeleteLimit = "identity:delete_limit", NOT_DOMAIN, ADMIN;
    CreateMapping = "identity:create_mapping", NOT_DOMAIN, ADMIN;
    GetMapping = "identity:get_mapping", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    ListMappings = "identity:list_mappings", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    DeleteMapping = "identity:delete_mapping", NOT_DOMAIN, ADMIN;
    UpdateMapping = "identity:update_mapping", NOT_DOMAIN, ADMIN;
    GetPolicy = "identity:get_policy", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    ListPolicies = "identity:list_policies", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    CreatePolicy = "identity:create_policy", NOT_DOMAIN, ADMIN;
    UpdatePolicy = "identity:update_policy", NOT_DOMAIN, ADMIN;
    DeletePolicy = "identity:delete_policy", NOT_DOMAIN, ADMIN;
    CreatePolicyAssociationForEndpoint = "identity:create_policy_association_for_endpoint", NOT_DOMAIN, ADMIN;
    CheckPolicyAssociationForEndpoint = "identity:check_policy_association_for_endpoint", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    DeletePolicyAssociationForEndpoint = "identity:delete_policy_association_for_endpoint", NOT_DOMAIN, ADMIN;
    CreatePolicyAssociationForService = "identity:create_policy_association_for_service", NOT_DOMAIN, ADMIN;
    CheckPolicyAssociationForService = "identity:check_policy_association_for_service", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    DeletePolicyAssociationForService = "identity:delete_policy_association_for_service", NOT_DOMAIN, ADMIN;
    CreatePolicyAssociationForRegionAndService = "identity:create_policy_association_for_region_and_service", NOT_DOMAIN, ADMIN;
    CheckPolicyAssociationForRegionAndService = "identity:check_policy_association_for_region_and_service", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    DeletePolicyAssociationForRegionAndService = "identity:delete_policy_association_for_region_and_service", NOT_DOMAIN, ADMIN;
    GetPolicyForEndpoint = "identity:get_policy_for_endpoint", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    ListEndpointsForPolicy = "identity:list_endpoints_for_policy", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    GetProject = "identity:get_project", ALL, PROJECT_READER, ADMIN_OR_OWN_PROJECT;
    ListProjects = "identity:list_projects", ALL, DOMAIN_READER, ADMIN;
    ListUserProjects = "identity:list_user_projects", ALL,
        "(rule:admin_required) or (role:reader and system_scope:all) \
        or (role:reader and domain_id:%(target.user.domain_id)s) \
        or user_id:%(target.user.id)s", ADMIN_OR_OWNER;
    CreateProject = "identity:create_project", ALL, PROJECT_MANAGER, ADMIN;
    UpdateProject = "identity:update_project", ALL, PROJECT_MANAGER, ADMIN;
    DeleteProject = "identity:delete_project", ALL, PROJECT_MANAGER, ADMIN;
    ListProjectTags = "identity:list_project_tags", ALL, PROJECT_READER, ADMIN_OR_OWN_PROJECT;
    GetProjectTag = "identity:get_project_tag", ALL, PROJECT_READER, ADMIN_OR_OWN_PROJECT;
    UpdateProjectTags = "identity:update_project_tags", ALL, PROJECT_MANAGER, ADMIN;
    CreateProjectTag = "identity:create_project_tag", ALL, PROJECT_MANAGER, ADMIN;
    DeleteProjectTags = "identity:delete_project_tags", ALL, PROJECT_MANAGER, ADMIN;
    DeleteProjectTag = "identity:delete_project_tag", ALL, PROJECT_MANAGER, ADMIN;
    ListProjectsForEndpoint = "identity:list_projects_for_endpoint", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    AddEndpointToProject = "identity:add_endpoint_to_project", NOT_DOMAIN, ADMIN;
    CheckEndpointInProject = "identity:check_endpoint_in_project", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    ListEndpointsForProject = "identity:list_endpoints_for_project", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    RemoveEndpointFromProject = "identity:remove_endpoint_from_project", NOT_DOMAIN, ADMIN;
    CreateProtocol = "identity:create_protocol", NOT_DOMAIN, ADMIN;
    UpdateProtocol = "identity:update_protocol", NOT_DOMAIN, ADMIN;
    GetProtocol = "identity:get_protocol", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    ListProtocols = "identity:list_protocols", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    DeleteProtocol = "identity:delete_protocol", NOT_DOMAIN, ADMIN;
    GetRegion = "identity:get_region", ALL, ANY_TOKEN;
    ListRegions = "identity:list_regions", ALL, ANY_TOKEN;
    CreateRegion = "identity:create_region", NOT_DOMAIN, ADMIN;
    UpdateRegion = "identity:update_region", NOT_DOMAIN, ADMIN;
    DeleteRegion = "identity:delete_region", NOT_DOMAIN, ADMIN;
    GetRegisteredLimit = "identity:get_registered_limit", ALL, ANY_TOKEN;
    ListRegisteredLimits = "identity:list_registered_limits", ALL, ANY_TOKEN;
    CreateRegisteredLimits = "identity:create_registered_limits", NOT_DOMAIN, ADMIN;
    UpdateRegisteredLimit = "identity:update_registered_limit", NOT_DOMAIN, ADMIN;
    DeleteRegisteredLimit = "identity:delete_registered_limit", NOT_DOMAIN, ADMIN;
    ListRevokeEvents = "identity:list_revoke_events", NOT_DOMAIN, SERVICE_OR_ADMIN;
    GetRole = "identity:get_role", ALL,
        "(rule:admin_required or (role:reader and system_scope:all)) \
        or (role:manager and rule:domain_managed_target_role)", ADMIN;
    ListRoles = "identity:list_roles", ALL,
        "(rule:admin_required or (role:reader and system_scope:all)) \
        or (role:manager and not domain_id:None)", ADMIN;
    CreateRole = "identity:create_role", NOT_DOMAIN, ADMIN;
    UpdateRole = "identity:update_role", NOT_DOMAIN, ADMIN;
    DeleteRole = "identity:delete_role", NOT_DOMAIN, ADMIN;
    GetDomainRole = "identity:get_domain_role", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    ListDomainRoles = "identity:list_domain_roles", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    CreateDomainRole = "identity:create_domain_role", NOT_DOMAIN, ADMIN;
    UpdateDomainRole = "identity:update_domain_role", NOT_DOMAIN, ADMIN;
    DeleteDomainRole = "identity:delete_domain_role", NOT_DOMAIN, ADMIN;
    ListRoleAssignments = "identity:list_role_assignments", ALL, ASSIGNMENT_READER, ADMIN;
    ListRoleAssignmentsForTree = "identity:list_role_assignments_for_tree", ALL, ASSIGNMENT_READER, ADMIN;
    S3tokensValidate = "identity:s3tokens_validate", ALL, SERVICE_OR_ADMIN;
    Ec2tokensValidate = "identity:ec2tokens_validate", ALL, SERVICE_OR_ADMIN;
    GetService = "identity:get_service", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    ListServices = "identity:list_services", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    CreateService = "identity:create_service", NOT_DOMAIN, ADMIN;
    UpdateService = "identity:update_service", NOT_DOMAIN, ADMIN;
    DeleteService = "identity:delete_service", NOT_DOMAIN, ADMIN;
    CreateServiceProvider = "identity:create_service_provider", NOT_DOMAIN, ADMIN;
    ListServiceProviders = "identity:list_service_providers", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    GetServiceProvider = "identity:get_service_provider", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    UpdateServiceProvider = "identity:update_service_provider", NOT_DOMAIN, ADMIN;
    DeleteServiceProvider = "identity:delete_service_provider", NOT_DOMAIN, ADMIN;
    RevocationList = "identity:revocation_list", NOT_DOMAIN, SERVICE_OR_ADMIN;
    CheckToken = "identity:check_token", ALL,
        "rule:admin_required or (role:reader and system_scope:all) or rule:token_subject", ADMIN_OR_TOKEN_SUBJECT;
    ValidateToken = "identity:validate_token", ALL,
        "rule:admin_required or (role:reader and system_scope:all) \
        or rule:service_role or rule:token_subject",
        "rule:service_admin_or_token_subject";
    RevokeToken = "identity:revoke_token", ALL,
        "rule:admin_required or rule:token_subject", ADMIN_OR_TOKEN_SUBJECT;
    CreateTrust = "identity:create_trust", PROJECT,
        "user_id:%(target.trust.trustor_user_id)s";
    ListTrusts = "identity:list_trusts", NOT_DOMAIN, ADMIN_OR_SYSTEM_READER, ADMIN;
    ListTrustsForTrustor = "identity:list_trusts_for_trustor", NOT_DOMAIN,
        "(rule:admin_required) or (role:reader and system_scope:all \
        or user_id:%(target.trust.trustor_user_id)s)";
    ListTrustsForTrustee = "identity:list_trusts_for_trustee", NOT_DOMAIN,
        "(rule:admin_required) or (role:reader and system_scope:all \
        or user_id:%(target.trust.trustee_user_id)s)";
    ListRolesForTrust = "identity:list_roles_for_trust", NOT_DOMAIN, TRUST_PARTY, TRUSTOR_OR_TRUSTEE;
    GetRoleForTrust = "identity:get_role_for_trust", NOT_DOMAIN, TRUST_PARTY, TRUSTOR_OR_TRUSTEE;
    DeleteTrust = "identity:delete_trust", NOT_DOMAIN,
        "rule:admin_required or user_id:%(target.trust.trustor_user_id)s",
        "user_id:%(target.trust.trustor_user_id)s";
    GetTrust = "identity:get_trust", NOT_DOMAIN, TRUST_PARTY, TRUSTOR_OR_TRUSTEE;
    GetUser = "identity:get_user", ALL,
        "(rule:admin_required) or (role:reader and system_scope:all) \
        or (role:reader and token.domain.id:%(target.user.domain_id)s) \
        or user_id:%(target.user.id)s", ADMIN_OR_OWNER;
    ListUsers = "identity:list_users", ALL, DOMAIN_READER, ADMIN;
    ListProjectsForUser = "identity:list_projects_for_user", EVERY, ANY_TOKEN;
    ListDomainsForUser = "identity:list_domains_for_user", EVERY, ANY_TOKEN;
    CreateUser = "identity:create_user", ALL, USER_MANAGER, ADMIN;
    UpdateUser = "identity:update_user", ALL, USER_MANAGER, ADMIN;
    DeleteUser = "identity:delete_user", ALL, USER_MANAGER, ADMIN;
    RevokeTokensForUser = "identity:revoke_tokens_for_user", ALL, ADMIN_OR_OWNER;
}

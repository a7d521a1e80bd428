//! From the scope that a client asks for to the one its token gets.

use std::sync::Arc;

use keyraft_proto::identity::{Project, User};

use super::request::{Named, NamedDomain, RequestedScope};
use crate::config::{Resource, UrlSafeNames};
use crate::http::ApiError;
use crate::resource::is_url_safe;
use crate::state::State;
use crate::token::model::TokenScope;
use crate::token::validate::{enabled_project, roles_in};

const UNKNOWN_SCOPE: ApiError = ApiError::Unauthorized("the scope is unknown or disabled");

/// The domain that a client named, enabled or not.
#[must_use]
pub fn find_domain<'a>(state: &'a State, domain: &NamedDomain) -> Option<&'a Arc<Project>> {
    match domain {
        NamedDomain::Id(id) => state.resource.domain(id),
        NamedDomain::Name(name) => state.resource.domain_by_name(name),
        NamedDomain::Nothing => None,
    }
}

/// The scope that was asked for; none if the client leaves it to the server.
///
/// # Errors
/// 400 when the request does not name one scope; 401 when the project or domain is unknown or disabled, or a trust
/// is named that does not exist.
pub fn resolve(
    state: &State,
    options: &Resource,
    asked: &RequestedScope,
) -> Result<Option<TokenScope>, ApiError> {
    match asked {
        RequestedScope::Absent => Ok(None),
        RequestedScope::Unscoped => Ok(Some(TokenScope::Unscoped)),
        RequestedScope::System => Ok(Some(TokenScope::System)),
        RequestedScope::Trust(id) if id.is_empty() => {
            Err(ApiError::malformed("Expecting to find trust_id in trust"))
        }
        RequestedScope::Trust(_) => Err(ApiError::Unauthorized("the trust is unknown")),
        RequestedScope::Domain(named) => {
            let domain = scope_domain(state, options, named)?;
            Ok(Some(TokenScope::Domain(Arc::clone(domain))))
        }
        RequestedScope::Project(named) => scope_project(state, options, named).map(Some),
        RequestedScope::Malformed => Err(ApiError::malformed(
            "Expecting to find system, project, domain, OS-TRUST:trust or unscoped in scope",
        )),
    }
}

fn scope_domain<'a>(
    state: &'a State,
    options: &Resource,
    named: &NamedDomain,
) -> Result<&'a Arc<Project>, ApiError> {
    if let NamedDomain::Name(name) = named {
        check_name(options.domain_name_url_safe, name)?;
    }
    find_domain(state, named).filter(|domain| domain.enabled).ok_or(UNKNOWN_SCOPE)
}

fn scope_project(state: &State, options: &Resource, named: &Named) -> Result<TokenScope, ApiError> {
    let id = match named {
        Named::Id(id) => id,
        Named::Name { name, domain } => {
            check_name(options.project_name_url_safe, name)?;
            let domain =
                domain.as_ref().ok_or_else(|| ApiError::malformed("Expecting to find domain in project"))?;
            let domain = scope_domain(state, options, domain)?;
            &state.resource.project_by_name(&domain.id, name).ok_or(UNKNOWN_SCOPE)?.id
        }
        Named::Nothing => return Err(UNKNOWN_SCOPE),
    };
    // A domain is scoped to as a domain, never as the project that it also is.
    let is_project = state.resource.projects.get(id.as_str()).is_some_and(|project| !project.is_domain);
    enabled_project(state, id).filter(|_| is_project).ok_or(UNKNOWN_SCOPE)
}

fn check_name(rule: UrlSafeNames, name: &str) -> Result<(), ApiError> {
    if rule == UrlSafeNames::Strict && !is_url_safe(name) {
        return Err(ApiError::Unauthorized("the name holds characters that a URL reserves"));
    }
    Ok(())
}

/// The scope of a log-in that asks for none: the user's default project, if the user has a role there.
#[must_use]
pub fn default_scope(state: &State, user: &User) -> TokenScope {
    user.default_project_id
        .as_deref()
        .and_then(|id| enabled_project(state, id))
        .filter(|scope| !roles_in(state, &user.id, scope).is_empty())
        .unwrap_or(TokenScope::Unscoped)
}

#[cfg(test)]
mod tests {
    use keyraft_proto::identity::{TargetKind, UpdateProject, UpdateUser, command::Kind};

    use super::*;
    use crate::state::fixture::Deployment;

    fn resolved(deployment: &Deployment, asked: RequestedScope) -> Result<TokenScope, String> {
        resolve(&deployment.state, &Resource::default(), &asked)
            .map(Option::unwrap)
            .map_err(|error| error.to_string())
    }

    fn project(name: &str, domain: Option<NamedDomain>) -> RequestedScope {
        RequestedScope::Project(Named::Name { name: name.into(), domain })
    }

    const UNKNOWN: &str = "unauthorized: the scope is unknown or disabled";

    #[test]
    fn a_project_is_found_by_id_and_by_name_in_its_domain() {
        let deployment = Deployment::small();
        let by_domain_id = project("project p", Some(NamedDomain::Id("default".into())));
        let by_domain_name = project("project p", Some(NamedDomain::Name("domain default".into())));
        for asked in [RequestedScope::Project(Named::Id("p".into())), by_domain_id, by_domain_name] {
            let TokenScope::Project { project, domain } = resolved(&deployment, asked).unwrap() else {
                panic!("a project")
            };
            assert_eq!((project.id.as_str(), domain.id.as_str()), ("p", "default"));
        }
        for unknown in [
            RequestedScope::Project(Named::Id("default".into())),
            RequestedScope::Project(Named::Nothing),
            project("project p", Some(NamedDomain::Id("other".into()))),
            project("project p", Some(NamedDomain::Nothing)),
            RequestedScope::Domain(NamedDomain::Id("p".into())),
        ] {
            assert_eq!(resolved(&deployment, unknown).unwrap_err(), UNKNOWN);
        }
        let without_domain = resolved(&deployment, project("project p", None)).unwrap_err();
        assert!(without_domain.starts_with("Expecting to find domain in project."), "{without_domain}");
    }

    #[test]
    fn what_is_disabled_is_no_scope() {
        let mut deployment = Deployment::small();
        let disable = |id: &str, is_domain: bool| {
            Kind::UpdateProject(UpdateProject {
                id: id.into(),
                is_domain,
                enabled: Some(false),
                ..UpdateProject::default()
            })
        };
        deployment.run(disable("c", false)).unwrap();
        let asked = || RequestedScope::Project(Named::Id("p".into()));
        assert!(resolved(&deployment, asked()).is_ok());
        deployment.run(disable("p", false)).unwrap();
        assert_eq!(resolved(&deployment, asked()).unwrap_err(), UNKNOWN);
        deployment.run(disable("default", true)).unwrap();
        let domain = RequestedScope::Domain(NamedDomain::Id("default".into()));
        assert_eq!(resolved(&deployment, domain).unwrap_err(), UNKNOWN);
    }

    #[test]
    fn a_name_with_reserved_characters_is_refused_only_where_that_is_strict() {
        let deployment = Deployment::small();
        let asked = RequestedScope::Domain(NamedDomain::Name("a/b".into()));
        for (rule, error) in [
            (UrlSafeNames::New, UNKNOWN),
            (UrlSafeNames::Strict, "unauthorized: the name holds characters that a URL reserves"),
        ] {
            let options = Resource { domain_name_url_safe: rule, ..Resource::default() };
            assert_eq!(resolve(&deployment.state, &options, &asked).unwrap_err().to_string(), error);
        }
    }

    #[test]
    fn the_default_project_is_the_scope_where_the_user_has_a_role() {
        let mut deployment = Deployment::small();
        let default_project_id = Some(keyraft_proto::identity::NullableString { value: Some("p".into()) });
        let update = UpdateUser { id: "u".into(), default_project_id, ..UpdateUser::default() };
        deployment.run(Kind::UpdateUser(update)).unwrap();
        let scope = |deployment: &Deployment| {
            let user = deployment.state.identity.users.get("u").unwrap();
            default_scope(&deployment.state, user)
        };
        assert!(matches!(scope(&deployment), TokenScope::Unscoped));
        deployment.grant("u", TargetKind::Project, "p", "member", false);
        assert!(matches!(scope(&deployment), TokenScope::Project { .. }));
    }
}

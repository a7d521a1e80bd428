//! From the scope that a client asks for to the one its token gets.

use std::sync::Arc;

use keyraft_proto::identity::{Project, User};

use super::request::{Named, NamedDomain, RequestedScope};
use crate::http::ApiError;
use crate::state::State;
use crate::token::model::TokenScope;
use crate::token::validate::{enabled_domain, enabled_project, roles_in};

const UNKNOWN_SCOPE: ApiError = ApiError::Unauthorized("the scope is unknown or disabled");

/// The domain that a client named, enabled or not.
#[must_use]
pub fn find_domain<'a>(state: &'a State, domain: &NamedDomain) -> Option<&'a Arc<Project>> {
    match domain {
        NamedDomain::Id(id) => state.resource.domain(id),
        NamedDomain::Name(name) => state.resource.domain_by_name(name),
    }
}

/// The scope that was asked for; for none the user's default project, if the user has a role there.
///
/// # Errors
/// 401 when the project or domain is unknown or disabled, or a trust is named that does not exist.
pub fn resolve(state: &State, user: &User, asked: &RequestedScope) -> Result<TokenScope, ApiError> {
    match asked {
        RequestedScope::Absent => Ok(default_scope(state, user)),
        RequestedScope::Unscoped => Ok(TokenScope::Unscoped),
        RequestedScope::System => Ok(TokenScope::System),
        RequestedScope::Trust => Err(ApiError::Unauthorized("the trust is unknown")),
        RequestedScope::Domain(named) => {
            let domain = find_domain(state, named).filter(|domain| domain.enabled).ok_or(UNKNOWN_SCOPE)?;
            Ok(TokenScope::Domain(Arc::clone(domain)))
        }
        RequestedScope::Project(named) => {
            let id = match named {
                Named::Id(id) => id.clone(),
                Named::Name { name, domain } => {
                    let domain = find_domain(state, domain).ok_or(UNKNOWN_SCOPE)?;
                    enabled_domain(state, &domain.id).ok_or(UNKNOWN_SCOPE)?;
                    state.resource.project_by_name(&domain.id, name).ok_or(UNKNOWN_SCOPE)?.id.clone()
                }
            };
            enabled_project(state, &id).ok_or(UNKNOWN_SCOPE)
        }
    }
}

fn default_scope(state: &State, user: &User) -> TokenScope {
    user.default_project_id
        .as_deref()
        .and_then(|id| enabled_project(state, id))
        .filter(|scope| !roles_in(state, &user.id, scope).is_empty())
        .unwrap_or(TokenScope::Unscoped)
}

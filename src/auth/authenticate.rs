//! Proving who the user is: the methods `password` and `token`.

use std::sync::Arc;

use keyraft_proto::identity::{Project, User};

use super::request::{AuthRequest, Named, PasswordLogin};
use super::scope;
use crate::http::{ApiError, Call};
use crate::token::audit::AuditIds;
use crate::token::model::{Token, TokenScope};
use crate::token::payload::MethodMask;
use crate::token::validate::{enabled_domain, roles_in};

/// What a successful authentication proves.
struct Proof {
    user: Arc<User>,
    user_domain: Arc<Project>,
    /// The token that was exchanged, if one was.
    source: Option<Token>,
}

/// Authenticates a request and makes its token; it is not yet encoded.
///
/// # Errors
/// 401 when the proof fails or the scope cannot be had, 403 for an exchange that is not allowed.
pub async fn authenticate(call: &Call, request: &AuthRequest) -> Result<Token, ApiError> {
    let app = &call.app;
    let enabled = &app.config.auth.methods;
    if let Some(unknown) = request.methods.iter().find(|method| !enabled.contains(method)) {
        tracing::debug!(method = unknown, "authentication method is not enabled");
        return Err(ApiError::UnsupportedMethod { enabled: enabled.clone() });
    }
    let proof = prove(call, request).await?;
    let scope = scope::resolve(call.state(), &proof.user, &request.scope)?;
    if let Some(source) = &proof.source {
        check_exchange(call, source, &scope)?;
    }
    let roles = roles_in(call.state(), &proof.user.id, &scope);
    if roles.is_empty() && !matches!(scope, TokenScope::Unscoped) {
        return Err(ApiError::Unauthorized("the user has no role on the scope"));
    }
    let issued_at_s = call.loaded_after_ms / 1000;
    let random = &*app.environment.random;
    let asked = app.methods.mask(request.methods.iter().map(String::as_str));
    let (methods, audit, expires_at_s) = match &proof.source {
        Some(source) => {
            (MethodMask(asked.0 | source.methods.0), source.audit.rescoped(random), source.expires_at_s)
        }
        None => (asked, AuditIds::first(random), issued_at_s + app.config.token.expiration_s),
    };
    let Proof { user, user_domain, .. } = proof;
    Ok(Token { user, user_domain, methods, audit, scope, roles, issued_at_s, expires_at_s })
}

async fn prove(call: &Call, request: &AuthRequest) -> Result<Proof, ApiError> {
    let mut proof: Option<Proof> = None;
    for method in &request.methods {
        let next = match (method.as_str(), &request.password, &request.token) {
            ("password", Some(login), _) => by_password(call, login).await?,
            ("token", _, Some(text)) => by_token(call, text)?,
            _ => return Err(ApiError::Unauthorized("the method proves nothing here")),
        };
        proof = Some(match proof {
            Some(earlier) if earlier.user.id != next.user.id => {
                return Err(ApiError::Unauthorized("the methods name different users"));
            }
            Some(earlier) => Proof { source: next.source.or(earlier.source), ..earlier },
            None => next,
        });
    }
    proof.ok_or(ApiError::Unauthorized("no method was named"))
}

async fn by_password(call: &Call, login: &PasswordLogin) -> Result<Proof, ApiError> {
    let state = call.state();
    let user = match &login.user {
        Named::Id(id) => state.identity.users.get(id.as_str()),
        Named::Name { name, domain } => {
            scope::find_domain(state, domain).and_then(|domain| state.identity.user_by_name(&domain.id, name))
        }
    };
    // An unknown user costs a hash too, so that the time of the answer does not tell who exists.
    let is_right = call.app.verify_password(user.map(|user| &**user), login.password.clone()).await?;
    let user = user.filter(|_| is_right).ok_or(ApiError::Unauthorized("unknown user or wrong password"))?;
    let user_domain = enabled_domain(state, &user.domain_id).filter(|_| user.enabled);
    let user_domain = user_domain.ok_or(ApiError::Unauthorized("the user or its domain is disabled"))?;
    let is_expired = user
        .password
        .as_ref()
        .and_then(|password| password.expires_ms)
        .is_some_and(|expires_ms| expires_ms <= call.app.node.cluster_time_ms());
    if is_expired {
        return Err(ApiError::Unauthorized("the password has expired"));
    }
    Ok(Proof { user: Arc::clone(user), user_domain: Arc::clone(user_domain), source: None })
}

fn by_token(call: &Call, text: &str) -> Result<Proof, ApiError> {
    let source = call.app.validate_token(call.state(), text, 0)?.map_err(ApiError::from)?;
    Ok(Proof {
        user: Arc::clone(&source.user),
        user_domain: Arc::clone(&source.user_domain),
        source: Some(source),
    })
}

/// A system-scoped token never becomes a project's or domain's; scoped ones only where that is configured.
fn check_exchange(call: &Call, source: &Token, scope: &TokenScope) -> Result<(), ApiError> {
    let is_scoped = |scope: &TokenScope| !matches!(scope, TokenScope::Unscoped);
    let leaves_system = matches!(source.scope, TokenScope::System)
        && matches!(scope, TokenScope::Project { .. } | TokenScope::Domain(_));
    if leaves_system || (is_scoped(&source.scope) && !call.app.config.token.allow_rescope_scoped_token) {
        return Err(ApiError::NotAuthorized);
    }
    Ok(())
}

//! Validation: from a token's text to what it stands for now, in the order of Keystone's rules.

use std::sync::Arc;

use keyraft_proto::identity::{Project, Role};

use super::fernet::{self, KeyRing};
use super::model::{Token, TokenScope};
use super::payload::{Payload, PayloadId, PayloadScope};
use crate::assignment::effective::{Target, roles_on};
use crate::revoke::TokenFacts;
use crate::state::State;

/// Why a token is not valid. To the client all of these look alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// No key opens it, or it holds no payload that this version knows.
    #[error("Could not recognize Fernet token")]
    Unrecognized,
    /// Its project or domain is missing or disabled.
    #[error("the scope is missing or disabled")]
    Scope,
    /// Its user or the user's domain is missing or disabled.
    #[error("the user is missing or disabled")]
    User,
    /// No role is left on its scope.
    #[error("no role is left on the scope")]
    NoRoles,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// A revocation event matches.
    #[error("the token has been revoked")]
    Revoked,
}

/// What validation needs besides the state.
#[derive(Clone, Copy)]
pub struct Validation<'a> {
    /// The keys of the state.
    pub ring: &'a KeyRing,
    /// `[identity] default_domain_id`, which payloads shorten.
    pub default_domain_id: &'a str,
    /// Seconds since the epoch.
    pub now_s: u64,
    /// Seconds after its end for which a token is still taken; 0 unless the caller asks for it.
    pub grace_s: u64,
}

/// Validates a token against one state.
///
/// # Errors
/// The first rule that it fails.
pub fn validate(state: &State, validation: Validation<'_>, text: &str) -> Result<Token, InvalidToken> {
    let (payload, issued_at_s) = fernet::decode(validation.ring, text, validation.default_domain_id)
        .map_err(|_| InvalidToken::Unrecognized)?;
    let scope = scope_of(state, &payload)?;
    let mut room = [0; 32];
    let user_id = payload.user.text(&mut room);
    let user = state.identity.users.get(user_id).ok_or(InvalidToken::User)?;
    let user_domain = enabled_domain(state, &user.domain_id).ok_or(InvalidToken::User)?;
    let roles = roles_in(state, user_id, &scope);
    if roles.is_empty() && !matches!(scope, TokenScope::Unscoped) {
        return Err(InvalidToken::NoRoles);
    }
    if validation.now_s >= payload.expires_at_seconds.saturating_add(validation.grace_s) {
        return Err(InvalidToken::Expired);
    }
    let token = Token {
        user: Arc::clone(user),
        user_domain: Arc::clone(user_domain),
        methods: payload.methods,
        audit: payload.audit,
        scope,
        roles,
        issued_at_s,
        expires_at_s: payload.expires_at_seconds,
    };
    if is_revoked(state, &token) {
        return Err(InvalidToken::Revoked);
    }
    if !user.enabled {
        return Err(InvalidToken::User);
    }
    Ok(token)
}

/// The roles that a user has on a scope now, implied ones included.
#[must_use]
pub fn roles_in(state: &State, user_id: &str, scope: &TokenScope) -> Vec<Arc<Role>> {
    match scope {
        TokenScope::Unscoped => Vec::new(),
        TokenScope::Project { project, .. } if project.is_domain => {
            roles_on(state, user_id, Target::Domain(project))
        }
        TokenScope::Project { project, .. } => roles_on(state, user_id, Target::Project(project)),
        TokenScope::Domain(domain) => roles_on(state, user_id, Target::Domain(domain)),
        TokenScope::System => roles_on(state, user_id, Target::System),
    }
}

/// A project with its domain, if both are enabled.
#[must_use]
pub fn enabled_project(state: &State, id: &str) -> Option<TokenScope> {
    let project = state.resource.projects.get(id).filter(|project| project.enabled)?;
    let domain = if project.is_domain { project } else { enabled_domain(state, &project.domain_id)? };
    Some(TokenScope::Project { project: Arc::clone(project), domain: Arc::clone(domain) })
}

/// A domain, if it is enabled.
#[must_use]
pub fn enabled_domain<'a>(state: &'a State, id: &str) -> Option<&'a Arc<Project>> {
    state.resource.domain(id).filter(|domain| domain.enabled)
}

fn scope_of(state: &State, payload: &Payload) -> Result<TokenScope, InvalidToken> {
    let mut room = [0; 32];
    match &payload.scope {
        PayloadScope::Unscoped => Ok(TokenScope::Unscoped),
        PayloadScope::Project(id) => enabled_project(state, id.text(&mut room)).ok_or(InvalidToken::Scope),
        PayloadScope::Domain(id) => {
            let domain = enabled_domain(state, id.text(&mut room)).ok_or(InvalidToken::Scope)?;
            Ok(TokenScope::Domain(Arc::clone(domain)))
        }
        PayloadScope::System => Ok(TokenScope::System),
        // Delegated and federated tokens are bounded by grants that this version keeps no record of.
        _ => Err(InvalidToken::Unrecognized),
    }
}

/// Whether an event of the state matches the token.
#[must_use]
pub fn is_revoked(state: &State, token: &Token) -> bool {
    state.revoke.is_revoked(&TokenFacts {
        issued_at_s: token.issued_at_s,
        audit_id: &token.audit.own.text(),
        audit_chain_id: token.audit.chain.map(|chain| chain.text()).as_deref(),
        user_id: &token.user.id,
        user_domain_id: &token.user.domain_id,
        project_id: token.project().map(|project| project.id.as_str()),
        domain_id: token.domain().map(|domain| domain.id.as_str()),
    })
}

/// The payload of a token.
#[must_use]
pub fn payload_of(token: &Token) -> Payload {
    let scope = match &token.scope {
        TokenScope::Unscoped => PayloadScope::Unscoped,
        TokenScope::Project { project, .. } => PayloadScope::Project(PayloadId::from(project.id.as_str())),
        TokenScope::Domain(domain) => PayloadScope::Domain(PayloadId::from(domain.id.as_str())),
        TokenScope::System => PayloadScope::System,
    };
    Payload {
        user: PayloadId::from(token.user.id.as_str()),
        methods: token.methods,
        expires_at_seconds: token.expires_at_s,
        audit: token.audit,
        scope,
    }
}

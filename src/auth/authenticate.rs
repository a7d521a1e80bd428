//! Proving who the user is: the methods `password` and `token`, and what a user has to combine.
//!
//! The order is Keystone's: the methods are enabled, the scope exists, each method proves the same user, the receipt
//! of an earlier part adds to them, the user's rules are met, the user has a role on the scope.

use std::sync::Arc;

use keyraft_proto::identity::{Project, User};

use super::exchange::Exchange;
use super::multi_factor::MultiFactorRules;
use super::receipt::{self, Receipt};
use super::request::{AuthRequest, Named, NamedDomain, PasswordLogin};
use super::scope;
use crate::app::App;
use crate::http::{ApiError, Call};
use crate::identity::account;
use crate::identity::authenticate::{self as identity, Proven};
use crate::identity::hash_upgrade;
use crate::token::audit::AuditIds;
use crate::token::model::{Token, TokenScope};
use crate::token::payload::MethodMask;
use crate::token::validate::{enabled_domain, roles_in};

/// Header with the receipt of a log-in that needs more methods, both ways.
pub const RECEIPT: &str = "openstack-auth-receipt";

/// What an authentication comes to when nothing is wrong.
pub enum Authenticated {
    /// A token, not yet encoded.
    Fully(Box<Token>),
    /// The user's rules ask for more methods.
    Partly(Receipt),
}

/// What the methods of a request prove.
struct Proof {
    user: Arc<User>,
    user_domain: Arc<Project>,
    /// The methods, those of an exchanged token among them.
    methods: MethodMask,
    /// The token that was exchanged, if one was.
    source: Option<Token>,
}

/// Authenticates a request and makes its token; it is not yet encoded.
///
/// # Errors
/// 400 when the request does not say who or what it is about, 401 when a proof fails or the scope cannot be had, 403
/// for an exchange that is not allowed, 404 for a token that is not valid.
pub async fn authenticate(call: &Call, request: &AuthRequest) -> Result<Authenticated, ApiError> {
    let app = &call.app;
    check_enabled(app, request)?;
    let asked = asked_scope(call, request).await?;
    let mut proof = prove(call, request).await?;
    let scope = asked.unwrap_or_else(|| scope::default_scope(call.state(), &proof.user));
    check_exchange(app, &proof, &scope)?;
    proof.methods = proof.methods.with(methods_of_receipt(call, &proof.user)?);
    let issued_at_s = call.stamp_ms / 1000;
    let rules = MultiFactorRules::of(&proof.user, &app.methods);
    if rules.are_met_by(proof.methods) {
        let token = token_of(call, proof, scope, issued_at_s)?;
        return Ok(Authenticated::Fully(Box::new(token)));
    }
    Ok(Authenticated::Partly(Receipt {
        required: rules.begun_by(proof.methods),
        user: proof.user,
        user_domain: proof.user_domain,
        methods: proof.methods,
        issued_at_s,
        expires_at_s: issued_at_s.saturating_add(app.config.receipt.expiration_s),
    }))
}

fn token_of(call: &Call, proof: Proof, scope: TokenScope, issued_at_s: u64) -> Result<Token, ApiError> {
    let Proof { user, user_domain, methods, source } = proof;
    let roles = roles_in(call.state(), &user.id, &scope);
    if roles.is_empty() && !matches!(scope, TokenScope::Unscoped) {
        return Err(ApiError::Unauthorized("the user has no role on the scope"));
    }
    let random = &*call.app.environment.random;
    let (audit, expires_at_s) = match source {
        // Nobody puts off the end of a token by exchanging it.
        Some(source) => (source.audit.rescoped(random), source.expires_at_s),
        None => (AuditIds::first(random), issued_at_s.saturating_add(call.app.config.token.expiration_s)),
    };
    Ok(Token { user, user_domain, methods, audit, scope, roles, issued_at_s, expires_at_s })
}

/// The scope that the request asks for, if it asks for one.
async fn asked_scope(call: &Call, request: &AuthRequest) -> Result<Option<TokenScope>, ApiError> {
    let asked = scope::resolve(call.state(), &call.app.config.resource, &request.scope);
    if asked.is_err()
        && let Some(password) = request.password.as_ref().and_then(|login| login.password.clone())
    {
        // Not to tell by the time of the answer that the scope is at fault, and not the password.
        call.app.verify_no_password(password).await?;
    }
    asked
}

fn check_exchange(app: &App, proof: &Proof, scope: &TokenScope) -> Result<(), ApiError> {
    let Some(source) = &proof.source else { return Ok(()) };
    let source_methods: Vec<&str> = app.methods.names(source.methods).collect();
    let exchange = Exchange { source: &source.scope, source_methods: &source_methods, scope };
    exchange.check(&app.config.auth, app.config.token.allow_rescope_scoped_token)
}

fn check_enabled(app: &App, request: &AuthRequest) -> Result<(), ApiError> {
    let enabled = &app.config.auth.methods;
    match request.methods.iter().find(|method| !enabled.contains(method)) {
        Some(unknown) => {
            tracing::debug!(method = unknown, "authentication method is not enabled");
            Err(ApiError::UnsupportedMethod { enabled: enabled.clone() })
        }
        None => Ok(()),
    }
}

async fn prove(call: &Call, request: &AuthRequest) -> Result<Proof, ApiError> {
    let mut proof: Option<Proof> = None;
    for method in &request.methods {
        let next = match (method.as_str(), &request.password, &request.token) {
            ("password", Some(login), _) => by_password(call, login).await?,
            ("token", _, Some(text)) => by_token(call, text)?,
            _ => return Err(ApiError::Unauthorized("the method proves nothing here")),
        };
        let methods = next.methods.with(call.app.methods.mask([method.as_str()]));
        proof = Some(match proof {
            Some(earlier) if earlier.user.id != next.user.id => {
                return Err(ApiError::Unauthorized("the methods name different users"));
            }
            Some(earlier) => {
                let methods = methods.with(earlier.methods);
                Proof { source: next.source.or(earlier.source), methods, ..earlier }
            }
            None => Proof { methods, ..next },
        });
    }
    proof.ok_or(ApiError::Unauthorized("no method was named"))
}

async fn by_password(call: &Call, login: &PasswordLogin) -> Result<Proof, ApiError> {
    let state = call.state();
    let user = match &login.user {
        None => return Err(ApiError::malformed("Expecting to find user in None")),
        Some(Named::Nothing) => return Err(ApiError::malformed("Expecting to find id or name in user")),
        Some(Named::Id(id)) => state.identity.users.get(id.as_str()),
        Some(Named::Name { domain: None, .. }) => {
            return Err(ApiError::malformed("Expecting to find domain in user"));
        }
        Some(Named::Name { domain: Some(NamedDomain::Nothing), .. }) => {
            return Err(ApiError::malformed("Expecting to find id or name in domain"));
        }
        Some(Named::Name { name, domain: Some(domain) }) => {
            scope::find_domain(state, domain).and_then(|domain| state.identity.user_by_name(&domain.id, name))
        }
    };
    // As in Keystone: without a password the proof fails, and the request is not malformed.
    let password = login.password.clone().ok_or(ApiError::Unauthorized("no password was given"))?;
    // One that is disabled does not have its failures counted.
    let (rules, now_ms) = (call.app.security_compliance(), call.app.node.cluster_time_ms());
    let found = user
        .filter(|user| account::is_enabled(state, user, &rules, now_ms))
        .and_then(|user| Some((user, enabled_domain(state, &user.domain_id)?)));
    let (user, proven) =
        identity::authenticate(&call.app, state, found.map(|(user, _)| user), password.clone()).await?;
    if proven == Proven::Expired {
        return Err(ApiError::PasswordExpired { user_id: user.id.clone() });
    }
    let user_domain = found.map(|(_, domain)| domain).ok_or(ApiError::Unauthorized("no such domain"))?;
    hash_upgrade::begin(&call.app, user, password);
    Ok(Proof {
        user: Arc::clone(user),
        user_domain: Arc::clone(user_domain),
        methods: MethodMask::default(),
        source: None,
    })
}

fn by_token(call: &Call, text: &str) -> Result<Proof, ApiError> {
    if text.is_empty() {
        return Err(ApiError::NotFound("No token in the request".into()));
    }
    let source = call.app.validate_token(call.state(), text, 0)?.map_err(ApiError::from)?;
    Ok(Proof {
        user: Arc::clone(&source.user),
        user_domain: Arc::clone(&source.user_domain),
        methods: source.methods,
        source: Some(source),
    })
}

/// The methods that the receipt in the request vouches for; none without a receipt.
fn methods_of_receipt(call: &Call, user: &User) -> Result<MethodMask, ApiError> {
    let Some(value) = call.headers.get(RECEIPT).filter(|value| !value.is_empty()) else {
        return Ok(MethodMask::default());
    };
    let ring = call.app.ring(call.state())?;
    value
        .to_str()
        .ok()
        .and_then(|text| receipt::methods_of(&ring, text, &user.id, call.app.now_s()))
        .ok_or(ApiError::Unauthorized("the receipt is not valid or is another user's"))
}

//! `/v3/auth/tokens`: issue, validate, check and revoke.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use keyraft_proto::identity as proto;
use proto::command::Kind;

use crate::auth::authenticate::{Authenticated, RECEIPT, authenticate};
use crate::auth::caller::AUTH_TOKEN;
use crate::auth::request::AuthRequest;
use crate::http::operation::{self, Operation};
use crate::http::query::{is_true, is_yes};
use crate::http::{Answer, ApiError, Call, no_content};
use crate::policy::{Rule, Target};
use crate::token::fernet;
use crate::token::model::Token;
use crate::token::render::{Rendering, render};
use crate::token::validate::{InvalidToken, is_revoked, payload_of};

/// Header with the token that a request is about.
const SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");

/// How often a log-in waits for the next second, because a revocation of its second takes its token.
const MOST_WAITS: usize = 2;

/// What may be done on tokens.
pub fn operations() -> Vec<Operation> {
    vec![
        operation::post(issue, "Issue a token")
            .opaque_body("auth")
            .parameters(&["nocatalog"])
            .object("token")
            .fails(StatusCode::UNAUTHORIZED)
            .fails(StatusCode::FORBIDDEN)
            .fails(StatusCode::NOT_FOUND),
        operation::get(validate, "Validate a token")
            .rule(Rule::ValidateToken)
            .subject()
            .parameters(&["nocatalog", "allow_expired"])
            .object("token"),
        operation::head(validate, "Check a token")
            .rule(Rule::CheckToken)
            .subject()
            .parameters(&["nocatalog", "allow_expired"])
            .status(StatusCode::OK),
        operation::delete(revoke, "Revoke a token")
            .rule(Rule::RevokeToken)
            .subject()
            .parameters(&["cascade"]),
    ]
}

/// What may be done on the list of revoked tokens, which there is not.
pub fn on_revoked() -> Vec<Operation> {
    vec![operation::get(revoked, "Refuse to list the revoked tokens").json().status(StatusCode::FORBIDDEN)]
}

/// Issues a token, or a receipt where the user has to combine methods and some are missing.
/// Policy: none; the credentials in the body are the proof.
///
/// # Errors
/// 400 for a bad body, 401 for a failed proof, 403 for an exchange that is not allowed, 404 for a token that is not
/// valid.
pub async fn issue(mut call: Call) -> Answer {
    let request = AuthRequest::parse(&call.json())?;
    let authenticated = authenticate_unrevoked(&mut call, &request).await?;
    let ring = call.app.ring(call.state())?;
    let random = &*call.app.environment.random;
    match authenticated {
        Authenticated::Fully(token) => {
            let default_domain_id = &call.app.config.identity.default_domain_id;
            let text =
                fernet::encode(&ring, random, &payload_of(&token), token.issued_at_s, default_domain_id)
                    .map_err(|error| ApiError::Internal(error.to_string()))?;
            let text = HeaderValue::try_from(text).map_err(|error| ApiError::Internal(error.to_string()))?;
            Ok(token_answer(&call, StatusCode::CREATED, &token, text))
        }
        Authenticated::Partly(receipt) => {
            let text = receipt.seal(&ring, random).map_err(|error| ApiError::Internal(error.to_string()))?;
            let body = receipt.render(&call.app.methods).to_string();
            let headers = [(RECEIPT, text.as_str()), ("content-type", "application/json")];
            // Without a challenge: the client goes on with what it has.
            Ok((StatusCode::UNAUTHORIZED, headers, body).into_response())
        }
    }
}

/// Authenticates, again in the next second as long as the token would be revoked from the start.
///
/// Stamps are whole seconds, and an event takes all of its own. What a token of the next second stands on has to be
/// proved again by then. After [`MOST_WAITS`] the token is given as it is, which is what Keystone does at once.
async fn authenticate_unrevoked(call: &mut Call, request: &AuthRequest) -> Result<Authenticated, ApiError> {
    for _ in 0..MOST_WAITS {
        let authenticated = authenticate(call, request).await?;
        match &authenticated {
            Authenticated::Fully(token) if is_revoked(call.state(), token) => {}
            _ => return Ok(authenticated),
        }
        let next_ms = (call.app.node.cluster_time_ms() / 1000 + 1) * 1000;
        call.app.node.wait_cluster_time(next_ms).await?;
        call.reload().await?;
    }
    authenticate(call, request).await
}

fn token_answer(call: &Call, status: StatusCode, token: &Token, text: HeaderValue) -> Response {
    let has_catalog = !call.query.has("nocatalog");
    let rendering = Rendering {
        methods: &call.app.methods,
        catalog: has_catalog.then(|| call.state().catalog.compiled()),
        public_endpoint: &call.app.public_endpoint,
        admin_project: call.app.config.resource.admin_project(),
    };
    let json = HeaderValue::from_static("application/json");
    let headers = [(header::CONTENT_TYPE, json), (SUBJECT_TOKEN, text)];
    (status, headers, render(token, &rendering)).into_response()
}

/// The token that the request is about, once the caller may know of it, and its text.
///
/// The order is Keystone's: a token that is not valid is 404 to every caller, and only where there is none the
/// caller's rights are looked at first. A token that asks about itself is not validated twice.
fn subject(call: &Call, rule: Rule, grace_s: u64) -> Result<(Token, &HeaderValue), ApiError> {
    let caller = call.caller()?;
    let missing = || ApiError::NotFound("No token in the request".into());
    let Some(value) = call.headers.get(SUBJECT_TOKEN) else {
        caller.enforce(rule, &Target::new())?;
        return Err(missing());
    };
    if value.is_empty() {
        return Err(missing());
    }
    let text = value.to_str().map_err(|_| InvalidToken::Unrecognized)?;
    let own = caller.token().filter(|_| call.headers.get(AUTH_TOKEN) == Some(value));
    let token = match own {
        Some(own) => own.clone(),
        None => call.app.validate_token(call.state(), text, grace_s)??,
    };
    let target = Target::new()
        .with("target.token.user_id", token.user.id.as_str())
        .with("target.token.user.domain.id", token.user.domain_id.as_str());
    caller.enforce(rule, &target)?;
    Ok((token, value))
}

/// Validates a token and shows it; `?allow_expired` takes one that has ended lately.
/// Policy: `identity:validate_token` (GET), `identity:check_token` (HEAD).
///
/// # Errors
/// 401, 403, or 404 for a token that is not valid.
pub async fn validate(call: Call) -> Answer {
    call.answer_alike(validated).await
}

fn validated(call: &Call) -> Answer {
    let is_head = call.method == axum::http::Method::HEAD;
    let rule = if is_head { Rule::CheckToken } else { Rule::ValidateToken };
    let allows_expired = call.query.get("allow_expired").is_some_and(is_yes);
    let grace_s = if allows_expired { call.app.config.token.allow_expired_window_s } else { 0 };
    let (token, text) = subject(call, rule, grace_s)?;
    Ok(token_answer(call, StatusCode::OK, &token, text.clone()))
}

/// Refuses to list the revoked tokens: there is no such list, as tokens are not kept.
/// Policy: none; not even a token is needed.
///
/// # Errors
/// 403, always.
pub async fn revoked() -> ApiError {
    ApiError::NotAuthorized
}

/// Revokes a token and, unless `?cascade=false`, those rescoped from it.
/// Policy: `identity:revoke_token`.
///
/// # Errors
/// 401, 403, or 404 for a token that is not valid.
pub async fn revoke(call: Call) -> Answer {
    let (token, _) = subject(&call, Rule::RevokeToken, 0)?;
    let cascade = call.query.get("cascade").is_none_or(is_true);
    call.run(Kind::RevokeToken(proto::RevokeToken { audit_id: token.audit.own.to_string(), cascade }))
        .await?;
    Ok(no_content())
}

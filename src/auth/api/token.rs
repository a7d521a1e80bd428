//! `/v3/auth/tokens`: issue, validate, check and revoke.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use keyraft_proto::identity as proto;
use proto::command::Kind;

use crate::auth::authenticate::authenticate;
use crate::auth::request::AuthRequest;
use crate::http::operation::{self, Operation};
use crate::http::{Answer, ApiError, Call, no_content};
use crate::policy::{Rule, Target};
use crate::token::fernet;
use crate::token::model::Token;
use crate::token::render::{Rendering, render};
use crate::token::validate::{is_revoked, payload_of};

/// Header with the token that a request is about.
const SUBJECT_TOKEN: &str = "x-subject-token";

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

/// Issues a token.
/// Policy: none; the credentials in the body are the proof.
///
/// # Errors
/// 400 for a bad body, 401 for a failed proof, 403 for an exchange that is not allowed.
pub async fn issue(mut call: Call) -> Answer {
    let request = AuthRequest::parse(&call.json()?)?;
    let mut token = authenticate(&call, &request).await?;
    if is_revoked(call.state(), &token) {
        // Stamps are whole seconds, and an event takes all of its own. A token of the next second is valid; what
        // it stands on has to be proved again by then.
        let rest_ms = 1000 - call.app.node.cluster_time_ms() % 1000;
        tokio::time::sleep(Duration::from_millis(rest_ms)).await;
        call.reload().await?;
        token = authenticate(&call, &request).await?;
    }
    let ring = call.app.ring(call.state())?;
    let random = &*call.app.environment.random;
    let default_domain_id = &call.app.config.identity.default_domain_id;
    let text = fernet::encode(&ring, random, &payload_of(&token), token.issued_at_s, default_domain_id)
        .map_err(|error| ApiError::Internal(error.to_string()))?;
    token_answer(&call, StatusCode::CREATED, &token, &text)
}

fn token_answer(call: &Call, status: StatusCode, token: &Token, text: &str) -> Answer {
    let has_catalog = !call.query.has("nocatalog");
    let rendering = Rendering {
        methods: &call.app.methods,
        catalog: has_catalog.then(|| call.state().catalog.compiled()),
        public_endpoint: &call.app.public_endpoint,
    };
    let body = render(token, &rendering);
    let subject = HeaderValue::from_str(text).map_err(|error| ApiError::Internal(error.to_string()))?;
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_LENGTH, body.len_bytes())
        .header(SUBJECT_TOKEN, subject)
        .body(Body::new(body))
        .map_err(|error| ApiError::Internal(error.to_string()))
}

fn subject_text(call: &Call) -> Result<&str, ApiError> {
    let text = call.headers.get(SUBJECT_TOKEN).and_then(|value| value.to_str().ok());
    text.filter(|text| !text.is_empty()).ok_or_else(|| ApiError::NotFound("No token in the request".into()))
}

/// The token that the request is about, once the caller may know of it.
///
/// The caller's rights are checked first against what the token says, so a token that is not valid is 404 to
/// those who could have seen it.
fn subject(call: &Call, rule: Rule, grace_s: u64) -> Result<(Token, &str), ApiError> {
    let caller = call.caller()?;
    let text = subject_text(call)?;
    let validated = call.app.validate_token(call.state(), text, grace_s)?;
    let token = validated.map_err(ApiError::from);
    let target = match &token {
        Ok(token) => Target::new()
            .with("target.token.user_id", token.user.id.as_str())
            .with("target.token.user.domain.id", token.user.domain_id.as_str()),
        Err(_) => Target::new(),
    };
    caller.enforce(rule, &target)?;
    Ok((token?, text))
}

/// Validates a token and shows it; `?allow_expired` takes one that has ended lately.
/// Policy: `identity:validate_token` (GET), `identity:check_token` (HEAD).
///
/// # Errors
/// 401, 403, or 404 for a token that is not valid.
pub async fn validate(call: Call) -> Answer {
    let is_head = call.method == axum::http::Method::HEAD;
    let rule = if is_head { Rule::CheckToken } else { Rule::ValidateToken };
    let grace_s =
        if call.query.flag("allow_expired") { call.app.config.token.allow_expired_window_s } else { 0 };
    let (token, text) = subject(&call, rule, grace_s)?;
    token_answer(&call, StatusCode::OK, &token, text)
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
    let cascade = call.query.get("cascade").is_none_or(crate::http::query::is_true);
    call.run(Kind::RevokeToken(proto::RevokeToken { audit_id: token.audit.own.to_string(), cascade }))
        .await?;
    Ok(no_content())
}

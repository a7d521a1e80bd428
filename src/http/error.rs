//! Every error answer of the API, as Keystone words it.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use keyraft_cluster::{ProposeError, ReadError};
use serde_json::{Value, json};

use crate::identity::password::{PasswordError, PoolError};
use crate::policy::Forbidden;
use crate::state::CommandError;
use crate::token::validate::InvalidToken;

/// What Keystone adds to a request it cannot read.
const MALFORMED: &str = "The server could not comply with the request since it is either malformed or otherwise \
                         incorrect. The client is assumed to be in error.";
/// What a caller without rights reads, when no rule is to be named.
const NOT_AUTHORIZED: &str = "You are not authorized to perform the requested action.";

/// An error answer.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// 400: the request is at fault; the message names the field.
    #[error("{0}")]
    BadRequest(String),
    /// 401. What was wrong is never told to the client; it goes to the log at debug level.
    #[error("unauthorized: {0}")]
    Unauthorized(&'static str),
    /// 401 for a method that is not enabled: the answer lists those that are.
    #[error("unsupported authentication method")]
    UnsupportedMethod {
        /// The enabled methods.
        enabled: Vec<String>,
    },
    /// 401 for a password that is the user's but has expired. It is told, so that clients can ask for a new one.
    #[error("The password is expired and needs to be changed for user: {user_id}.")]
    PasswordExpired {
        /// The user.
        user_id: String,
    },
    /// 401 for the right password of a disabled user.
    #[error("The account is disabled for user: {user_id}.")]
    UserDisabled {
        /// The user.
        user_id: String,
    },
    /// 403 by policy.
    #[error("{0}")]
    Policy(#[from] Forbidden),
    /// 403 that hides its reason.
    #[error("{NOT_AUTHORIZED}")]
    NotAuthorized,
    /// 403 because of the state of things, told to anyone.
    #[error("{0}")]
    Forbidden(String),
    /// 404.
    #[error("{0}")]
    NotFound(String),
    /// 409.
    #[error("{0}")]
    Conflict(String),
    /// 408: the body did not come in time.
    #[error("The request body did not arrive in time.")]
    BodyTimeout,
    /// 413: the body is larger than `http.max_request_body_bytes`.
    #[error("The request body is too large.")]
    BodyTooLarge,
    /// 500: a fault of ours; the message goes to the log, not to the client.
    #[error("internal: {0}")]
    Internal(String),
    /// 503 with `Retry-After`: there is no leader, the node is overloaded or it is failing.
    #[error("{0}")]
    Unavailable(String),
}

impl ApiError {
    /// 400 for a body that is no JSON object, or of another type; `what` is what was expected.
    #[must_use]
    pub fn malformed(what: &str) -> Self {
        Self::BadRequest(format!("{what}. {MALFORMED}"))
    }

    /// 404 for an entity.
    #[must_use]
    pub fn missing(entity: &str, id: &str) -> Self {
        Self::NotFound(format!("Could not find {entity}: {id}."))
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized(_)
            | Self::UnsupportedMethod { .. }
            | Self::PasswordExpired { .. }
            | Self::UserDisabled { .. } => StatusCode::UNAUTHORIZED,
            Self::Policy(_) | Self::NotAuthorized | Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Unauthorized(_) => "The request you have made requires authentication.".into(),
            Self::UnsupportedMethod { .. } => "Attempted to authenticate with an unsupported method.".into(),
            Self::Internal(_) => {
                "An unexpected error prevented the server from fulfilling your request.".into()
            }
            other => other.to_string(),
        }
    }
}

impl From<CommandError> for ApiError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Unknown => Self::Internal(error.to_string()),
            CommandError::NotFound { .. } => Self::NotFound(error.to_string()),
            CommandError::Conflict { .. } => Self::Conflict(error.to_string()),
            CommandError::Forbidden(message) => Self::Forbidden(message),
            CommandError::Invalid(message) => Self::BadRequest(message),
            CommandError::Unauthorized(_) => Self::Unauthorized("the credentials were changed meanwhile"),
        }
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<ProposeError> for ApiError {
    fn from(error: ProposeError) -> Self {
        match error {
            // No retry will fare better: all nodes have refused the command for good.
            ProposeError::Panicked { .. } => Self::Internal(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<InvalidToken> for ApiError {
    /// For a token that a request is about: it is one that does not exist, and why is not told.
    fn from(error: InvalidToken) -> Self {
        tracing::debug!(%error, "the token is not valid");
        match error {
            InvalidToken::Unrecognized => Self::NotFound(error.to_string()),
            _ => Self::NotFound("Failed to validate token".into()),
        }
    }
}

impl From<PoolError> for ApiError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Busy | PoolError::Stopped => Self::Unavailable(error.to_string()),
            PoolError::Password(PasswordError::TooLong { limit_bytes }) => Self::Forbidden(format!(
                "The password length must be less than or equal to {limit_bytes}. The server could not comply with \
                 the request because the password is invalid."
            )),
            other => Self::BadRequest(other.to_string()),
        }
    }
}

/// Marks a 401, to which the outer layer adds the challenge with this node's URL.
#[derive(Clone, Copy, Debug)]
pub struct NeedsChallenge;

/// What a 401 or a 500 does not tell, for `http.insecure_debug`.
#[derive(Clone, Debug)]
pub struct Hidden(pub Arc<str>);

/// What Keystone adds to a message that would be hidden without `insecure_debug`.
const AMENDMENT: &str = "(Disable insecure_debug mode to suppress these details.)";

/// The same answer with the reason that it hides as its message.
#[must_use]
pub fn reveal(hidden: Response, reason: &str) -> Response {
    let (mut parts, _) = hidden.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    let message = format!("{reason} {AMENDMENT}");
    let body = json!({ "error": fields(parts.status, &message) }).to_string();
    Response::from_parts(parts, Body::from(body))
}

/// As oslo.middleware words it.
fn too_large(error: &ApiError) -> Response {
    let status = StatusCode::PAYLOAD_TOO_LARGE;
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=UTF-8")];
    (status, headers, format!("413 Request Entity Too Large\n\n{error}\n\n   ")).into_response()
}

/// The object in the body of an error.
fn fields(status: StatusCode, message: &str) -> Value {
    json!({
        "code": status.as_u16(),
        "title": status.canonical_reason().unwrap_or_default(),
        "message": message,
    })
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        match &self {
            Self::Internal(reason) => tracing::error!(reason, "internal error"),
            Self::Unauthorized(reason) => tracing::debug!(reason, "unauthorized"),
            Self::BodyTooLarge => return too_large(&self),
            _ => {}
        }
        let mut error = fields(status, &self.message());
        if let (Self::UnsupportedMethod { enabled }, Some(fields)) = (&self, error.as_object_mut()) {
            fields.insert("identity".into(), json!({ "methods": enabled }));
        }
        let body = json!({ "error": error }).to_string();
        let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.extensions_mut().insert(NeedsChallenge);
        }
        match &self {
            Self::Unauthorized(reason) => response.extensions_mut().insert(Hidden(Arc::from(*reason))),
            Self::Internal(reason) => response.extensions_mut().insert(Hidden(Arc::from(reason.as_str()))),
            _ => None,
        };
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_every_node_refuses_for_good_is_no_outage() {
        let error = ApiError::from(ProposeError::Panicked { log_index: 7 });
        assert!(matches!(error, ApiError::Internal(_)), "{error}");
        assert!(matches!(ApiError::from(ProposeError::Busy), ApiError::Unavailable(_)));
    }
}

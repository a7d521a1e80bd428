//! Proving who a user is by its password, with the rules of `[security_compliance]`.

use std::sync::Arc;

use keyraft_proto::identity::command::Kind;
use keyraft_proto::identity::{RecordFailedLogin, RecordLogin, SecurityCompliance, User};

use super::account;
use super::password::Password;
use crate::app::App;
use crate::http::ApiError;
use crate::state::{State, decode_answer};

/// What became of a password that is the user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proven {
    /// It is in force.
    Valid,
    /// It has expired, and is good for nothing but being changed.
    Expired,
}

const UNPROVEN: ApiError = ApiError::Unauthorized("unknown user or wrong password");

/// Proves that a password is the user's. A failure is counted before this returns, a success forgets earlier ones;
/// both are commands, so that no node misses one.
///
/// Whoever the user is, and without one, it costs a hash: the time of the answer does not tell who exists.
///
/// # Errors
/// 401 for no user, a wrong password, or a user that is disabled or locked out. 403 for a password that is too long.
/// 503 when too many wait to be hashed, or when the attempt cannot be recorded.
pub async fn authenticate<'a>(
    app: &App,
    state: &State,
    user: Option<&'a Arc<User>>,
    password: Password,
) -> Result<(&'a Arc<User>, Proven), ApiError> {
    let rules = app.security_compliance();
    let now_ms = app.node.cluster_time_ms();
    let Some(user) = user.filter(|user| !account::is_locked(user, &rules, now_ms)) else {
        app.verify_no_password(password).await?;
        return Err(UNPROVEN);
    };
    if !app.verify_password(user, password).await? {
        record_failure(app, user, rules).await?;
        return Err(UNPROVEN);
    }
    if !account::is_enabled(state, user, &rules, now_ms) {
        return Err(ApiError::UserDisabled { user_id: user.id.clone() });
    }
    if account::is_password_expired(user, now_ms) {
        return Ok((user, Proven::Expired));
    }
    record_success(app, &user.id, rules).await?;
    Ok((user, Proven::Valid))
}

async fn record_failure(app: &App, user: &User, rules: SecurityCompliance) -> Result<(), ApiError> {
    if account::counts_failure(user, &rules, app.node.cluster_time_ms()) {
        let command = RecordFailedLogin { user_id: user.id.clone(), rules: Some(rules) };
        app.propose(Kind::RecordFailedLogin(command)).await?;
    }
    Ok(())
}

/// Of many guesses at once, those that are verified after the user was locked out must fail though they began
/// before: the lockout is looked up again, in a state that is loaded after the password was found to be right.
async fn record_success(app: &App, user_id: &str, rules: SecurityCompliance) -> Result<(), ApiError> {
    if rules.lockout_failure_attempts == 0 && rules.disable_user_account_days_inactive == 0 {
        return Ok(());
    }
    let published = app.node.read().await?;
    let now_ms = app.node.cluster_time_ms();
    let user = published.state.identity.users.get(user_id).ok_or(UNPROVEN)?;
    if account::is_locked(user, &rules, now_ms) {
        return Err(ApiError::Unauthorized("the user was locked out meanwhile"));
    }
    if user.failed_auth_count > 0 || account::is_activity_due(user, &rules, now_ms) {
        let command = RecordLogin { user_id: user_id.to_owned(), rules: Some(rules) };
        let proposed = app.propose(Kind::RecordLogin(command)).await?;
        decode_answer(&proposed.answer)
            .map_err(|_| ApiError::Unauthorized("the user was locked out or deleted meanwhile"))?;
    }
    Ok(())
}

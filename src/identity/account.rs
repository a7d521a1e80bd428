//! What the options of a user and the rules of `[security_compliance]` make of its account at a moment.
//!
//! All of it is pure: a node asks with cluster time, a command with log time and the rules that travel in it.

use keyraft_proto::identity::{Password, SecurityCompliance, User};

use crate::state::{CommandError, State};

/// Milliseconds of a day.
pub const DAY_MS: u64 = 24 * 3600 * 1000;

/// A day, counted from the epoch.
#[must_use]
pub fn day_of(now_ms: u64) -> u32 {
    u32::try_from(now_ms / DAY_MS).unwrap_or(u32::MAX)
}

fn has_option(user: &User, name: &str) -> bool {
    user.options.get(name).is_some_and(|value| value == "true")
}

/// The user's password. A user that was told to have none has a record of it, but no hash.
#[must_use]
pub fn password_of(user: &User) -> Option<&Password> {
    user.password.as_ref().filter(|password| !password.sealed_hash.is_empty())
}

/// Whether a user is enabled: told to be, and not idle for too long.
///
/// A user is idle since its last log-in, or its creation. What was before the days of log-ins were noted does not
/// count: Keystone notes them always and can look back, here the log is spared while no rule asks for them.
#[must_use]
pub fn is_enabled(state: &State, user: &User, rules: &SecurityCompliance, now_ms: u64) -> bool {
    let max_days = rules.disable_user_account_days_inactive;
    if !user.enabled || max_days == 0 || has_option(user, "ignore_user_inactivity") {
        return user.enabled;
    }
    let Some(noted_since) = state.identity.activity_noted_since_day() else { return true };
    let active = user.last_active_day.unwrap_or_else(|| day_of(user.created_ms)).max(noted_since);
    day_of(now_ms).saturating_sub(active) < max_days
}

/// Enables or disables a user. Enabling forgets failed log-ins and counts as activity, also where the user was
/// enabled before (Keystone does so with every change of an enabled user).
pub fn set_enabled(user: &mut User, enabled: bool, rules: &SecurityCompliance, now_ms: u64) {
    user.enabled = enabled;
    if enabled {
        forget_failures(user);
        if rules.disable_user_account_days_inactive > 0 {
            user.last_active_day = Some(day_of(now_ms));
        }
    }
}

/// Notes a log-in.
pub fn note_login(user: &mut User, rules: &SecurityCompliance, now_ms: u64) {
    forget_failures(user);
    if is_activity_due(user, rules, now_ms) {
        user.last_active_day = Some(day_of(now_ms));
    }
}

/// Whether the user's last noted log-in is of an earlier day, and a rule asks for it.
#[must_use]
pub fn is_activity_due(user: &User, rules: &SecurityCompliance, now_ms: u64) -> bool {
    rules.disable_user_account_days_inactive > 0 && user.last_active_day < Some(day_of(now_ms))
}

fn forget_failures(user: &mut User) {
    user.failed_auth_count = 0;
    user.failed_auth_at_ms = 0;
}

/// Whether the user has failed too often, too lately.
#[must_use]
pub fn is_locked(user: &User, rules: &SecurityCompliance, now_ms: u64) -> bool {
    is_at_limit(user, rules) && !is_lapsed(user, rules, now_ms) && !is_lockout_ignored(user)
}

fn is_at_limit(user: &User, rules: &SecurityCompliance) -> bool {
    rules.lockout_failure_attempts > 0 && user.failed_auth_count >= rules.lockout_failure_attempts
}

fn is_lapsed(user: &User, rules: &SecurityCompliance, now_ms: u64) -> bool {
    user.failed_auth_at_ms.saturating_add(rules.lockout_duration_ms) <= now_ms
}

fn is_lockout_ignored(user: &User) -> bool {
    has_option(user, "ignore_lockout_failure_attempts")
}

/// Whether one more failed log-in changes anything. At the limit it does not, so that guessing does not fill the
/// log: a user has at most as many entries in each `lockout_duration` as failures are allowed.
#[must_use]
pub fn counts_failure(user: &User, rules: &SecurityCompliance, now_ms: u64) -> bool {
    rules.lockout_failure_attempts > 0 && (!is_at_limit(user, rules) || is_lapsed(user, rules, now_ms))
}

/// Counts a failed log-in. A lockout that is over counts no more, unless the user was never locked out by it.
pub fn count_failure(user: &mut User, rules: &SecurityCompliance, now_ms: u64) {
    if !counts_failure(user, rules, now_ms) {
        return;
    }
    if is_at_limit(user, rules) {
        user.failed_auth_count = if is_lockout_ignored(user) { user.failed_auth_count } else { 1 };
    } else {
        user.failed_auth_count += 1;
    }
    user.failed_auth_at_ms = now_ms;
}

/// Whether the password has expired. The option `ignore_password_expiry` acts at once.
#[must_use]
pub fn is_password_expired(user: &User, now_ms: u64) -> bool {
    let expires_ms = user.password.as_ref().and_then(|password| password.expires_ms);
    expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms) && !has_option(user, "ignore_password_expiry")
}

/// Who sets a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetBy {
    /// An administrator, with the user.
    Creation,
    /// An administrator, later.
    Administrator,
    /// The user.
    User,
}

/// Gives a user a password, or none, and keeps those before it as far as the rules look back.
pub fn set_password(
    user: &mut User,
    password: Option<Password>,
    by: SetBy,
    rules: &SecurityCompliance,
    now_ms: u64,
) {
    let kept = usize::try_from(rules.unique_last_password_count.max(1)).unwrap_or(usize::MAX);
    user.former_passwords.extend(user.password.take());
    let spent = user.former_passwords.len().saturating_sub(kept);
    user.former_passwords.drain(..spent);
    // A creation does not look at the options that it brings, as in Keystone.
    let is_exempt = by != SetBy::Creation && has_option(user, "ignore_password_expiry");
    let must_change = by != SetBy::User
        && rules.change_password_upon_first_use
        && (by == SetBy::Creation || !has_option(user, "ignore_change_password_upon_first_use"));
    let days = u64::from(rules.password_expires_days);
    let expires_ms = if must_change {
        Some(now_ms)
    } else {
        // Whole seconds, as in Keystone.
        (days > 0 && !is_exempt).then(|| now_ms / 1000 * 1000 + days * DAY_MS)
    };
    user.password = Some(Password {
        sealed_hash: password.unwrap_or_default().sealed_hash,
        created_ms: now_ms,
        expires_ms,
        self_service: by == SetBy::User,
    });
}

/// The passwords that a new one may not repeat, the newest first.
pub fn recent_passwords<'a>(
    user: &'a User,
    rules: &SecurityCompliance,
) -> impl Iterator<Item = &'a Password> {
    let count = usize::try_from(rules.unique_last_password_count).unwrap_or(usize::MAX);
    user.password
        .iter()
        .chain(user.former_passwords.iter().rev())
        .take(count)
        .filter(|password| !password.sealed_hash.is_empty())
}

/// Whether a user may change its own password now.
///
/// # Errors
/// Its option `lock_password` is set, or it has changed the password too lately.
pub fn check_self_service(user: &User, rules: &SecurityCompliance, now_ms: u64) -> Result<(), CommandError> {
    if has_option(user, "lock_password") {
        return Err(CommandError::Invalid(
            "You cannot change your password at this time due to password policy disallowing password changes. \
             Please contact your administrator to reset your password."
                .into(),
        ));
    }
    let min_age_days = rules.minimum_password_age_days;
    let own = user.password.as_ref().filter(|password| password.self_service);
    let may_change_ms = own.map_or(0, |own| own.created_ms + u64::from(min_age_days) * DAY_MS);
    if now_ms < may_change_ms {
        let days_left = (may_change_ms - now_ms) / DAY_MS;
        return Err(CommandError::Invalid(format!(
            "You cannot change your password at this time due to the minimum password age. Once you change your \
             password, it must be used for {min_age_days} day(s) before it can be changed. Please try again in \
             {days_left} day(s) or contact your administrator to reset your password."
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;

//! The writes that log-ins and users' own changes of their passwords make.

use keyraft_proto::identity::{
    ActivityWatch, ChangePassword, RecordFailedLogin, RecordLogin, User, WatchActivity,
};

use crate::identity::account::{self, SetBy};
use crate::revoke::commands::record_user_event;
use crate::state::{CommandError, Transaction};

#[cfg(test)]
mod tests;

/// Counts a failed log-in towards the user's lockout. Nothing happens to a user that is locked out already.
///
/// # Errors
/// The user is missing.
pub fn record_failed(tx: &mut Transaction, command: RecordFailedLogin) -> Result<(), CommandError> {
    let mut user = User::clone(&*tx.require::<User>(&command.user_id)?);
    account::count_failure(&mut user, &command.rules.unwrap_or_default(), tx.log_time_ms());
    tx.put(user);
    Ok(())
}

/// Forgets the failed log-ins of a user that has proved its password, and notes the day.
///
/// # Errors
/// The user is missing, or was locked out before.
pub fn record(tx: &mut Transaction, command: RecordLogin) -> Result<(), CommandError> {
    let mut user = User::clone(&*tx.require::<User>(&command.user_id)?);
    let (rules, now_ms) = (command.rules.unwrap_or_default(), tx.log_time_ms());
    if account::is_locked(&user, &rules, now_ms) {
        return Err(CommandError::Unauthorized(format!("The account is locked for user: {}.", user.id)));
    }
    account::note_login(&mut user, &rules, now_ms);
    tx.put(user);
    Ok(())
}

/// The user's own change of its password. It revokes the user's tokens.
///
/// The new password was compared with those before it on the node that proposes. They are still the same if the
/// current one is, since each is the current one first.
///
/// # Errors
/// The user is missing, locked out, disabled or may not change it, or the password that was verified is no longer
/// the user's.
pub fn change_password(tx: &mut Transaction, command: ChangePassword) -> Result<(), CommandError> {
    let mut user = User::clone(&*tx.require::<User>(&command.user_id)?);
    let (rules, now_ms) = (command.rules.unwrap_or_default(), tx.log_time_ms());
    check_verified(&user, &command.verified_sealed_hash)?;
    if account::is_locked(&user, &rules, now_ms) {
        return Err(CommandError::Unauthorized(format!("The account is locked for user: {}.", user.id)));
    }
    if !account::is_enabled(tx, &user, &rules, now_ms) {
        return Err(CommandError::Unauthorized(format!("The account is disabled for user: {}.", user.id)));
    }
    account::check_self_service(&user, &rules, now_ms)?;
    account::set_password(&mut user, command.password, SetBy::User, &rules, now_ms);
    tx.put(user);
    record_user_event(tx, &command.user_id);
    Ok(())
}

fn check_verified(user: &User, verified: &[u8]) -> Result<(), CommandError> {
    match account::password_of(user) {
        Some(password) if password.sealed_hash == verified => Ok(()),
        _ => Err(CommandError::Unauthorized("The password was changed meanwhile.".into())),
    }
}

/// Begins to note the days of log-ins, or forgets since when they were noted. Nothing happens if that is so already.
///
/// # Errors
/// None.
pub fn watch_activity(tx: &mut Transaction, command: &WatchActivity) -> Result<(), CommandError> {
    let is_watched = tx.identity.activity_noted_since_day().is_some();
    if command.is_wanted && !is_watched {
        tx.put(ActivityWatch { since_day: account::day_of(tx.log_time_ms()) });
    } else if !command.is_wanted {
        tx.delete::<ActivityWatch>(&());
    }
    Ok(())
}

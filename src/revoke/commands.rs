//! Revoking, and purging what can no longer match.

use keyraft_proto::identity::{PurgeRevocationEvents, RevocationEvent, RevokeToken, RevokeUserTokens, User};

use crate::state::{CommandError, Record, Transaction};

/// Most events that one purge deletes, so that its entry stays small; the rest waits for the next.
const PURGED_AT_ONCE: usize = 90;

/// Logs an event: `event` names what is revoked, the rest is filled in from log time.
pub fn record_event(tx: &mut Transaction, event: RevocationEvent) {
    let number = tx.revoke.next_number(tx.log_index());
    tx.put(RevocationEvent {
        log_index: tx.log_index(),
        number,
        issued_before_s: tx.log_time_ms() / 1000,
        revoked_at_ms: tx.log_time_ms(),
        ..event
    });
}

/// Revokes every token of a user up to now.
pub fn record_user_event(tx: &mut Transaction, user_id: &str) {
    record_event(tx, RevocationEvent { user_id: Some(user_id.into()), ..RevocationEvent::default() });
}

/// Revokes every token scoped to a project up to now.
pub fn record_project_event(tx: &mut Transaction, project_id: &str) {
    record_event(tx, RevocationEvent { project_id: Some(project_id.into()), ..RevocationEvent::default() });
}

/// Revokes one token and, with `cascade`, those rescoped from it.
///
/// # Errors
/// None today.
pub fn revoke_token(tx: &mut Transaction, command: RevokeToken) -> Result<(), CommandError> {
    if command.cascade {
        let audit_chain_id = Some(command.audit_id.clone());
        record_event(tx, RevocationEvent { audit_chain_id, ..RevocationEvent::default() });
    }
    record_event(tx, RevocationEvent { audit_id: Some(command.audit_id), ..RevocationEvent::default() });
    Ok(())
}

/// Revokes every token of a user.
///
/// # Errors
/// The user does not exist.
pub fn revoke_user_tokens(tx: &mut Transaction, command: RevokeUserTokens) -> Result<(), CommandError> {
    tx.require::<User>(&command.user_id)?;
    record_user_event(tx, &command.user_id);
    Ok(())
}

/// Deletes the oldest events among those that can match no valid token.
///
/// # Errors
/// None today.
pub fn purge(tx: &mut Transaction, command: &PurgeRevocationEvents) -> Result<(), CommandError> {
    let old: Vec<_> = tx
        .revoke
        .events
        .values()
        .take_while(|event| event.revoked_at_ms < command.revoked_before_ms)
        .take(PURGED_AT_ONCE)
        .map(|event| event.key())
        .collect();
    for key in &old {
        tx.delete::<RevocationEvent>(key);
    }
    Ok(())
}

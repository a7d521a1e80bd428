//! The writes on key repositories.

use keyraft_proto::identity as proto;

use super::fernet_repository::{FernetKeyRecord, FernetKeySet, KeyPolicy, KeySetError};
use crate::state::{CommandError, Transaction};

impl From<KeySetError> for CommandError {
    fn from(error: KeySetError) -> Self {
        match error {
            KeySetError::OtherClusterKey { .. } => {
                Self::Conflict { entity: "fernet key".to_owned(), detail: error.to_string() }
            }
            error => Self::Forbidden(error.to_string()),
        }
    }
}

impl From<&proto::FernetKeySet> for FernetKeySet {
    fn from(record: &proto::FernetKeySet) -> Self {
        let keys = record.keys.iter().map(|key| FernetKeyRecord {
            number: key.number,
            sealed_key: key.sealed_key.to_vec(),
            created_ms: key.created_ms,
            demoted_ms: key.demoted_ms,
            retention_ms: key.retention_ms,
        });
        Self { keys: keys.collect() }
    }
}

impl From<FernetKeySet> for proto::FernetKeySet {
    fn from(set: FernetKeySet) -> Self {
        let keys = set.keys.into_iter().map(|key| proto::FernetKey {
            number: key.number,
            sealed_key: key.sealed_key.into(),
            created_ms: key.created_ms,
            demoted_ms: key.demoted_ms,
            retention_ms: key.retention_ms,
        });
        Self { keys: keys.collect() }
    }
}

impl From<proto::KeyPolicy> for KeyPolicy {
    fn from(policy: proto::KeyPolicy) -> Self {
        Self {
            max_active_keys: policy.max_active_keys as usize,
            expiration_ms: policy.expiration_ms,
            allow_expired_window_ms: policy.allow_expired_window_ms,
        }
    }
}

fn stored(tx: &Transaction) -> FernetKeySet {
    tx.keys.fernet_keys().map(|record| FernetKeySet::from(&**record)).unwrap_or_default()
}

/// Makes the first keys; does nothing where there are some, as `fernet_setup`.
///
/// # Errors
/// None today.
pub fn set_up(tx: &mut Transaction, command: proto::SetUpFernetKeys) -> Result<(), CommandError> {
    let mut set = stored(tx);
    if !set.keys.is_empty() {
        return Ok(());
    }
    let policy = command.policy.unwrap_or_default().into();
    set.setup(
        command.sealed_staged_key.into(),
        command.sealed_primary_key.into(),
        &policy,
        tx.log_time_ms(),
    )?;
    tx.put(proto::FernetKeySet::from(set));
    Ok(())
}

/// Makes the staged key primary and stages another; by schedule only when it is due.
///
/// # Errors
/// There are no keys, or too many that tokens still need; the new one is sealed under another cluster key.
pub fn rotate(tx: &mut Transaction, command: proto::RotateFernetKeys) -> Result<(), CommandError> {
    let mut set = stored(tx);
    let policy = command.policy.unwrap_or_default().into();
    let now_ms = tx.log_time_ms();
    let is_early = command.interval_ms.is_some_and(|interval_ms| {
        set.next_rotation_due_ms(&policy, interval_ms).is_none_or(|due_ms| due_ms > now_ms)
    });
    if is_early {
        return Ok(());
    }
    set.rotate(command.sealed_staged_key.into(), &policy, now_ms)?;
    tx.put(proto::FernetKeySet::from(set));
    Ok(())
}

/// Drops all keys and begins with two fresh ones.
///
/// # Errors
/// There are no keys.
pub fn replace(tx: &mut Transaction, command: proto::ReplaceFernetKeys) -> Result<(), CommandError> {
    let mut set = stored(tx);
    let policy = command.policy.unwrap_or_default().into();
    let (staged, primary) = (command.sealed_staged_key.into(), command.sealed_primary_key.into());
    set.rotate_compromised(staged, primary, &policy, tx.log_time_ms())?;
    tx.put(proto::FernetKeySet::from(set));
    Ok(())
}

/// Drops the keys that no token can need any more.
///
/// # Errors
/// None today.
pub fn retire(tx: &mut Transaction, command: &proto::RetireFernetKeys) -> Result<(), CommandError> {
    let mut set = stored(tx);
    let policy = command.policy.unwrap_or_default().into();
    set.note_policy(&policy);
    set.retire(&policy, tx.log_time_ms());
    if !set.keys.is_empty() {
        tx.put(proto::FernetKeySet::from(set));
    }
    Ok(())
}

//! Making the hash of a password anew, behind a log-in that has verified it.

use std::sync::Arc;

use keyraft_proto::identity::command::Kind;
use keyraft_proto::identity::{UpgradePasswordHash, User};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::password::Password;
use super::{PASSWORD_CONTEXT, account};
use crate::app::App;
use crate::http::ApiError;
use crate::state::decode_answer;

/// Hashes that a node makes anew at the same time: a storm of log-ins is not to cost two hashes each. What finds no
/// place is left to the user's next log-in.
const AT_ONCE: usize = 1;

/// The places of hashes that are made anew.
#[derive(Debug)]
pub struct HashUpgrades(Arc<Semaphore>);

impl Default for HashUpgrades {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl HashUpgrades {
    fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_owned().ok()
    }
}

/// Begins to make the hash of a password anew, if that is configured and the hash is weaker than those made now.
///
/// The log-in that has verified the password does not wait for it, and does not fail by it: a hash that could not be
/// replaced is tried again at the next log-in.
pub fn begin(app: &App, user: &User, password: Password) {
    if !app.config.identity.upgrade_password_hashes {
        return;
    }
    let Some(stored) = account::password_of(user) else { return };
    let verified_sealed_hash = stored.sealed_hash.clone();
    let is_weak = match app.open_text(PASSWORD_CONTEXT, &verified_sealed_hash) {
        Ok(hash) => app.hashing.hasher().needs_upgrade(&hash),
        Err(_) => false,
    };
    if !is_weak {
        return;
    }
    let Some(place) = app.hash_upgrades.place() else { return };
    let (app, user_id) = (app.clone(), user.id.clone());
    tokio::spawn(async move {
        let upgraded = upgrade(&app, user_id, password, verified_sealed_hash).await;
        match upgraded {
            Ok(()) => metrics::counter!("keyraft_password_hashes_upgraded_total").increment(1),
            Err(error) => tracing::debug!(%error, "the hash of a password was not made anew"),
        }
        drop(place);
    });
}

async fn upgrade(
    app: &App,
    user_id: String,
    password: Password,
    verified_sealed_hash: bytes::Bytes,
) -> Result<(), ApiError> {
    let hash = app.hashing.hash(password).await?;
    let sealed_hash = app.seal(PASSWORD_CONTEXT, hash.as_bytes());
    let command = UpgradePasswordHash { user_id, verified_sealed_hash, sealed_hash };
    let proposed = app.propose(Kind::UpgradePasswordHash(command)).await?;
    decode_answer(&proposed.answer)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_hash_is_made_anew_at_a_time() {
        let upgrades = HashUpgrades::default();
        let place = upgrades.place().unwrap();
        assert!(upgrades.place().is_none());
        drop(place);
        assert!(upgrades.place().is_some());
    }
}

//! The key ring of the state, unsealed once for each change of the keys.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use keyraft_proto::identity as proto;

use super::fernet::KeyRing;
use crate::keys::fernet_repository::{FernetKeySet, KeySetError};
use crate::keys::seal::ClusterKey;
use crate::state::State;

/// Why there is no key ring.
#[derive(Debug, thiserror::Error)]
pub enum NoKeyRing {
    /// The repository is empty: the cluster is not bootstrapped.
    #[error("there are no Fernet keys yet: bootstrap the cluster")]
    Empty,
    /// A key cannot be unsealed: this node's cluster key is not the one of the others.
    #[error("{0}; is the cluster key of this node the right one?")]
    Sealed(#[from] KeySetError),
}

struct Unsealed {
    of: Arc<proto::FernetKeySet>,
    ring: Arc<KeyRing>,
}

/// Keeps the newest key ring unsealed, so that a validation unseals nothing.
#[derive(Default)]
pub struct TokenKeys(ArcSwapOption<Unsealed>);

impl TokenKeys {
    /// The ring of this state's keys.
    ///
    /// # Errors
    /// There are no keys, or they cannot be unsealed.
    pub fn ring(&self, state: &State, key: &ClusterKey) -> Result<Arc<KeyRing>, NoKeyRing> {
        let keys = state.keys.fernet_keys().ok_or(NoKeyRing::Empty)?;
        if let Some(unsealed) = self.0.load().as_ref().filter(|unsealed| Arc::ptr_eq(&unsealed.of, keys)) {
            return Ok(Arc::clone(&unsealed.ring));
        }
        let ring = FernetKeySet::from(&**keys).ring(key, crate::keys::FERNET_CONTEXT)?;
        let ring = Arc::new(ring);
        self.0.store(Some(Arc::new(Unsealed { of: Arc::clone(keys), ring: Arc::clone(&ring) })));
        Ok(ring)
    }
}

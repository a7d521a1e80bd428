//! Whether this node's cluster key is the one of its cluster.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use keyraft_cluster::Outvoted;
use keyraft_proto::identity as proto;

use super::fernet_repository::FernetKeySet;
use super::seal::ClusterKeyId;
use crate::state::State;

/// The file of this node's cluster key does not hold the key of its cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyConflict {
    /// The replicated keys are sealed under another.
    #[error(
        "{} does not hold the cluster key of this cluster: it is {own}, and the Fernet keys are sealed under {sealed_by}",
        file.display()
    )]
    Sealed {
        /// The file of this node's key.
        file: PathBuf,
        /// This node's key.
        own: ClusterKeyId,
        /// The key of the cluster.
        sealed_by: ClusterKeyId,
    },
    /// Other nodes have another, and are too many for this one to be right.
    #[error("{} does not hold the cluster key of the other nodes: {outvoted}", file.display())]
    Outvoted {
        /// The file of this node's key.
        file: PathBuf,
        /// Both keys.
        outvoted: Outvoted,
    },
}

struct Compared {
    keys: Arc<proto::FernetKeySet>,
    sealed_by_other: Option<ClusterKeyId>,
}

/// Compares this node's key with those that seal the replicated keys, once for each change of these.
#[derive(Default)]
pub struct KeyAgreement(ArcSwapOption<Compared>);

impl KeyAgreement {
    /// The conflict of a state, if there is one.
    #[must_use]
    pub fn conflict(&self, state: &State, own: ClusterKeyId, file: &Path) -> Option<KeyConflict> {
        let keys = state.keys.fernet_keys()?;
        let sealed_by = match self.0.load().as_ref().filter(|compared| Arc::ptr_eq(&compared.keys, keys)) {
            Some(compared) => compared.sealed_by_other,
            None => {
                let sealed_by_other = FernetKeySet::from(&**keys).sealed_by_other_than(own);
                self.0.store(Some(Arc::new(Compared { keys: Arc::clone(keys), sealed_by_other })));
                sealed_by_other
            }
        };
        sealed_by.map(|sealed_by| KeyConflict::Sealed { file: file.to_owned(), own, sealed_by })
    }
}

//! The records of key repositories.

use std::sync::Arc;

use keyraft_proto::identity::FernetKeySet;

use crate::state::{Record, State, Table};

/// Key repositories.
#[derive(Clone, Default)]
pub struct Tables {
    /// The token repository: one record, or none before the first set-up.
    pub fernet: Table<FernetKeySet>,
}

impl Record for FernetKeySet {
    const TABLE: u8 = 12;
    const ENTITY: &'static str = "fernet key repository";
    type Key = ();

    fn key(&self) {}

    fn table(state: &State) -> &Table<Self> {
        &state.keys.fernet
    }

    fn table_mut(state: &mut State) -> &mut Table<Self> {
        &mut state.keys.fernet
    }
}

impl Tables {
    /// The Fernet keys of tokens, sealed.
    #[must_use]
    pub fn fernet_keys(&self) -> Option<&Arc<FernetKeySet>> {
        self.fernet.get(&())
    }
}

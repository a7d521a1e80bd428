//! The records of roles and their implications, and their indexes.

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use keyraft_proto::identity::{ImpliedRole, Role};
use smallvec::SmallVec;

use crate::state::{Before, DomainId, Record, RoleId, State, Table};

/// Roles and implications.
#[derive(Clone, Default)]
pub struct Tables {
    /// Roles by id.
    pub roles: Table<Role>,
    /// Implications by prior role, then implied role.
    pub implied_roles: Table<ImpliedRole>,
    /// By domain ("" for global roles) and name.
    by_name: OrdMap<(DomainId, Arc<str>), RoleId>,
    /// Implied role and prior role.
    priors: OrdSet<(RoleId, RoleId)>,
}

impl Record for Role {
    const TABLE: u8 = 5;
    const ENTITY: &'static str = "role";
    type Key = RoleId;

    fn key(&self) -> RoleId {
        self.id.as_str().into()
    }

    fn table(state: &State) -> &Table<Self> {
        &state.role.roles
    }

    fn table_mut(state: &mut State) -> &mut Table<Self> {
        &mut state.role.roles
    }

    fn reindex(state: &mut State, before: Option<&Self>, after: Option<&Self>) {
        let index = &mut state.role.by_name;
        if let Some(old) = before {
            index.remove(&(old.domain_id.as_str().into(), old.name.as_str().into()));
        }
        if let Some(new) = after {
            index.insert((new.domain_id.as_str().into(), new.name.as_str().into()), new.key());
        }
    }
}

impl Record for ImpliedRole {
    const TABLE: u8 = 6;
    const ENTITY: &'static str = "implied role";
    type Key = (RoleId, RoleId);

    fn key(&self) -> Self::Key {
        (self.prior_role_id.as_str().into(), self.implied_role_id.as_str().into())
    }

    fn table(state: &State) -> &Table<Self> {
        &state.role.implied_roles
    }

    fn table_mut(state: &mut State) -> &mut Table<Self> {
        &mut state.role.implied_roles
    }

    fn reindex(state: &mut State, before: Option<&Self>, after: Option<&Self>) {
        let index = &mut state.role.priors;
        if let Some(old) = before {
            index.remove(&(old.implied_role_id.as_str().into(), old.prior_role_id.as_str().into()));
        }
        if let Some(new) = after {
            index.insert((new.implied_role_id.as_str().into(), new.prior_role_id.as_str().into()));
        }
    }
}

impl Tables {
    /// The role with this name in a domain; "" for the global roles.
    #[must_use]
    pub fn role_by_name(&self, domain_id: &str, name: &str) -> Option<&Arc<Role>> {
        self.by_name.get(&(domain_id.into(), name.into())).and_then(|id| self.roles.get(id))
    }

    /// Ids of the roles that a role implies directly.
    pub fn implied_by(&self, prior_role_id: &str) -> impl Iterator<Item = &RoleId> {
        self.implied_roles
            .range_from(Before(prior_role_id))
            .take_while(move |((of, _), _)| of.as_str() == prior_role_id)
            .map(|((_, implied), _)| implied)
    }

    /// Ids of the roles that imply a role directly.
    pub fn priors_of(&self, implied_role_id: &str) -> impl Iterator<Item = &RoleId> {
        self.priors
            .range(Before(implied_role_id)..)
            .take_while(move |(of, _)| of.as_str() == implied_role_id)
            .map(|(_, prior)| prior)
    }

    /// Ids of the roles and of all that they imply, however far; cycles end by themselves.
    #[must_use]
    pub fn expand<'a>(&'a self, role_ids: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::new();
        let mut waiting: SmallVec<[&str; 16]> = role_ids.into_iter().collect();
        while let Some(role_id) = waiting.pop() {
            if found.insert(role_id) {
                waiting.extend(self.implied_by(role_id).map(RoleId::as_str));
            }
        }
        found
    }
}

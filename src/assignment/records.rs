//! The records of assignments, and their indexes.

use std::sync::Arc;

use imbl::OrdSet;
use keyraft_proto::identity::{ActorKind, Assignment, TargetKind};

use crate::state::table::{DurableKey, join_key};
use crate::state::{Record, RoleId, State, Table};

/// Target id of an assignment on the system.
pub const SYSTEM: &str = "system";

type Text = Arc<str>;
/// Actor kind, actor, target kind, target, role, inherited.
pub type AssignmentKey = (i32, Text, i32, Text, RoleId, bool);

/// Assignments.
#[derive(Clone, Default)]
pub struct Tables {
    /// By actor, then target.
    pub assignments: Table<Assignment>,
    /// By target.
    by_target: OrdSet<(i32, Text, AssignmentKey)>,
    /// By role.
    by_role: OrdSet<(RoleId, AssignmentKey)>,
}

impl DurableKey for AssignmentKey {
    fn to_bytes(&self) -> Vec<u8> {
        let (actor_kind, actor, target_kind, target, role, inherited) = self;
        join_key(&[
            &actor_kind.to_string(),
            actor,
            &target_kind.to_string(),
            target,
            role.as_str(),
            if *inherited { "1" } else { "0" },
        ])
    }
}

impl Record for Assignment {
    const TABLE: u8 = 7;
    const ENTITY: &'static str = "role assignment";
    type Key = AssignmentKey;

    fn key(&self) -> AssignmentKey {
        (
            self.actor_kind,
            self.actor_id.as_str().into(),
            self.target_kind,
            self.target_id.as_str().into(),
            self.role_id.as_str().into(),
            self.inherited,
        )
    }

    fn table(state: &State) -> &Table<Self> {
        &state.assignment.assignments
    }

    fn table_mut(state: &mut State) -> &mut Table<Self> {
        &mut state.assignment.assignments
    }

    fn reindex(state: &mut State, before: Option<&Self>, after: Option<&Self>) {
        let tables = &mut state.assignment;
        if let Some(old) = before {
            let key = old.key();
            tables.by_role.remove(&(key.4.clone(), key.clone()));
            tables.by_target.remove(&(key.2, Arc::clone(&key.3), key));
        }
        if let Some(new) = after {
            let key = new.key();
            tables.by_role.insert((key.4.clone(), key.clone()));
            tables.by_target.insert((key.2, Arc::clone(&key.3), key));
        }
    }
}

fn first_key(actor_kind: i32, actor: &str) -> AssignmentKey {
    (actor_kind, actor.into(), i32::MIN, "".into(), RoleId::from(""), false)
}

impl Tables {
    /// The assignments of a user or group, direct ones only.
    pub fn of_actor(&self, kind: ActorKind, id: &str) -> impl Iterator<Item = &Arc<Assignment>> {
        let actor: Text = id.into();
        self.assignments
            .range_from(first_key(kind.into(), id))
            .take_while(move |(key, _)| key.0 == i32::from(kind) && key.1 == actor)
            .map(|(_, assignment)| assignment)
    }

    /// The assignments on a project, domain or the system, direct and inherited-to-projects ones.
    pub fn on_target(&self, kind: TargetKind, id: &str) -> impl Iterator<Item = &Arc<Assignment>> {
        let target: Text = id.into();
        self.by_target
            .range((i32::from(kind), Arc::clone(&target), first_key(i32::MIN, ""))..)
            .take_while(move |(of, on, _)| *of == i32::from(kind) && *on == target)
            .filter_map(|(_, _, key)| self.assignments.get(key))
    }

    /// The assignments of a role.
    pub fn of_role(&self, role_id: &str) -> impl Iterator<Item = &Arc<Assignment>> {
        let role = RoleId::from(role_id);
        self.by_role
            .range((role.clone(), first_key(i32::MIN, ""))..)
            .take_while(move |(of, _)| *of == role)
            .filter_map(|(_, key)| self.assignments.get(key))
    }
}

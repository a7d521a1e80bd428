//! The records of assignments, and their indexes.

use std::cmp::Ordering;
use std::sync::Arc;

use equivalent::{Comparable, Equivalent};
use imbl::OrdSet;
use keyraft_proto::identity::{ActorKind, Assignment, TargetKind};

use crate::state::table::{DurableKey, join_key};
use crate::state::{Before, Record, RoleId, State, Table};

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

// A planted bug leaves the assignments out of snapshots, and is told their table by its number.
const _: () = assert!(keyraft_cluster::planted::TABLE_LEFT_OUT == Assignment::TABLE);

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

/// The place in an ordered table right before the keys that begin with this kind and id.
struct BeforeKind<'a>(i32, &'a str);

impl BeforeKind<'_> {
    fn place(&self, kind: i32, id: &str) -> Ordering {
        (self.0, self.1).cmp(&(kind, id)).then(Ordering::Less)
    }
}

impl Equivalent<AssignmentKey> for BeforeKind<'_> {
    fn equivalent(&self, _key: &AssignmentKey) -> bool {
        false
    }
}

impl Comparable<AssignmentKey> for BeforeKind<'_> {
    fn compare(&self, (kind, actor, ..): &AssignmentKey) -> Ordering {
        self.place(*kind, actor)
    }
}

impl Equivalent<(i32, Text, AssignmentKey)> for BeforeKind<'_> {
    fn equivalent(&self, _key: &(i32, Text, AssignmentKey)) -> bool {
        false
    }
}

impl Comparable<(i32, Text, AssignmentKey)> for BeforeKind<'_> {
    fn compare(&self, (kind, target, _): &(i32, Text, AssignmentKey)) -> Ordering {
        self.place(*kind, target)
    }
}

impl Tables {
    /// The assignments of a user or group, direct ones only.
    pub fn of_actor(&self, kind: ActorKind, id: &str) -> impl Iterator<Item = &Arc<Assignment>> {
        let kind = i32::from(kind);
        self.assignments
            .range_from(BeforeKind(kind, id))
            .take_while(move |(key, _)| key.0 == kind && *key.1 == *id)
            .map(|(_, assignment)| assignment)
    }

    /// The assignments on a project, domain or the system, direct and inherited-to-projects ones.
    pub fn on_target(&self, kind: TargetKind, id: &str) -> impl Iterator<Item = &Arc<Assignment>> {
        let kind = i32::from(kind);
        self.by_target
            .range(BeforeKind(kind, id)..)
            .take_while(move |(of, on, _)| *of == kind && **on == *id)
            .filter_map(|(_, _, key)| self.assignments.get(key))
    }

    /// The assignments of a role.
    pub fn of_role(&self, role_id: &str) -> impl Iterator<Item = &Arc<Assignment>> {
        self.by_role
            .range(Before(role_id)..)
            .take_while(move |(of, _)| of.as_str() == role_id)
            .filter_map(|(_, key)| self.assignments.get(key))
    }
}

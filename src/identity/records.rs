//! The records of users, groups and memberships, and their indexes.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use keyraft_proto::identity::{ActivityWatch, Group, Membership, User};

use crate::state::{Before, DomainId, GroupId, ProjectId, Record, State, Table, UserId};

/// Users, groups and who is in which.
#[derive(Clone, Default)]
pub struct Tables {
    /// Users by id.
    pub users: Table<User>,
    /// Groups by id.
    pub groups: Table<Group>,
    /// Memberships by group, then user.
    pub memberships: Table<Membership>,
    /// Since when the days of log-ins are noted: one record, or none.
    pub activity_watch: Table<ActivityWatch>,
    users_by_name: OrdMap<(DomainId, Arc<str>), UserId>,
    groups_by_name: OrdMap<(DomainId, Arc<str>), GroupId>,
    groups_of_user: OrdSet<(UserId, GroupId)>,
    users_by_default_project: OrdSet<(ProjectId, UserId)>,
}

impl Record for User {
    const TABLE: u8 = 2;
    const ENTITY: &'static str = "user";
    const IS_HASHED: bool = true;
    type Key = UserId;

    fn key(&self) -> UserId {
        self.id.as_str().into()
    }

    fn table(state: &State) -> &Table<Self> {
        &state.identity.users
    }

    fn table_mut(state: &mut State) -> &mut Table<Self> {
        &mut state.identity.users
    }

    fn reindex(state: &mut State, before: Option<&Self>, after: Option<&Self>) {
        let tables = &mut state.identity;
        if let Some(old) = before {
            tables.users_by_name.remove(&(old.domain_id.as_str().into(), old.name.as_str().into()));
            if let Some(project) = old.default_project_id.as_deref() {
                tables.users_by_default_project.remove(&(project.into(), old.key()));
            }
        }
        if let Some(new) = after {
            let name = (new.domain_id.as_str().into(), new.name.as_str().into());
            tables.users_by_name.insert(name, new.key());
            if let Some(project) = new.default_project_id.as_deref() {
                tables.users_by_default_project.insert((project.into(), new.key()));
            }
        }
    }
}

impl Record for Group {
    const TABLE: u8 = 3;
    const ENTITY: &'static str = "group";
    type Key = GroupId;

    fn key(&self) -> GroupId {
        self.id.as_str().into()
    }

    fn table(state: &State) -> &Table<Self> {
        &state.identity.groups
    }

    fn table_mut(state: &mut State) -> &mut Table<Self> {
        &mut state.identity.groups
    }

    fn reindex(state: &mut State, before: Option<&Self>, after: Option<&Self>) {
        let index = &mut state.identity.groups_by_name;
        if let Some(old) = before {
            index.remove(&(old.domain_id.as_str().into(), old.name.as_str().into()));
        }
        if let Some(new) = after {
            index.insert((new.domain_id.as_str().into(), new.name.as_str().into()), new.key());
        }
    }
}

impl Record for Membership {
    const TABLE: u8 = 4;
    const ENTITY: &'static str = "membership";
    type Key = (GroupId, UserId);

    fn key(&self) -> Self::Key {
        (self.group_id.as_str().into(), self.user_id.as_str().into())
    }

    fn table(state: &State) -> &Table<Self> {
        &state.identity.memberships
    }

    fn table_mut(state: &mut State) -> &mut Table<Self> {
        &mut state.identity.memberships
    }

    fn reindex(state: &mut State, before: Option<&Self>, after: Option<&Self>) {
        let index = &mut state.identity.groups_of_user;
        if let Some(old) = before {
            index.remove(&(old.user_id.as_str().into(), old.group_id.as_str().into()));
        }
        if let Some(new) = after {
            index.insert((new.user_id.as_str().into(), new.group_id.as_str().into()));
        }
    }
}

impl Record for ActivityWatch {
    const TABLE: u8 = 13;
    const ENTITY: &'static str = "activity watch";
    type Key = ();

    fn key(&self) {}

    fn table(state: &State) -> &Table<Self> {
        &state.identity.activity_watch
    }

    fn table_mut(state: &mut State) -> &mut Table<Self> {
        &mut state.identity.activity_watch
    }
}

impl Tables {
    /// The day, counted from the epoch, since which the days of log-ins are noted, if they are.
    #[must_use]
    pub fn activity_noted_since_day(&self) -> Option<u32> {
        self.activity_watch.get(&()).map(|watch| watch.since_day)
    }

    /// The user with this name in a domain.
    #[must_use]
    pub fn user_by_name(&self, domain_id: &str, name: &str) -> Option<&Arc<User>> {
        self.users_by_name.get(&(domain_id.into(), name.into())).and_then(|id| self.users.get(id))
    }

    /// The group with this name in a domain.
    #[must_use]
    pub fn group_by_name(&self, domain_id: &str, name: &str) -> Option<&Arc<Group>> {
        self.groups_by_name.get(&(domain_id.into(), name.into())).and_then(|id| self.groups.get(id))
    }

    /// The users of a domain.
    pub fn users_in_domain(&self, domain_id: &str) -> impl Iterator<Item = &Arc<User>> {
        self.users_by_name
            .range(Before(domain_id)..)
            .take_while(move |((of, _), _)| of.as_str() == domain_id)
            .filter_map(|(_, id)| self.users.get(id))
    }

    /// The users whose default project is this one.
    pub fn users_with_default_project(&self, project_id: &str) -> impl Iterator<Item = &Arc<User>> {
        self.users_by_default_project
            .range(Before(project_id)..)
            .take_while(move |(of, _)| of.as_str() == project_id)
            .filter_map(|(_, id)| self.users.get(id))
    }

    /// The groups of a domain.
    pub fn groups_in_domain(&self, domain_id: &str) -> impl Iterator<Item = &Arc<Group>> {
        self.groups_by_name
            .range(Before(domain_id)..)
            .take_while(move |((of, _), _)| of.as_str() == domain_id)
            .filter_map(|(_, id)| self.groups.get(id))
    }

    /// Whether the user is in the group.
    #[must_use]
    pub fn is_member(&self, group_id: &str, user_id: &str) -> bool {
        self.memberships.contains(&(GroupId::from(group_id), UserId::from(user_id)))
    }

    /// Ids of the groups that a user is in.
    pub fn groups_of_user(&self, user_id: &str) -> impl Iterator<Item = &GroupId> {
        self.groups_of_user
            .range(Before(user_id)..)
            .take_while(move |(of, _)| of.as_str() == user_id)
            .map(|(_, group)| group)
    }

    /// Ids of the users in a group.
    pub fn users_in_group(&self, group_id: &str) -> impl Iterator<Item = &UserId> {
        self.memberships
            .range_from(Before(group_id))
            .take_while(move |((of, _), _)| of.as_str() == group_id)
            .map(|((_, user), _)| user)
    }
}

#[cfg(test)]
mod tests {
    use crate::state::test_workload;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(test_workload::config())]

        #[test]
        fn the_indexes_agree_with_a_rebuild(commands in test_workload::commands()) {
            let log = test_workload::log_of(commands);
            let (kept, rebuilt) = (&log.state.identity, log.reloaded().identity);
            prop_assert_eq!(&kept.users_by_name, &rebuilt.users_by_name);
            prop_assert_eq!(&kept.groups_by_name, &rebuilt.groups_by_name);
            prop_assert_eq!(&kept.groups_of_user, &rebuilt.groups_of_user);
            prop_assert_eq!(&kept.users_by_default_project, &rebuilt.users_by_default_project);
            prop_assert_eq!(kept.users_by_name.len(), kept.users.len());
            prop_assert_eq!(kept.groups_by_name.len(), kept.groups.len());
            prop_assert_eq!(kept.groups_of_user.len(), kept.memberships.len());
        }

        #[test]
        fn nothing_refers_to_what_is_gone(commands in test_workload::commands()) {
            let log = test_workload::log_of(commands);
            let state = &log.state;
            for user in state.identity.users.values() {
                prop_assert!(state.resource.domain(&user.domain_id).is_some());
            }
            for group in state.identity.groups.values() {
                prop_assert!(state.resource.domain(&group.domain_id).is_some());
            }
            for membership in state.identity.memberships.values() {
                prop_assert!(state.identity.users.contains(membership.user_id.as_str()));
                prop_assert!(state.identity.groups.contains(membership.group_id.as_str()));
            }
            for assignment in state.assignment.assignments.values() {
                let (actor, target) = (assignment.actor_id.as_str(), assignment.target_id.as_str());
                prop_assert!(state.identity.users.contains(actor) || state.identity.groups.contains(actor));
                prop_assert!(state.resource.projects.contains(target));
            }
        }
    }
}

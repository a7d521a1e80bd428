//! Which roles a user has now: direct and group assignments, inheritance, and implications.

use std::collections::BTreeSet;
use std::sync::Arc;

use keyraft_proto::identity::{ActorKind, Assignment, Project, Role, TargetKind};

use super::records::SYSTEM;
use crate::state::{RoleId, State};

/// What a role can be held on.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// A project.
    Project(&'a Project),
    /// A domain.
    Domain(&'a Project),
    /// The whole deployment.
    System,
}

/// The assignments of a user, its groups' among them.
fn assignments_of<'a>(state: &'a State, user_id: &'a str) -> impl Iterator<Item = &'a Arc<Assignment>> + 'a {
    let of_groups = state
        .identity
        .groups_of_user(user_id)
        .flat_map(|group| state.assignment.of_actor(ActorKind::Group, group.as_str()));
    state.assignment.of_actor(ActorKind::User, user_id).chain(of_groups)
}

/// Whether an assignment gives its role on the target, by itself or by inheritance.
///
/// `above` are the ids of the projects above the target and of its domain.
#[must_use]
pub fn covers(assignment: &Assignment, target: Target<'_>, above: &[Arc<Project>]) -> bool {
    let on = assignment.target_id.as_str();
    match (target, assignment.target_kind(), assignment.inherited) {
        (Target::Project(project), TargetKind::Project, false) => on == project.id,
        (Target::Project(_), TargetKind::Project | TargetKind::Domain, true) => {
            above.iter().any(|up| up.id == on)
        }
        (Target::Domain(domain), TargetKind::Domain, false) => on == domain.id,
        (Target::System, TargetKind::System, false) => on == SYSTEM,
        _ => false,
    }
}

/// The roles that a user has on a target, with what they imply, by id.
///
/// Roles of a domain are not in it themselves, only the global roles that they imply, as in Keystone's tokens.
#[must_use]
pub fn roles_on(state: &State, user_id: &str, target: Target<'_>) -> Vec<Arc<Role>> {
    let above = match target {
        Target::Project(project) => state.resource.parents(project),
        Target::Domain(_) | Target::System => Vec::new(),
    };
    let direct: BTreeSet<RoleId> = assignments_of(state, user_id)
        .filter(|assignment| covers(assignment, target, &above))
        .map(|assignment| assignment.role_id.as_str().into())
        .collect();
    if direct.is_empty() {
        return Vec::new();
    }
    state
        .role
        .expand(direct)
        .iter()
        .filter_map(|id| state.role.roles.get(id))
        .filter(|role| role.domain_id.is_empty())
        .cloned()
        .collect()
}

/// The projects on which a user has a role, by id.
#[must_use]
pub fn projects_of(state: &State, user_id: &str) -> Vec<Arc<Project>> {
    let mut ids = BTreeSet::new();
    for assignment in assignments_of(state, user_id) {
        match (assignment.target_kind(), assignment.inherited) {
            (TargetKind::Project, false) => {
                ids.insert(assignment.target_id.clone());
            }
            (TargetKind::Project | TargetKind::Domain, true) => {
                ids.extend(
                    state.resource.subtree(&assignment.target_id).iter().map(|project| project.id.clone()),
                );
            }
            _ => {}
        }
    }
    ids.iter().filter_map(|id| state.resource.projects.get(id.as_str())).cloned().collect()
}

/// The domains on which a user has a role, by id.
#[must_use]
pub fn domains_of(state: &State, user_id: &str) -> Vec<Arc<Project>> {
    let ids: BTreeSet<&str> = assignments_of(state, user_id)
        .filter(|assignment| assignment.target_kind() == TargetKind::Domain && !assignment.inherited)
        .map(|assignment| assignment.target_id.as_str())
        .collect();
    ids.into_iter().filter_map(|id| state.resource.domain(id)).cloned().collect()
}

/// Whether a user has a role on the system.
#[must_use]
pub fn is_on_system(state: &State, user_id: &str) -> bool {
    assignments_of(state, user_id).any(|assignment| covers(assignment, Target::System, &[]))
}

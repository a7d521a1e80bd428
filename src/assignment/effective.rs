//! Which roles a user has now: direct and group assignments, inheritance, and implications.

use std::collections::BTreeSet;
use std::sync::Arc;

use keyraft_proto::identity::{ActorKind, Assignment, Project, Role, TargetKind};

use super::records::SYSTEM;
use crate::state::State;

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

/// Whether a role is in tokens, itself or by what it implies: roles of a domain are not in it themselves.
fn counts(state: &State, role_id: &str) -> bool {
    let is_global = |id| state.role.roles.get(id).is_some_and(|role| role.domain_id.is_empty());
    is_global(role_id) || state.role.expand([role_id]).into_iter().any(is_global)
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
    let direct = assignments_of(state, user_id)
        .filter(|assignment| covers(assignment, target, &above))
        .map(|assignment| assignment.role_id.as_str());
    state
        .role
        .expand(direct)
        .into_iter()
        .filter_map(|id| state.role.roles.get(id))
        .filter(|role| role.domain_id.is_empty())
        .cloned()
        .collect()
}

/// The projects on which a user has a role that tokens show, by id.
#[must_use]
pub fn projects_of(state: &State, user_id: &str) -> Vec<Arc<Project>> {
    let mut ids = BTreeSet::new();
    for assignment in assignments_of(state, user_id).filter(|row| counts(state, &row.role_id)) {
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

/// The domains on which a user has a role that tokens show, by id.
#[must_use]
pub fn domains_of(state: &State, user_id: &str) -> Vec<Arc<Project>> {
    let ids: BTreeSet<&str> = assignments_of(state, user_id)
        .filter(|assignment| assignment.target_kind() == TargetKind::Domain && !assignment.inherited)
        .filter(|assignment| counts(state, &assignment.role_id))
        .map(|assignment| assignment.target_id.as_str())
        .collect();
    ids.into_iter().filter_map(|id| state.resource.domain(id)).cloned().collect()
}

/// Whether a user has a role on the system.
#[must_use]
pub fn is_on_system(state: &State, user_id: &str) -> bool {
    assignments_of(state, user_id).any(|assignment| covers(assignment, Target::System, &[]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignment::fixture::state;

    fn on_project(state: &State, user_id: &str, project_id: &str) -> Vec<String> {
        let project = state.resource.projects.get(project_id).unwrap();
        names(roles_on(state, user_id, Target::Project(project)))
    }

    fn names(roles: Vec<Arc<Role>>) -> Vec<String> {
        roles.iter().map(|role| role.id.clone()).collect()
    }

    fn ids(projects: &[Arc<Project>]) -> Vec<&str> {
        projects.iter().map(|project| project.id.as_str()).collect()
    }

    #[test]
    fn a_role_holds_on_its_project_alone() {
        let state = state(&["user ann x project mid"]);
        assert_eq!(on_project(&state, "ann", "mid"), ["x"]);
        for other in ["top", "leaf", "side", "far"] {
            assert!(on_project(&state, "ann", other).is_empty(), "{other}");
        }
        assert!(on_project(&state, "bob", "mid").is_empty());
        assert_eq!(ids(&projects_of(&state, "ann")), ["mid"]);
    }

    #[test]
    fn members_have_the_roles_of_their_group() {
        let state = state(&["group staff x project top", "user ann a project top"]);
        assert_eq!(on_project(&state, "bob", "top"), ["x"]);
        assert_eq!(on_project(&state, "ann", "top"), ["a", "b", "c", "x"]);
        assert!(on_project(&state, "cat", "top").is_empty());
    }

    #[test]
    fn what_a_domain_bequeaths_holds_on_all_its_projects_and_not_on_itself() {
        let state = state(&["group staff x domain d inherited"]);
        for project in ["top", "mid", "leaf", "side"] {
            assert_eq!(on_project(&state, "ann", project), ["x"], "{project}");
        }
        assert!(on_project(&state, "ann", "far").is_empty());
        let domain = state.resource.domain("d").unwrap();
        assert!(roles_on(&state, "ann", Target::Domain(domain)).is_empty());
        assert!(domains_of(&state, "ann").is_empty());
        assert_eq!(ids(&projects_of(&state, "ann")), ["leaf", "mid", "side", "top"]);
    }

    #[test]
    fn what_a_project_bequeaths_holds_below_it_only() {
        let state = state(&["user ann x project mid inherited"]);
        assert_eq!(on_project(&state, "ann", "leaf"), ["x"]);
        for other in ["top", "mid", "side"] {
            assert!(on_project(&state, "ann", other).is_empty(), "{other}");
        }
        assert_eq!(ids(&projects_of(&state, "ann")), ["leaf"]);
    }

    #[test]
    fn a_role_on_a_domain_holds_there_and_not_on_its_projects() {
        let state = state(&["user ann x domain d"]);
        let domain = state.resource.domain("d").unwrap();
        assert_eq!(names(roles_on(&state, "ann", Target::Domain(domain))), ["x"]);
        assert!(on_project(&state, "ann", "top").is_empty());
        assert_eq!(ids(&domains_of(&state, "ann")), ["d"]);
        assert!(projects_of(&state, "ann").is_empty());
    }

    #[test]
    fn a_circle_of_implications_gives_each_role_once() {
        let state = state(&["user ann b project top"]);
        assert_eq!(on_project(&state, "ann", "top"), ["a", "b", "c"]);
    }

    #[test]
    fn a_role_of_a_domain_is_hidden_but_what_it_implies_is_not() {
        let state =
            state(&["user ann own project top", "user bob lone project top", "user cat lone domain d"]);
        assert_eq!(on_project(&state, "ann", "top"), ["x"]);
        assert_eq!(ids(&projects_of(&state, "ann")), ["top"]);
        assert!(on_project(&state, "bob", "top").is_empty());
        assert!(projects_of(&state, "bob").is_empty());
        assert!(domains_of(&state, "cat").is_empty());
    }

    #[test]
    fn a_role_on_the_system_holds_there_only() {
        let state = state(&["group staff a system"]);
        assert!(is_on_system(&state, "ann") && !is_on_system(&state, "cat"));
        assert_eq!(names(roles_on(&state, "ann", Target::System)), ["a", "b", "c"]);
        assert!(on_project(&state, "ann", "top").is_empty());
        assert!(projects_of(&state, "ann").is_empty() && domains_of(&state, "ann").is_empty());
    }
}

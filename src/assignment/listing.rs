//! Lists of assignments: as they were granted, or as they take effect.
//!
//! ```text
//! granted    group g has role r on domain d, inherited to projects
//! effective  user u (through g) has r on project p (from d)
//!            user u (through g) has s on project p (from d), because r implies s
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;

use keyraft_proto::identity::{ActorKind, Assignment, Project, TargetKind, User};

use crate::state::{CommandError, Record, RoleId, State};

type Text = Arc<str>;

/// Which assignments are asked for. What is absent filters nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// This role.
    pub role_id: Option<&'a str>,
    /// This user; with effective ones, also through groups.
    pub user_id: Option<&'a str>,
    /// This group. It does not count for effective ones, of which no group is the actor.
    pub group_id: Option<&'a str>,
    /// On this domain.
    pub domain_id: Option<&'a str>,
    /// On this project.
    pub project_id: Option<&'a str>,
    /// With `project_id`: or on a project below it.
    pub has_subtree: bool,
    /// On the system. It does not count for effective ones, which Keystone lists for projects and domains only.
    pub is_system: bool,
    /// Inherited to projects, or not. It does not count on the system.
    pub is_inherited: Option<bool>,
}

/// One assignment, with the reason why it holds when it is not granted as it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// User or group.
    pub actor_kind: ActorKind,
    /// Whose it is.
    pub actor_id: Text,
    /// Project, domain or the system.
    pub target_kind: TargetKind,
    /// What it is on.
    pub target_id: Text,
    /// The role.
    pub role_id: RoleId,
    /// Granted for the projects below the target, and not expanded to them.
    pub is_inherited: bool,
    /// The group through which the user has it.
    pub group_id: Option<Text>,
    /// The project or domain from which the project inherits it.
    pub inherited_from: Option<(TargetKind, Text)>,
    /// The role that implies it.
    pub prior_role_id: Option<RoleId>,
}

impl Row {
    fn granted(assignment: &Assignment) -> Self {
        Self {
            actor_kind: assignment.actor_kind(),
            actor_id: assignment.actor_id.as_str().into(),
            target_kind: assignment.target_kind(),
            target_id: assignment.target_id.as_str().into(),
            role_id: assignment.role_id.as_str().into(),
            is_inherited: assignment.inherited,
            group_id: None,
            inherited_from: None,
            prior_role_id: None,
        }
    }

    /// The same for a member of the group that has it.
    fn for_member(&self, user_id: &str) -> Self {
        let group_id = Some(Arc::clone(&self.actor_id));
        Self { actor_kind: ActorKind::User, actor_id: user_id.into(), group_id, ..self.clone() }
    }

    /// The same on a project that inherits it.
    fn on_heir(&self, project_id: &str) -> Self {
        Self {
            target_kind: TargetKind::Project,
            target_id: project_id.into(),
            is_inherited: false,
            inherited_from: Some((self.target_kind, Arc::clone(&self.target_id))),
            ..self.clone()
        }
    }
}

type Targets<'a> = [(TargetKind, &'a str)];

/// The assignments of an actor (of all, without one) on any of the targets (on all but the system, without
/// any), through the narrowest index.
fn find<'a>(
    state: &'a State,
    actor: Option<(ActorKind, &'a str)>,
    targets: Option<&'a Targets<'a>>,
    role_id: Option<&'a str>,
) -> Box<dyn Iterator<Item = &'a Assignment> + 'a> {
    let tables = &state.assignment;
    let is_wanted = move |assignment: &&Assignment| {
        let target = (assignment.target_kind(), assignment.target_id.as_str());
        actor.is_none_or(|(kind, id)| assignment.actor_kind() == kind && assignment.actor_id == id)
            && targets.map_or(target.0 != TargetKind::System, |targets| targets.contains(&target))
            && role_id.is_none_or(|role_id| assignment.role_id == role_id)
    };
    match (actor, targets, role_id) {
        (Some((kind, id)), _, _) => Box::new(tables.of_actor(kind, id).map(|row| &**row).filter(is_wanted)),
        (None, Some(targets), _) => {
            let rows = targets.iter().flat_map(|(kind, id)| tables.on_target(*kind, id));
            Box::new(rows.map(|row| &**row).filter(is_wanted))
        }
        (None, None, Some(role_id)) => Box::new(tables.of_role(role_id).map(|row| &**row).filter(is_wanted)),
        (None, None, None) => Box::new(tables.assignments.values().map(|row| &**row).filter(is_wanted)),
    }
}

/// The project asked for, then those below it if they were asked for too.
fn projects_of<'a>(
    project_id: &'a str,
    below: &'a [Arc<Project>],
) -> impl Iterator<Item = (TargetKind, &'a str)> {
    std::iter::once(project_id)
        .chain(below.iter().map(|project| project.id.as_str()))
        .map(|id| (TargetKind::Project, id))
}

fn below(state: &State, filter: Filter<'_>) -> Vec<Arc<Project>> {
    match filter.project_id {
        Some(project_id) if filter.has_subtree => state.resource.subtree(project_id),
        _ => Vec::new(),
    }
}

/// The assignments as they were granted.
#[must_use]
pub fn granted(state: &State, filter: Filter<'_>) -> Vec<Row> {
    let user = filter.user_id.map(|id| (ActorKind::User, id));
    let actor = user.or(filter.group_id.map(|id| (ActorKind::Group, id)));
    let below = below(state, filter);
    let targets: Option<Vec<_>> = match (filter.project_id, filter.domain_id) {
        (Some(project_id), _) => Some(projects_of(project_id, &below).collect()),
        (None, Some(domain_id)) => Some(vec![(TargetKind::Domain, domain_id)]),
        (None, None) => None,
    };
    let mut rows = Vec::new();
    if !filter.is_system {
        let found = find(state, actor, targets.as_deref(), filter.role_id);
        let found = found.filter(|row| filter.is_inherited.is_none_or(|wanted| row.inherited == wanted));
        rows.extend(found.map(Row::granted));
    }
    if targets.is_none() {
        let system = [(TargetKind::System, super::records::SYSTEM)];
        rows.extend(find(state, actor, Some(&system), filter.role_id).map(Row::granted));
    }
    rows
}

/// The assignments as they take effect: groups become their members, inherited ones become those of the projects
/// below, roles bring along what they imply, and roles of a domain are left out.
///
/// One role may be listed several times, once for each reason.
///
/// # Errors
/// The user is missing, or the project where inherited assignments are asked for, as in Keystone.
pub fn effective(state: &State, filter: Filter<'_>) -> Result<Vec<Row>, CommandError> {
    // Domains inherit nothing.
    let is_inherited = if filter.domain_id.is_some() { Some(false) } else { filter.is_inherited };
    let below = below(state, filter);
    let mut targets = Targeted::default();
    if is_inherited != Some(true) {
        targets.direct = Some(match (filter.project_id, filter.domain_id) {
            (Some(project_id), _) => Some(projects_of(project_id, &below).collect()),
            (None, domain_id) => domain_id.map(|id| vec![(TargetKind::Domain, id)]),
        });
    }
    let project = filter.project_id.map(|id| require::<Project>(state, id, "project"));
    let above = match (&project, is_inherited) {
        (Some(Err(missing)), None | Some(true)) => return Err(missing.clone()),
        (Some(Ok(project)), _) => state.resource.parents(project),
        _ => Vec::new(),
    };
    if is_inherited != Some(false) {
        targets.inherited = Some(filter.project_id.map(|project_id| sources(project_id, &above, &below)));
    }
    let expansion = Expansion { state, filter, below: &below };
    let mut rows = Vec::new();
    match filter.user_id {
        None => expansion.add(&mut rows, None, &targets),
        Some(user_id) => {
            require::<User>(state, user_id, "user")?;
            expansion.add(&mut rows, Some((ActorKind::User, user_id)), &targets);
            for group_id in state.identity.groups_of_user(user_id) {
                expansion.add(&mut rows, Some((ActorKind::Group, group_id.as_str())), &targets);
            }
        }
    }
    add_implied(state, &mut rows);
    let is_global = |id: &RoleId| state.role.roles.get(id).is_some_and(|role| role.domain_id.is_empty());
    rows.retain(|row| {
        is_global(&row.role_id) && filter.role_id.is_none_or(|role_id| row.role_id.as_str() == role_id)
    });
    Ok(rows)
}

fn require<'a, R>(state: &'a State, id: &str, entity: &str) -> Result<&'a Arc<R>, CommandError>
where
    R: Record,
    R::Key: std::borrow::Borrow<str>,
{
    let missing = || CommandError::NotFound { entity: entity.into(), id: id.into() };
    R::table(state).get(id).ok_or_else(missing)
}

/// Where assignments are looked for: the outer option says whether, the inner one limits the targets.
#[derive(Default)]
struct Targeted<'a> {
    direct: Option<Option<Vec<(TargetKind, &'a str)>>>,
    inherited: Option<Option<Vec<(TargetKind, &'a str)>>>,
}

/// From where a project and those below it can inherit: what is above, and each other.
///
/// A domain is a project too: a role may be granted on it as such, and is inherited just the same.
fn sources<'a>(
    project_id: &'a str,
    above: &'a [Arc<Project>],
    below: &'a [Arc<Project>],
) -> Vec<(TargetKind, &'a str)> {
    let mut found: Vec<_> = above.iter().map(|up| (TargetKind::Project, up.id.as_str())).collect();
    found.extend(above.iter().filter(|up| up.is_domain).map(|up| (TargetKind::Domain, up.id.as_str())));
    if !below.is_empty() {
        found.extend(projects_of(project_id, below));
    }
    found
}

struct Expansion<'a> {
    state: &'a State,
    filter: Filter<'a>,
    below: &'a [Arc<Project>],
}

impl Expansion<'_> {
    fn add(&self, rows: &mut Vec<Row>, actor: Option<(ActorKind, &str)>, targets: &Targeted<'_>) {
        for (targets, is_inherited) in [(&targets.direct, false), (&targets.inherited, true)] {
            let Some(targets) = targets else { continue };
            let found = find(self.state, actor, targets.as_deref(), None);
            for assignment in found.filter(|assignment| assignment.inherited == is_inherited) {
                self.expand(rows, &Row::granted(assignment));
            }
        }
    }

    /// Replaces a group by its members, and an inherited assignment by those on the heirs.
    fn expand(&self, rows: &mut Vec<Row>, row: &Row) {
        let first = rows.len();
        match (row.actor_kind, self.filter.user_id) {
            (ActorKind::User, _) => rows.push(row.clone()),
            (ActorKind::Group, Some(user_id)) => rows.push(row.for_member(user_id)),
            (ActorKind::Group, None) => {
                let members = self.state.identity.users_in_group(&row.actor_id);
                rows.extend(members.map(|user| row.for_member(user.as_str())));
            }
        }
        if row.is_inherited {
            let heirs = self.heirs(row);
            for row in rows.split_off(first) {
                rows.extend(heirs.iter().map(|project_id| row.on_heir(project_id)));
            }
        }
    }

    /// The projects, of those asked for, that inherit an assignment.
    fn heirs(&self, row: &Row) -> Vec<String> {
        let ids = |projects: &[Arc<Project>]| projects.iter().map(|project| project.id.clone()).collect();
        let Some(project_id) = self.filter.project_id else {
            return ids(&self.state.resource.subtree(&row.target_id));
        };
        let is_within = self.below.iter().any(|project| project.id == *row.target_id);
        if is_within || project_id == &*row.target_id {
            return ids(&self.state.resource.subtree(&row.target_id));
        }
        let mut heirs: Vec<String> = ids(self.below);
        heirs.push(project_id.into());
        heirs
    }
}

/// Adds a row for each role that a listed one implies, however far; a row that repeats one is left out, which
/// ends circles.
fn add_implied(state: &State, rows: &mut Vec<Row>) {
    let mut waiting: Vec<Row> = rows.clone();
    let mut seen = BTreeSet::new();
    while let Some(row) = waiting.pop() {
        for implied in state.role.implied_by(row.role_id.as_str()) {
            let prior_role_id = Some(row.role_id.clone());
            let implied = Row { role_id: implied.clone(), prior_role_id, ..row.clone() };
            if seen.insert(implied.clone()) {
                rows.push(implied.clone());
                waiting.push(implied);
            }
        }
    }
}

#[cfg(test)]
mod tests;

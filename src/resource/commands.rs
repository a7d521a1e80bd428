//! The writes on domains and projects.

pub mod tags;
#[cfg(test)]
mod tests;

use keyraft_proto::identity::{CreateProject, DeleteProject, Project, TargetKind, UpdateProject};

use crate::assignment;
use crate::identity;
use crate::revoke::commands::record_project_event;
use crate::state::attributes::{check_mutable, is_immutable, merge_extra, merge_options};
use crate::state::{CommandError, Transaction};

/// Creates a domain or a project.
///
/// # Errors
/// The domain or parent is missing, disabled or of another domain; the tree gets too deep; the name or id is taken.
pub fn create(tx: &mut Transaction, command: CreateProject) -> Result<Project, CommandError> {
    let project = command.project.unwrap_or_default();
    check_has_id(&project)?;
    if project.is_domain {
        check_stands_alone(&project)?;
    } else {
        check_place(tx, &project, command.max_depth)?;
    }
    if tx.resource.projects.contains(project.id.as_str()) {
        return Err(conflict(&project));
    }
    check_name_is_free(tx, &project)?;
    tx.put(project.clone());
    Ok(project)
}

fn entity_of(project: &Project) -> &'static str {
    if project.is_domain { "domain" } else { "project" }
}

fn check_name_is_free(tx: &Transaction, project: &Project) -> Result<(), CommandError> {
    let holder = tx.resource.project_by_name(&project.domain_id, &project.name);
    if holder.is_some_and(|holder| holder.id != project.id) {
        return Err(conflict(project));
    }
    Ok(())
}

/// The name or the id is taken: Keystone has one message for both, and calls a domain a project here.
fn conflict(project: &Project) -> CommandError {
    let detail = if project.is_domain {
        format!(
            "it is not permitted to have two projects acting as domains with the same name: {}.",
            project.name
        )
    } else {
        format!(
            "it is not permitted to have two projects with either the same name or same id in the same domain: name \
             is {}, project id {}.",
            project.name, project.id
        )
    };
    CommandError::Conflict { entity: "project".into(), detail }
}

/// What is below nothing has the empty id for a parent, so nothing may have that id.
pub(crate) fn check_has_id(project: &Project) -> Result<(), CommandError> {
    if project.id.is_empty() {
        return Err(CommandError::Invalid(format!("the {} has no id", entity_of(project))));
    }
    Ok(())
}

/// A domain is in no domain and below nothing: else the way up from a project might have no end.
pub(crate) fn check_stands_alone(domain: &Project) -> Result<(), CommandError> {
    if domain.domain_id.is_empty() && domain.parent_id.is_empty() {
        return Ok(());
    }
    Err(CommandError::Invalid("only root projects are allowed to act as domains.".into()))
}

fn check_place(tx: &Transaction, project: &Project, max_depth: u32) -> Result<(), CommandError> {
    if tx.resource.domain(&project.domain_id).is_none() {
        return Err(CommandError::Invalid(format!("Could not find domain: {}.", project.domain_id)));
    }
    let Some(parent) = tx.resource.projects.get(project.parent_id.as_str()) else {
        return Err(CommandError::Invalid(format!("Could not find project: {}.", project.parent_id)));
    };
    check_parent_domain(project, parent)?;
    let above = tx.resource.parents(project);
    // Nearest first, but for the parent itself: Keystone names it only if no other is disabled.
    let in_order = above.iter().skip(1).chain(above.first());
    if let Some(disabled) = in_order.into_iter().find(|project| !project.enabled) {
        return Err(CommandError::Invalid(format!(
            "cannot create a project in a branch containing a disabled project: {}",
            disabled.id
        )));
    }
    if above.len() > max_depth as usize {
        return Err(CommandError::Forbidden(format!(
            "Max hierarchy depth reached for {} branch.",
            project.parent_id
        )));
    }
    Ok(())
}

fn check_parent_domain(project: &Project, parent: &Project) -> Result<(), CommandError> {
    let domain_id = &project.domain_id;
    let parent_domain_id = if parent.is_domain { &parent.id } else { &parent.domain_id };
    if parent_domain_id == domain_id {
        return Ok(());
    }
    Err(CommandError::Invalid(if parent.is_domain {
        format!(
            "Cannot create project, the parent ({parent_domain_id}) is acting as a domain, but this project's domain \
             id ({domain_id}) does not match the parent's id."
        )
    } else {
        format!(
            "Cannot create project, since it specifies its domain_id {domain_id}, but specifies a parent in a \
             different domain ({parent_domain_id})."
        )
    }))
}

fn find(tx: &Transaction, id: &str, is_domain: bool) -> Result<Project, CommandError> {
    let entity = if is_domain { "domain" } else { "project" };
    match tx.resource.projects.get(id) {
        Some(project) if !is_domain || project.is_domain => Ok(Project::clone(project)),
        _ => Err(CommandError::NotFound { entity: entity.into(), id: id.into() }),
    }
}

/// Changes a domain or a project. Extra attributes and options are merged.
///
/// # Errors
/// It is missing or immutable; the name is taken; it cannot be enabled or disabled where it stands.
pub fn update(tx: &mut Transaction, command: UpdateProject) -> Result<Project, CommandError> {
    let mut project = find(tx, &command.id, command.is_domain)?;
    let is_only_options = command.name.is_none()
        && command.enabled.is_none()
        && command.description.is_none()
        && command.tags.is_none()
        && command.extra.is_empty();
    check_mutable(entity_of(&project), &project.id, &project.options, &command.options, is_only_options)?;
    if let Some(enabled) = command.enabled {
        check_enabling(tx, &project, enabled)?;
        project.enabled = enabled;
    }
    if let Some(name) = command.name {
        project.name = name;
        check_name_is_free(tx, &project)?;
    }
    if let Some(description) = command.description {
        project.description = description.value;
    }
    if let Some(tags) = command.tags {
        project.tags = tags.names;
    }
    merge_options(&mut project.options, command.options);
    merge_extra(&mut project.extra, command.extra);
    tx.put(project.clone());
    Ok(project)
}

fn check_enabling(tx: &Transaction, project: &Project, enabled: bool) -> Result<(), CommandError> {
    if project.is_domain || project.enabled == enabled {
        return Ok(());
    }
    if enabled && tx.resource.parents(project).iter().any(|above| !above.enabled) {
        return Err(CommandError::Forbidden(format!(
            "Cannot enable project {} since it has disabled parents",
            project.id
        )));
    }
    if !enabled && tx.resource.subtree(&project.id).iter().any(|below| below.enabled) {
        return Err(CommandError::Forbidden(format!(
            "Cannot disable project {} since its subtree contains enabled projects.",
            project.id
        )));
    }
    Ok(())
}

/// Deletes a project that has none below it, or a disabled domain with all that is in it.
///
/// # Errors
/// It is missing, immutable, enabled or holding an immutable project (a domain), or has projects below it (a
/// project).
pub fn delete(tx: &mut Transaction, command: &DeleteProject) -> Result<(), CommandError> {
    let project = find(tx, &command.id, command.is_domain)?;
    if is_immutable(&project.options) {
        return Err(CommandError::immutable(entity_of(&project), &project.id, true));
    }
    if project.is_domain {
        return delete_domain(tx, &project);
    }
    if tx.resource.children(&project.id).next().is_some() {
        return Err(CommandError::Forbidden(format!(
            "Cannot delete the project {} since it is not a leaf in the hierarchy. Use the cascade option if you \
             want to delete a whole subtree.",
            project.id
        )));
    }
    remove_project(tx, &project.id);
    Ok(())
}

fn delete_domain(tx: &mut Transaction, domain: &Project) -> Result<(), CommandError> {
    if domain.enabled {
        return Err(CommandError::Forbidden(
            "Cannot delete a domain that is enabled, please disable it first.".into(),
        ));
    }
    let below = tx.resource.subtree(&domain.id);
    if let Some(project) = below.iter().rev().find(|project| is_immutable(&project.options)) {
        return Err(CommandError::immutable("project", &project.id, true));
    }
    for project in below.iter().rev() {
        remove_project(tx, &project.id);
    }
    let groups: Vec<String> =
        tx.identity.groups_in_domain(&domain.id).map(|group| group.id.clone()).collect();
    for group in groups {
        identity::commands::remove_group(tx, &group);
    }
    let users: Vec<String> = tx.identity.users_in_domain(&domain.id).map(|user| user.id.clone()).collect();
    for user in users {
        identity::commands::remove_user(tx, &user);
    }
    assignment::commands::remove_all_on(tx, TargetKind::Domain, &domain.id);
    // A token may be scoped to the domain as to a project.
    remove_project(tx, &domain.id);
    Ok(())
}

fn remove_project(tx: &mut Transaction, id: &str) {
    assignment::commands::remove_all_on(tx, TargetKind::Project, id);
    identity::commands::forget_default_project(tx, id);
    record_project_event(tx, id);
    tx.delete::<Project>(&id.into());
}

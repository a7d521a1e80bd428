//! The writes on domains and projects.

use keyraft_proto::identity::{CreateProject, DeleteProject, Project, TargetKind, UpdateProject};

use crate::assignment;
use crate::identity;
use crate::revoke::commands::record_project_event;
use crate::state::attributes::{check_mutable, is_immutable, merge_extra, merge_options};
use crate::state::{CommandError, Record, Transaction};

/// Creates a domain or a project.
///
/// # Errors
/// The name or id is taken; the domain or parent is missing, disabled or of another domain; the tree gets too
/// deep.
pub fn create(tx: &mut Transaction, command: CreateProject) -> Result<Project, CommandError> {
    let project = command.project.unwrap_or_default();
    let entity = entity_of(&project);
    if tx.resource.projects.contains(project.id.as_str()) {
        return Err(CommandError::duplicate_id(entity, &project.id));
    }
    check_name_is_free(tx, &project)?;
    if !project.is_domain {
        check_place(tx, &project, command.max_depth)?;
    }
    tx.put(project.clone());
    Ok(project)
}

fn entity_of(project: &Project) -> &'static str {
    if project.is_domain { "domain" } else { "project" }
}

fn check_name_is_free(tx: &Transaction, project: &Project) -> Result<(), CommandError> {
    let holder = tx.resource.project_by_name(&project.domain_id, &project.name);
    if holder.is_some_and(|holder| holder.id != project.id) {
        let domain = (!project.is_domain).then_some(project.domain_id.as_str());
        return Err(CommandError::duplicate_name(entity_of(project), &project.name, domain));
    }
    Ok(())
}

fn check_place(tx: &Transaction, project: &Project, max_depth: u32) -> Result<(), CommandError> {
    if tx.resource.domain(&project.domain_id).is_none() {
        return Err(CommandError::Invalid(format!(
            "Could not find domain: {}. In the domain of a project to be created.",
            project.domain_id
        )));
    }
    let parent = tx.require::<Project>(&project.parent_id)?;
    let parent_domain = if parent.is_domain { &parent.id } else { &parent.domain_id };
    if *parent_domain != project.domain_id {
        return Err(CommandError::Invalid(format!(
            "Cannot create project, since it specifies its domain_id {}, but specifies a parent in a different \
             domain ({parent_domain}).",
            project.domain_id
        )));
    }
    let above = tx.resource.parents(project);
    if let Some(disabled) = above.iter().find(|project| !project.enabled) {
        return Err(CommandError::Invalid(format!(
            "Cannot create project in a branch that contains a disabled project: {}",
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
            "Cannot enable project {} since it has disabled parents.",
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
/// It is missing, immutable, enabled (a domain) or has projects below it (a project).
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
    for project in tx.resource.subtree(&domain.id).iter().rev() {
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
    tx.delete::<Project>(&domain.key());
    Ok(())
}

fn remove_project(tx: &mut Transaction, id: &str) {
    assignment::commands::remove_all_on(tx, TargetKind::Project, id);
    identity::commands::forget_default_project(tx, id);
    record_project_event(tx, id);
    tx.delete::<Project>(&id.into());
}

//! The writes on single tags: each is decided in the log, so that two that come at once both count.

#[cfg(test)]
mod tests;

use keyraft_proto::identity::{AddProjectTag, Project, RemoveProjectTag};

use super::find;
use crate::http::python_text::quoted;
use crate::state::attributes::is_immutable;
use crate::state::{CommandError, Transaction};

/// Most tags on one project.
pub const MAX_TAGS: usize = 80;

/// Adds a tag to a project or domain, without the spaces around it.
///
/// # Errors
/// It is missing or immutable, has the tag, or has no room for it.
pub fn add(tx: &mut Transaction, command: AddProjectTag) -> Result<(), CommandError> {
    let AddProjectTag { project_id, tag } = command;
    let mut project = find(tx, &project_id, false)?;
    let mut tags = sorted(project.tags.clone());
    tags.push(tag.clone());
    check(&tags)?;
    check_mutable(&project, "create")?;
    project.tags.push(tag.trim().to_owned());
    project.tags = sorted(project.tags);
    tx.put(project);
    Ok(())
}

/// Takes a tag off a project or domain.
///
/// # Errors
/// It is missing or immutable, or does not have the tag.
pub fn remove(tx: &mut Transaction, command: RemoveProjectTag) -> Result<(), CommandError> {
    let RemoveProjectTag { project_id, tag } = command;
    let mut project = find(tx, &project_id, false)?;
    check_mutable(&project, "delete")?;
    if !project.tags.contains(&tag) {
        return Err(missing(&tag));
    }
    project.tags.retain(|own| *own != tag);
    tx.put(project);
    Ok(())
}

/// The tags in their order, none twice.
#[must_use]
pub fn sorted(mut tags: Vec<String>) -> Vec<String> {
    tags.sort();
    tags.dedup();
    tags
}

/// Passes if a project may have these tags, each of which has the form of one.
///
/// # Errors
/// They are too many, one is there twice, or one that is there already is blank.
pub fn check(tags: &[String]) -> Result<(), CommandError> {
    let shown = || format!("[{}]", quoted(tags.iter().map(String::as_str)));
    if tags.len() > MAX_TAGS {
        return Err(CommandError::Invalid(format!("{} is too long", shown())));
    }
    if sorted(tags.to_vec()).len() < tags.len() {
        return Err(CommandError::Invalid(format!("{} has non-unique elements", shown())));
    }
    // As in Keystone a blank tag may be set, which leaves nothing of it, and then stands in the way of others.
    match tags.iter().position(String::is_empty) {
        Some(index) => {
            Err(CommandError::Invalid(format!("Invalid input for field '{index}': '' should be non-empty")))
        }
        None => Ok(()),
    }
}

/// Passes if the tags of a project may be changed; `verb` is what is done to them.
///
/// # Errors
/// The project is immutable.
pub fn check_mutable(project: &Project, verb: &str) -> Result<(), CommandError> {
    if !is_immutable(&project.options) {
        return Ok(());
    }
    Err(CommandError::Forbidden(format!(
        "Cannot {verb} project tags for {}, project is immutable. Set \"immutable\" option to false before creating \
         project tags.",
        project.id
    )))
}

/// What is told of a tag that a project does not have.
#[must_use]
pub fn missing(tag: &str) -> CommandError {
    CommandError::NotFound { entity: "project tag".into(), id: tag.into() }
}

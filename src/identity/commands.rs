//! The writes on users, groups and memberships.

pub mod login;
#[cfg(test)]
mod tests;
pub mod upgrade;

use keyraft_cluster::{Bug, is_planted};
use keyraft_proto::identity::{
    ActorKind, AddUserToGroup, CreateGroup, CreateUser, DeleteGroup, DeleteUser, Group, Membership,
    RemoveUserFromGroup, SecurityCompliance, UpdateGroup, UpdateUser, User,
};

use super::account::{self, SetBy};
use crate::assignment;
use crate::revoke::commands::record_user_event;
use crate::state::attributes::{merge_extra, merge_options};
use crate::state::{CommandError, Record, Transaction};

fn check_domain(tx: &Transaction, domain_id: &str) -> Result<(), CommandError> {
    match tx.resource.domain(domain_id) {
        Some(_) => Ok(()),
        None => Err(CommandError::NotFound { entity: "domain".into(), id: domain_id.into() }),
    }
}

/// The error names the domain where the request named it: in a create, as in Keystone.
fn check_user_name(tx: &Transaction, user: &User, named_domain: Option<&str>) -> Result<(), CommandError> {
    if is_planted(Bug::NameCheckedBeforeLog) && named_domain.is_some() {
        return Ok(());
    }
    let holder = tx.identity.user_by_name(&user.domain_id, &user.name);
    if holder.is_some_and(|holder| holder.id != user.id) {
        return Err(CommandError::duplicate_name("user", &user.name, named_domain));
    }
    Ok(())
}

/// A default project may be missing, but it may not be a domain.
fn check_default_project(tx: &Transaction, id: Option<&str>) -> Result<(), CommandError> {
    match id.filter(|id| tx.resource.domain(id).is_some()) {
        Some(id) => {
            Err(CommandError::Invalid(format!("User's default project ID cannot be a domain ID: {id}")))
        }
        None => Ok(()),
    }
}

/// Creates a user.
///
/// # Errors
/// The domain is missing, the name or id is taken, or the default project is a domain.
pub fn create_user(tx: &mut Transaction, command: CreateUser) -> Result<User, CommandError> {
    let rules = command.rules.unwrap_or_default();
    let mut user = command.user.unwrap_or_default();
    if tx.identity.users.contains(user.id.as_str()) {
        return Err(CommandError::duplicate_id("user", &user.id));
    }
    check_domain(tx, &user.domain_id)?;
    check_default_project(tx, user.default_project_id.as_deref())?;
    check_user_name(tx, &user, Some(&user.domain_id))?;
    let now_ms = tx.log_time_ms();
    begin_account(&mut user, &rules, now_ms);
    tx.put(user.clone());
    Ok(user)
}

/// Makes the account of a user that is created.
pub fn begin_account(user: &mut User, rules: &SecurityCompliance, now_ms: u64) {
    user.created_ms = now_ms;
    let enabled = user.enabled;
    account::set_enabled(user, enabled, rules, now_ms);
    if let Some(password) = user.password.take() {
        account::set_password(user, Some(password), SetBy::Creation, rules, now_ms);
    }
}

/// Changes a user. A new password and being disabled revoke the user's tokens; a password that is taken away does
/// not, as in Keystone. Whatever is changed, a user that is enabled may try its password again, and one that was
/// disabled for inactivity is disabled from then on.
///
/// # Errors
/// The user is missing, the name is taken, or the default project is a domain.
pub fn update_user(tx: &mut Transaction, command: UpdateUser) -> Result<User, CommandError> {
    let mut user = User::clone(&*tx.require::<User>(&command.id)?);
    let rules = command.rules.unwrap_or_default();
    let now_ms = tx.log_time_ms();
    let was_enabled = account::is_enabled(tx, &user, &rules, now_ms);
    let is_disabled_now = was_enabled && command.enabled == Some(false);
    let has_new_password = command.password.is_some();
    if let Some(project) = command.default_project_id {
        check_default_project(tx, project.value.as_deref())?;
        user.default_project_id = project.value;
    }
    if let Some(name) = command.name {
        user.name = name;
        check_user_name(tx, &user, None)?;
    }
    account::set_enabled(&mut user, command.enabled.unwrap_or(was_enabled), &rules, now_ms);
    merge_options(&mut user.options, command.options);
    if command.remove_password || has_new_password {
        account::set_password(&mut user, command.password, SetBy::Administrator, &rules, now_ms);
    }
    merge_extra(&mut user.extra, command.extra);
    tx.put(user.clone());
    if is_disabled_now || has_new_password {
        record_user_event(tx, &user.id);
    }
    Ok(user)
}

/// Deletes a user with its memberships and assignments, and revokes its tokens.
///
/// # Errors
/// The user is missing.
pub fn delete_user(tx: &mut Transaction, command: &DeleteUser) -> Result<(), CommandError> {
    tx.require::<User>(&command.id)?;
    remove_user(tx, &command.id);
    Ok(())
}

/// Deletes a user that is known to exist.
pub fn remove_user(tx: &mut Transaction, id: &str) {
    let groups: Vec<_> = tx.identity.groups_of_user(id).cloned().collect();
    for group in groups {
        tx.delete::<Membership>(&(group, id.into()));
    }
    assignment::commands::remove_all_of(tx, ActorKind::User, id);
    record_user_event(tx, id);
    tx.delete::<User>(&id.into());
}

/// Clears the default project of the users that have this one.
pub fn forget_default_project(tx: &mut Transaction, project_id: &str) {
    let users: Vec<User> = tx
        .identity
        .users_with_default_project(project_id)
        .map(|user| User { default_project_id: None, ..User::clone(user) })
        .collect();
    for user in users {
        tx.put(user);
    }
}

/// The longest name of a group, in characters: what Keystone stores, though its schema allows more.
const MAX_GROUP_NAME: usize = 64;

fn check_group_name(tx: &Transaction, group: &Group, named_domain: Option<&str>) -> Result<(), CommandError> {
    if group.name.chars().count() > MAX_GROUP_NAME {
        return Err(CommandError::Invalid(format!(
            "String length exceeded. The length of string '{}' exceeds the limit of column name(CHAR({MAX_GROUP_NAME})).",
            group.name
        )));
    }
    let holder = tx.identity.group_by_name(&group.domain_id, &group.name);
    if holder.is_some_and(|holder| holder.id != group.id) {
        return Err(CommandError::duplicate_name("group", &group.name, named_domain));
    }
    Ok(())
}

/// Creates a group.
///
/// # Errors
/// The domain is missing, or the name or id is taken.
pub fn create_group(tx: &mut Transaction, command: CreateGroup) -> Result<Group, CommandError> {
    let group = command.group.unwrap_or_default();
    if tx.identity.groups.contains(group.id.as_str()) {
        return Err(CommandError::duplicate_id("group", &group.id));
    }
    check_domain(tx, &group.domain_id)?;
    check_group_name(tx, &group, Some(&group.domain_id))?;
    tx.put(group.clone());
    Ok(group)
}

/// Changes a group.
///
/// # Errors
/// The group is missing, or the name is taken or too long.
pub fn update_group(tx: &mut Transaction, command: UpdateGroup) -> Result<Group, CommandError> {
    let mut group = Group::clone(&*tx.require::<Group>(&command.id)?);
    if let Some(name) = command.name {
        group.name = name;
        check_group_name(tx, &group, None)?;
    }
    if let Some(description) = command.description {
        group.description = description.value;
    }
    merge_extra(&mut group.extra, command.extra);
    tx.put(group.clone());
    Ok(group)
}

/// Deletes a group with its memberships and assignments. If it had assignments, its members' tokens are revoked.
///
/// # Errors
/// The group is missing.
pub fn delete_group(tx: &mut Transaction, command: &DeleteGroup) -> Result<(), CommandError> {
    tx.require::<Group>(&command.id)?;
    remove_group(tx, &command.id);
    Ok(())
}

/// Deletes a group that is known to exist.
pub fn remove_group(tx: &mut Transaction, id: &str) {
    let members: Vec<_> = tx.identity.users_in_group(id).cloned().collect();
    let has_assignments = assignment::commands::remove_all_of(tx, ActorKind::Group, id);
    for user in members {
        if has_assignments {
            record_user_event(tx, user.as_str());
        }
        tx.delete::<Membership>(&(id.into(), user));
    }
    tx.delete::<Group>(&id.into());
}

fn check_both(tx: &Transaction, membership: &Membership) -> Result<(), CommandError> {
    tx.require::<Group>(&membership.group_id)?;
    tx.require::<User>(&membership.user_id)?;
    Ok(())
}

/// Puts a user into a group; nothing happens if it is there.
///
/// # Errors
/// The user or the group is missing.
pub fn add_user_to_group(tx: &mut Transaction, command: AddUserToGroup) -> Result<(), CommandError> {
    let membership = command.membership.unwrap_or_default();
    check_both(tx, &membership)?;
    tx.put(membership);
    Ok(())
}

/// Takes a user out of a group and revokes the user's tokens.
///
/// # Errors
/// The user, the group or the membership is missing.
pub fn remove_user_from_group(
    tx: &mut Transaction,
    command: RemoveUserFromGroup,
) -> Result<(), CommandError> {
    let membership = command.membership.unwrap_or_default();
    check_both(tx, &membership)?;
    if tx.delete::<Membership>(&membership.key()).is_none() {
        return Err(CommandError::NotFound {
            entity: format!("user {} in group", membership.user_id),
            id: membership.group_id,
        });
    }
    record_user_event(tx, &membership.user_id);
    Ok(())
}

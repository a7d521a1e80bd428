//! The writes on assignments.

use keyraft_proto::identity::{
    ActorKind, Assignment, CreateGrant, Group, Project, RevokeGrant, Role, TargetKind, User,
};

use crate::state::{CommandError, Record, Transaction};

fn missing(entity: &str, id: &str) -> CommandError {
    CommandError::NotFound { entity: entity.into(), id: id.into() }
}

fn check_target(tx: &Transaction, assignment: &Assignment) -> Result<(), CommandError> {
    let id = &assignment.target_id;
    match assignment.target_kind() {
        TargetKind::System => Ok(()),
        TargetKind::Domain => tx.resource.domain(id).map(|_| ()).ok_or_else(|| missing("domain", id)),
        TargetKind::Project => tx.require::<Project>(id).map(|_| ()),
    }
}

/// A domain's own role goes to projects of that domain only.
fn check_role_fits(tx: &Transaction, assignment: &Assignment, role: &Role) -> Result<(), CommandError> {
    if role.domain_id.is_empty() {
        return Ok(());
    }
    let fits = match assignment.target_kind() {
        TargetKind::Project => tx
            .require::<Project>(&assignment.target_id)
            .is_ok_and(|project| project.domain_id == role.domain_id),
        TargetKind::Domain => assignment.target_id == role.domain_id,
        TargetKind::System => {
            return Err(CommandError::Invalid(
                "Role cannot be assigned to the system, since it is specific to a domain.".into(),
            ));
        }
    };
    if fits {
        return Ok(());
    }
    Err(CommandError::Forbidden(format!(
        "Cannot assign role {} to {}, since it is specific to another domain ({}).",
        role.id, assignment.target_id, role.domain_id
    )))
}

/// Grants a role; nothing happens if it was granted.
///
/// # Errors
/// The role, actor or target is missing, or the role does not fit the target.
pub fn create_grant(tx: &mut Transaction, command: CreateGrant) -> Result<(), CommandError> {
    let assignment = command.assignment.unwrap_or_default();
    let role = tx.require::<Role>(&assignment.role_id)?;
    match assignment.actor_kind() {
        ActorKind::User => tx.require::<User>(&assignment.actor_id).map(|_| ())?,
        ActorKind::Group => tx.require::<Group>(&assignment.actor_id).map(|_| ())?,
    }
    check_target(tx, &assignment)?;
    check_role_fits(tx, &assignment, &role)?;
    tx.put(assignment);
    Ok(())
}

/// Takes a granted role away. Tokens stay valid with the roles that are left.
///
/// # Errors
/// The role, target or grant is missing; a missing user or group is no error of its own, as in Keystone.
pub fn revoke_grant(tx: &mut Transaction, command: RevokeGrant) -> Result<(), CommandError> {
    let assignment = command.assignment.unwrap_or_default();
    tx.require::<Role>(&assignment.role_id)?;
    check_target(tx, &assignment)?;
    if tx.delete::<Assignment>(&assignment.key()).is_none() {
        return Err(missing(
            "role assignment with role",
            &format!(
                "{}, user or group: {}, project, domain, or system: {}",
                assignment.role_id, assignment.actor_id, assignment.target_id
            ),
        ));
    }
    Ok(())
}

/// Removes every assignment of a user or group. Says whether there were any.
pub fn remove_all_of(tx: &mut Transaction, kind: ActorKind, id: &str) -> bool {
    let found: Vec<_> = tx.assignment.of_actor(kind, id).map(|assignment| assignment.key()).collect();
    remove(tx, &found)
}

/// Removes every assignment on a project or domain.
pub fn remove_all_on(tx: &mut Transaction, kind: TargetKind, id: &str) {
    let found: Vec<_> = tx.assignment.on_target(kind, id).map(|assignment| assignment.key()).collect();
    remove(tx, &found);
}

/// Removes every assignment of a role.
pub fn remove_all_with_role(tx: &mut Transaction, role_id: &str) {
    let found: Vec<_> = tx.assignment.of_role(role_id).map(|assignment| assignment.key()).collect();
    remove(tx, &found);
}

fn remove(tx: &mut Transaction, keys: &[<Assignment as Record>::Key]) -> bool {
    for key in keys {
        tx.delete::<Assignment>(key);
    }
    !keys.is_empty()
}

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

/// A domain's own role goes to projects of that domain, never to the system. To domains it goes freely, as in
/// Keystone, though it is of use only through what it implies.
fn check_role_fits(tx: &Transaction, assignment: &Assignment, role: &Role) -> Result<(), CommandError> {
    let target_id = &assignment.target_id;
    match assignment.target_kind() {
        _ if role.domain_id.is_empty() => Ok(()),
        TargetKind::Domain => Ok(()),
        TargetKind::Project if tx.require::<Project>(target_id)?.domain_id == role.domain_id => Ok(()),
        TargetKind::Project => Err(CommandError::Forbidden(format!(
            "Project {target_id} must be in the same domain as the role {} being assigned.",
            role.id
        ))),
        TargetKind::System => Err(CommandError::Invalid(format!(
            "Role {} is a domain-specific role. Unable to use a domain-specific role in a system assignment.",
            role.id
        ))),
    }
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
/// The role or the grant is missing. A missing user, group or target is no error of its own.
pub fn revoke_grant(tx: &mut Transaction, command: RevokeGrant) -> Result<(), CommandError> {
    let assignment = command.assignment.unwrap_or_default();
    tx.require::<Role>(&assignment.role_id)?;
    match tx.delete::<Assignment>(&assignment.key()) {
        Some(_) => Ok(()),
        None => Err(grant_missing(&assignment)),
    }
}

/// No such grant.
#[must_use]
pub fn grant_missing(assignment: &Assignment) -> CommandError {
    let Assignment { role_id, actor_id, target_id, .. } = assignment;
    missing(
        "role assignment with role",
        &format!("{role_id}, user or group: {actor_id}, project, domain, or system: {target_id}"),
    )
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignment::fixture::{assignment, begin};

    fn grant(tx: &mut Transaction, text: &str) -> Result<(), CommandError> {
        create_grant(tx, CreateGrant { assignment: Some(assignment(text)) })
    }

    fn revoke(tx: &mut Transaction, text: &str) -> Result<(), CommandError> {
        revoke_grant(tx, RevokeGrant { assignment: Some(assignment(text)) })
    }

    #[test]
    fn a_grant_is_idempotent_and_is_revoked_once() {
        let mut tx = begin();
        grant(&mut tx, "user ann a project top").unwrap();
        grant(&mut tx, "user ann a project top").unwrap();
        grant(&mut tx, "user ann a project top inherited").unwrap();
        assert_eq!(tx.assignment.assignments.len(), 2);
        revoke(&mut tx, "user ann a project top").unwrap();
        assert_eq!(
            revoke(&mut tx, "user ann a project top").unwrap_err().to_string(),
            "Could not find role assignment with role: a, user or group: ann, project, domain, or system: top."
        );
        assert_eq!(tx.assignment.assignments.len(), 1);
        assert_eq!(tx.assignment.on_target(TargetKind::Project, "top").count(), 1);
        assert_eq!(tx.assignment.of_role("a").count(), 1);
    }

    #[test]
    fn a_grant_needs_its_role_actor_and_target() {
        let mut tx = begin();
        for (text, missing) in [
            ("user ann none project top", "role: none"),
            ("user none a project top", "user: none"),
            ("group ann a project top", "group: ann"),
            ("user ann a project none", "project: none"),
            ("user ann a domain top", "domain: top"),
        ] {
            let error = grant(&mut tx, text).unwrap_err();
            assert_eq!(error.to_string(), format!("Could not find {missing}."));
        }
        assert!(tx.assignment.assignments.is_empty());
    }

    #[test]
    fn the_grant_of_a_deleted_user_can_be_revoked() {
        let mut tx = begin();
        tx.put(assignment("user gone a project top"));
        revoke(&mut tx, "user gone a project top").unwrap();
        assert!(tx.assignment.assignments.is_empty());
    }

    #[test]
    fn a_role_of_a_domain_goes_to_its_projects_but_not_to_others_or_the_system() {
        let mut tx = begin();
        grant(&mut tx, "user ann own project leaf").unwrap();
        grant(&mut tx, "user ann own domain e").unwrap();
        for project in ["far", "d"] {
            assert_eq!(
                grant(&mut tx, &format!("user ann own project {project}")),
                Err(CommandError::Forbidden(format!(
                    "Project {project} must be in the same domain as the role own being assigned."
                )))
            );
        }
        assert!(matches!(grant(&mut tx, "user ann own system"), Err(CommandError::Invalid(_))));
    }

    #[test]
    fn what_is_removed_leaves_every_index() {
        let mut tx = begin();
        for text in [
            "user ann a project top",
            "user ann a domain d",
            "user bob a project top",
            "group staff b system",
        ] {
            grant(&mut tx, text).unwrap();
        }
        assert!(remove_all_of(&mut tx, ActorKind::User, "ann"));
        assert!(!remove_all_of(&mut tx, ActorKind::User, "ann"));
        assert_eq!(tx.assignment.on_target(TargetKind::Domain, "d").count(), 0);
        remove_all_on(&mut tx, TargetKind::Project, "top");
        assert_eq!(tx.assignment.of_role("a").count(), 0);
        remove_all_with_role(&mut tx, "b");
        assert!(tx.assignment.assignments.is_empty());
    }
}

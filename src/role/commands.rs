//! The writes on roles and implications.

use keyraft_proto::identity::{
    CreateImpliedRole, CreateRole, DeleteImpliedRole, DeleteRole, ImpliedRole, Role, UpdateRole,
};

use crate::assignment;
use crate::state::attributes::{check_mutable, is_immutable, merge_extra, merge_options};
use crate::state::{CommandError, Record, Transaction};

fn check_name(tx: &Transaction, role: &Role) -> Result<(), CommandError> {
    let holder = tx.role.role_by_name(&role.domain_id, &role.name);
    if holder.is_some_and(|holder| holder.id != role.id) {
        let domain = (!role.domain_id.is_empty()).then_some(role.domain_id.as_str());
        return Err(CommandError::duplicate_name("role", &role.name, domain));
    }
    Ok(())
}

/// Creates a role, global or of a domain.
///
/// # Errors
/// The domain is missing, or the name or id is taken.
pub fn create(tx: &mut Transaction, command: CreateRole) -> Result<Role, CommandError> {
    let role = command.role.unwrap_or_default();
    if tx.role.roles.contains(role.id.as_str()) {
        return Err(CommandError::duplicate_id("role", &role.id));
    }
    if !role.domain_id.is_empty() && tx.resource.domain(&role.domain_id).is_none() {
        return Err(CommandError::NotFound { entity: "domain".into(), id: role.domain_id });
    }
    check_name(tx, &role)?;
    tx.put(role.clone());
    Ok(role)
}

/// Changes a role.
///
/// # Errors
/// It is missing or immutable, or the name is taken.
pub fn update(tx: &mut Transaction, command: UpdateRole) -> Result<Role, CommandError> {
    let mut role = Role::clone(&*tx.require::<Role>(&command.id)?);
    let is_only_options = command.name.is_none() && command.description.is_none() && command.extra.is_empty();
    check_mutable("role", &role.id, &role.options, &command.options, is_only_options)?;
    if let Some(name) = command.name {
        role.name = name;
        check_name(tx, &role)?;
    }
    if let Some(description) = command.description {
        role.description = description.value;
    }
    merge_options(&mut role.options, command.options);
    merge_extra(&mut role.extra, command.extra);
    tx.put(role.clone());
    Ok(role)
}

/// Deletes a role with its assignments and the implications that name it.
///
/// # Errors
/// It is missing or immutable.
pub fn delete(tx: &mut Transaction, command: &DeleteRole) -> Result<(), CommandError> {
    let role = tx.require::<Role>(&command.id)?;
    if is_immutable(&role.options) {
        return Err(CommandError::immutable("role", &role.id, true));
    }
    assignment::commands::remove_all_with_role(tx, &role.id);
    let id = role.key();
    let implied = tx.role.implied_by(&role.id).map(|implied| (id.clone(), implied.clone()));
    let priors = tx.role.priors_of(&role.id).map(|prior| (prior.clone(), id.clone()));
    let rules: Vec<_> = implied.chain(priors).collect();
    for rule in rules {
        tx.delete::<ImpliedRole>(&rule);
    }
    tx.delete::<Role>(&id);
    Ok(())
}

/// Makes one role imply another.
///
/// # Errors
/// A role is missing, the rule exists, or a global role would imply a role of a domain.
pub fn create_implied(tx: &mut Transaction, command: CreateImpliedRole) -> Result<(), CommandError> {
    let rule = command.rule.unwrap_or_default();
    let prior = tx.require::<Role>(&rule.prior_role_id)?;
    let implied = tx.require::<Role>(&rule.implied_role_id)?;
    if prior.domain_id.is_empty() && !implied.domain_id.is_empty() {
        return Err(CommandError::Forbidden(format!(
            "Implied role {} is domain-specific and cannot be implied by the global role {}.",
            implied.id, prior.id
        )));
    }
    if tx.role.implied_roles.contains(&rule.key()) {
        return Err(CommandError::duplicate_id("implied_role", &rule.implied_role_id));
    }
    tx.put(rule);
    Ok(())
}

/// Ends an implication.
///
/// # Errors
/// A role or the rule is missing.
pub fn delete_implied(tx: &mut Transaction, command: DeleteImpliedRole) -> Result<(), CommandError> {
    let rule = command.rule.unwrap_or_default();
    tx.require::<Role>(&rule.prior_role_id)?;
    tx.require::<Role>(&rule.implied_role_id)?;
    match tx.delete::<ImpliedRole>(&rule.key()) {
        Some(_) => Ok(()),
        None => Err(CommandError::NotFound {
            entity: format!("implied role of {}", rule.prior_role_id),
            id: rule.implied_role_id,
        }),
    }
}

//! The writes on roles and implications.

use keyraft_proto::identity::{
    CreateImpliedRole, CreateRole, DeleteImpliedRole, DeleteRole, ImpliedRole, Role, UpdateRole,
};

use crate::assignment;
use crate::state::attributes::{check_mutable, is_immutable, merge_extra, merge_options};
use crate::state::{CommandError, Record, Transaction};

/// The name of roles that no other may imply: Keystone's default of `prohibited_implied_role`.
const NEVER_IMPLIED: &str = "admin";

fn check_name(tx: &Transaction, role: &Role) -> Result<(), CommandError> {
    let holder = tx.role.role_by_name(&role.domain_id, &role.name);
    if holder.is_some_and(|holder| holder.id != role.id) {
        let domain = (!role.domain_id.is_empty()).then_some(role.domain_id.as_str());
        return Err(CommandError::duplicate_name("role", &role.name, domain));
    }
    Ok(())
}

/// Creates a role, global or of a domain. As in Keystone the domain need not exist: roles of a domain outlive it.
///
/// # Errors
/// The name or id is taken.
pub fn create(tx: &mut Transaction, command: CreateRole) -> Result<Role, CommandError> {
    let role = command.role.unwrap_or_default();
    if tx.role.roles.contains(role.id.as_str()) {
        return Err(CommandError::duplicate_id("role", &role.id));
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
/// A role is missing, the rule exists, the implied role is [`NEVER_IMPLIED`], or a global role would imply a role of
/// a domain.
pub fn create_implied(tx: &mut Transaction, command: CreateImpliedRole) -> Result<(), CommandError> {
    let rule = command.rule.unwrap_or_default();
    let prior = tx.require::<Role>(&rule.prior_role_id)?;
    let implied = tx.require::<Role>(&rule.implied_role_id)?;
    let is_narrowed = prior.domain_id.is_empty() && !implied.domain_id.is_empty();
    if is_narrowed || implied.name == NEVER_IMPLIED {
        return Err(CommandError::Forbidden(format!("{} cannot be an implied roles.", implied.id)));
    }
    if tx.role.implied_roles.contains(&rule.key()) {
        let detail = "Duplicate entry.".into();
        return Err(CommandError::Conflict { entity: "implied_role".into(), detail });
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

#[cfg(test)]
mod tests {
    use keyraft_cluster::LogMoment;
    use keyraft_proto::identity::{Assignment, NullableString};

    use super::*;
    use crate::state::State;

    fn begin() -> Transaction {
        Transaction::begin(&State::default(), LogMoment { log_time_ms: 1000, log_index: 1 })
    }

    fn role(id: &str, name: &str, domain_id: &str) -> Role {
        Role { id: id.into(), name: name.into(), domain_id: domain_id.into(), ..Role::default() }
    }

    fn add(tx: &mut Transaction, id: &str, name: &str, domain_id: &str) -> Result<Role, CommandError> {
        create(tx, CreateRole { role: Some(role(id, name, domain_id)) })
    }

    fn imply(tx: &mut Transaction, prior: &str, implied: &str) -> Result<(), CommandError> {
        let rule = ImpliedRole { prior_role_id: prior.into(), implied_role_id: implied.into() };
        create_implied(tx, CreateImpliedRole { rule: Some(rule) })
    }

    #[test]
    fn a_name_is_taken_within_its_domain_only() {
        let mut tx = begin();
        add(&mut tx, "1", "member", "").unwrap();
        add(&mut tx, "2", "member", "d").unwrap();
        let error = add(&mut tx, "3", "member", "").unwrap_err();
        assert_eq!(
            error.to_string(),
            "Conflict occurred attempting to store role - Duplicate entry found with name member."
        );
        let error = add(&mut tx, "3", "member", "d").unwrap_err();
        assert!(error.to_string().ends_with("name member at domain ID d."), "{error}");
        add(&mut tx, "3", "Member", "").unwrap();
    }

    #[test]
    fn a_role_may_be_renamed_to_its_own_name_but_not_to_anothers() {
        let mut tx = begin();
        add(&mut tx, "1", "a", "").unwrap();
        add(&mut tx, "2", "b", "").unwrap();
        let rename =
            |name: &str| UpdateRole { id: "1".into(), name: Some(name.into()), ..UpdateRole::default() };
        update(&mut tx, rename("a")).unwrap();
        assert!(matches!(update(&mut tx, rename("b")), Err(CommandError::Conflict { .. })));
        update(&mut tx, rename("c")).unwrap();
        add(&mut tx, "3", "a", "").unwrap();
    }

    #[test]
    fn an_immutable_role_accepts_only_the_end_of_its_immutability() {
        let mut tx = begin();
        let options = |value: &str| [("immutable".to_owned(), value.to_owned())].into();
        create(&mut tx, CreateRole { role: Some(Role { options: options("true"), ..role("1", "a", "") }) })
            .unwrap();
        let change = |options, description| UpdateRole {
            id: "1".into(),
            options,
            description,
            ..UpdateRole::default()
        };
        let text = Some(NullableString { value: Some("x".into()) });
        for refused in
            [change(options("true"), None), change(options("false"), text), change([].into(), None)]
        {
            let error = update(&mut tx, refused).unwrap_err();
            assert_eq!(
                error.to_string(),
                "Unable to update immutable role resource: `1. Set resource option \"immutable\" to false first."
            );
        }
        assert!(matches!(delete(&mut tx, &DeleteRole { id: "1".into() }), Err(CommandError::Forbidden(_))));
        assert!(update(&mut tx, change(options("null"), None)).unwrap().options.is_empty());
        delete(&mut tx, &DeleteRole { id: "1".into() }).unwrap();
    }

    #[test]
    fn a_role_may_imply_itself_and_in_circles_but_not_twice() {
        let mut tx = begin();
        add(&mut tx, "a", "a", "").unwrap();
        add(&mut tx, "own", "own", "d").unwrap();
        for (prior, implied) in [("a", "a"), ("own", "a"), ("own", "own")] {
            imply(&mut tx, prior, implied).unwrap();
        }
        assert_eq!(
            imply(&mut tx, "a", "a").unwrap_err().to_string(),
            "Conflict occurred attempting to store implied_role - Duplicate entry."
        );
    }

    #[test]
    fn some_roles_are_never_implied() {
        let mut tx = begin();
        for (id, name, domain_id) in
            [("a", "a", ""), ("1", "admin", ""), ("2", "admin", "d"), ("own", "own", "d")]
        {
            add(&mut tx, id, name, domain_id).unwrap();
        }
        for (prior, implied) in [("a", "1"), ("own", "2"), ("1", "1"), ("a", "own")] {
            let error = imply(&mut tx, prior, implied).unwrap_err();
            assert_eq!(error, CommandError::Forbidden(format!("{implied} cannot be an implied roles.")));
        }
        for (prior, implied) in [("a", "x"), ("x", "a")] {
            let error = imply(&mut tx, prior, implied).unwrap_err();
            assert_eq!(error.to_string(), "Could not find role: x.");
        }
        assert_eq!(tx.role.implied_roles.len(), 0);
    }

    #[test]
    fn a_deleted_role_takes_its_assignments_and_implications_with_it() {
        let mut tx = begin();
        for id in ["a", "b", "c"] {
            add(&mut tx, id, id, "").unwrap();
        }
        for (prior, implied) in [("a", "b"), ("b", "c"), ("a", "c")] {
            imply(&mut tx, prior, implied).unwrap();
        }
        for role_id in ["a", "b"] {
            let role_id = role_id.to_owned();
            tx.put(Assignment {
                actor_id: "u".into(),
                target_id: "p".into(),
                role_id,
                ..Assignment::default()
            });
        }
        delete(&mut tx, &DeleteRole { id: "b".into() }).unwrap();
        assert_eq!(tx.role.implied_by("a").map(|id| id.as_str()).collect::<Vec<_>>(), ["c"]);
        assert_eq!(tx.role.priors_of("c").map(|id| id.as_str()).collect::<Vec<_>>(), ["a"]);
        assert_eq!(tx.assignment.assignments.len(), 1);
        assert_eq!(tx.assignment.of_role("b").count(), 0);
    }

    #[test]
    fn an_implication_is_made_once_and_not_from_a_global_role_to_a_domains() {
        let mut tx = begin();
        add(&mut tx, "global", "g", "").unwrap();
        add(&mut tx, "specific", "s", "d").unwrap();
        assert!(matches!(imply(&mut tx, "global", "specific"), Err(CommandError::Forbidden(_))));
        imply(&mut tx, "specific", "global").unwrap();
        assert!(matches!(imply(&mut tx, "specific", "global"), Err(CommandError::Conflict { .. })));
        assert!(matches!(imply(&mut tx, "specific", "none"), Err(CommandError::NotFound { .. })));
    }

    #[test]
    fn expansion_ends_in_a_circle() {
        let mut tx = begin();
        for id in ["a", "b", "c"] {
            add(&mut tx, id, id, "").unwrap();
        }
        for (prior, implied) in [("a", "b"), ("b", "a"), ("b", "b")] {
            imply(&mut tx, prior, implied).unwrap();
        }
        assert_eq!(tx.role.expand(["a"]).into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }
}

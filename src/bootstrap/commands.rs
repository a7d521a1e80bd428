//! Bootstrapping as one command: it creates what is missing and resets the admin's password.

use keyraft_proto::identity::{
    Assignment, Bootstrap, Endpoint, ImpliedRole, Project, Region, Role, SecurityCompliance, Service,
    TargetKind, User,
};

use crate::assignment::records::SYSTEM;
use crate::identity::account::{self, SetBy};
use crate::identity::commands::begin_account;
use crate::revoke::commands::record_user_event;
use crate::state::{CommandError, Record, Transaction};

/// Creates what is missing of it all; what is there stays, but for the user's password and being enabled.
///
/// # Errors
/// The admin role is not among the roles.
pub fn bootstrap(tx: &mut Transaction, command: Bootstrap) -> Result<(), CommandError> {
    let domain = command.domain.unwrap_or_default();
    let domain_id = domain.id.clone();
    if !tx.resource.projects.contains(domain_id.as_str()) {
        tx.put(domain);
    }
    let project_id = ensure_project(tx, command.project.unwrap_or_default());
    let rules = command.rules.unwrap_or_default();
    let user_id = ensure_user(tx, command.user.unwrap_or_default(), &rules);
    for role in command.roles {
        if tx.role.role_by_name("", &role.name).is_none() {
            tx.put(role);
        }
    }
    for rule in command.implications {
        let prior_role_id = role_id(tx, &rule.prior_role_id)?;
        let implied_role_id = role_id(tx, &rule.implied_role_id)?;
        tx.put(ImpliedRole { prior_role_id, implied_role_id });
    }
    let admin_role_id = role_id(tx, &command.admin_role_name)?;
    for (kind, target_id) in [(TargetKind::Project, project_id.as_str()), (TargetKind::System, SYSTEM)] {
        tx.put(Assignment {
            actor_id: user_id.clone(),
            target_kind: kind.into(),
            target_id: target_id.into(),
            role_id: admin_role_id.clone(),
            ..Assignment::default()
        });
    }
    if let Some(region) = command.region
        && !tx.catalog.regions.contains(region.id.as_str())
    {
        tx.put::<Region>(region);
    }
    if let Some(service) = command.service {
        let service_id = ensure_service(tx, service);
        for endpoint in command.endpoints {
            ensure_endpoint(tx, Endpoint { service_id: service_id.clone(), ..endpoint });
        }
    }
    Ok(())
}

fn role_id(tx: &Transaction, name: &str) -> Result<String, CommandError> {
    let role = tx.role.role_by_name("", name);
    let missing = || CommandError::NotFound { entity: Role::ENTITY.into(), id: name.into() };
    role.map(|role| role.id.clone()).ok_or_else(missing)
}

fn ensure_project(tx: &mut Transaction, project: Project) -> String {
    if let Some(found) = tx.resource.project_by_name(&project.domain_id, &project.name) {
        return found.id.clone();
    }
    let id = project.id.clone();
    tx.put(project);
    id
}

fn ensure_user(tx: &mut Transaction, mut user: User, rules: &SecurityCompliance) -> String {
    let now_ms = tx.log_time_ms();
    let Some(found) = tx.identity.user_by_name(&user.domain_id, &user.name).cloned() else {
        begin_account(&mut user, rules, now_ms);
        let id = user.id.clone();
        tx.put(user);
        return id;
    };
    let mut reset = User::clone(&found);
    account::set_enabled(&mut reset, true, rules, now_ms);
    account::set_password(&mut reset, user.password, SetBy::Administrator, rules, now_ms);
    tx.put(reset);
    record_user_event(tx, &found.id);
    found.id.clone()
}

/// The identity service of that name, or a new one.
fn ensure_service(tx: &mut Transaction, service: Service) -> String {
    let found = tx
        .catalog
        .services
        .values()
        .find(|known| known.r#type == service.r#type && known.extra.get("name") == service.extra.get("name"))
        .map(|known| known.id.clone());
    found.unwrap_or_else(|| {
        let id = service.id.clone();
        tx.put(service);
        id
    })
}

fn ensure_endpoint(tx: &mut Transaction, endpoint: Endpoint) {
    let found = tx
        .catalog
        .endpoints_of_service(&endpoint.service_id)
        .find(|known| known.interface == endpoint.interface && known.region_id == endpoint.region_id)
        .cloned();
    match found {
        Some(known) if known.url == endpoint.url => {}
        Some(known) => tx.put(Endpoint { url: endpoint.url, ..Endpoint::clone(&known) }),
        None => tx.put(endpoint),
    }
}

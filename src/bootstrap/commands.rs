//! Bootstrapping as one command: it creates what is missing and resets the admin's password.

use keyraft_proto::identity::{
    Assignment, Bootstrap, Endpoint, ImpliedRole, Project, Region, Role, SecurityCompliance, Service,
    TargetKind, User,
};

use crate::assignment::records::SYSTEM;
use crate::catalog::commands::check_parent;
use crate::identity::account::{self, SetBy};
use crate::identity::commands::begin_account;
use crate::resource::commands::{check_has_id, check_stands_alone};
use crate::revoke::commands::record_user_event;
use crate::state::{CommandError, Record, Transaction};

/// Creates what is missing of it all; what is there stays, but for the user's password and being enabled.
///
/// # Errors
/// The admin role is not among the roles, the project is not directly in the domain, the region above the region is
/// missing, or an id is taken by something else.
pub fn bootstrap(tx: &mut Transaction, command: Bootstrap) -> Result<(), CommandError> {
    let domain = command.domain.unwrap_or_default();
    let project = command.project.unwrap_or_default();
    check_places(&domain, &project)?;
    let domain_id = domain.id.clone();
    match tx.resource.projects.get(domain_id.as_str()) {
        Some(found) if !found.is_domain => return Err(taken(&domain_id)),
        Some(_) => {}
        None => tx.put(domain),
    }
    let project_id = ensure_project(tx, project)?;
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
        check_parent(tx, &region)?;
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

/// The domain stands alone and the project directly in it.
fn check_places(domain: &Project, project: &Project) -> Result<(), CommandError> {
    check_has_id(domain)?;
    check_has_id(project)?;
    check_stands_alone(domain)?;
    let is_in_domain = project.domain_id == domain.id && project.parent_id == domain.id;
    if domain.is_domain && !project.is_domain && is_in_domain {
        return Ok(());
    }
    Err(CommandError::Invalid(format!(
        "the project {} is not directly in the domain {}",
        project.id, domain.id
    )))
}

fn taken(id: &str) -> CommandError {
    CommandError::Conflict { entity: "project".into(), detail: format!("the id {id} is taken") }
}

fn ensure_project(tx: &mut Transaction, project: Project) -> Result<String, CommandError> {
    if let Some(found) = tx.resource.project_by_name(&project.domain_id, &project.name) {
        return Ok(found.id.clone());
    }
    let id = project.id.clone();
    if tx.resource.projects.contains(id.as_str()) {
        return Err(taken(&id));
    }
    tx.put(project);
    Ok(id)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::test_log::{TestLog, project, user};
    use keyraft_proto::identity::command::Kind;

    fn bootstrap() -> Bootstrap {
        let role = Role { id: "r".into(), name: "admin".into(), ..Role::default() };
        Bootstrap {
            domain: Some(Project { is_domain: true, ..project("d", "", "") }),
            project: Some(project("p", "d", "d")),
            user: Some(user("u", "d")),
            roles: vec![role],
            admin_role_name: "admin".into(),
            ..Bootstrap::default()
        }
    }

    fn refusal(log: &mut TestLog, command: Bootstrap) -> String {
        let rows = log.rows.clone();
        let error = log.run(Kind::Bootstrap(command)).unwrap_err().to_string();
        assert_eq!(log.rows, rows, "a refused command left a trace");
        error
    }

    #[test]
    fn a_tree_that_has_no_top_is_refused() {
        let own_parent = Project { is_domain: true, ..project("d", "", "d") };
        let of_another = Project { is_domain: true, ..project("d", "e", "") };
        let without_id = Project { is_domain: true, ..project("", "", "") };
        for domain in [own_parent, of_another, without_id, project("d", "", "")] {
            refusal(&mut TestLog::default(), Bootstrap { domain: Some(domain), ..bootstrap() });
        }
        for project in
            [project("p", "d", "p"), project("p", "e", "d"), project("d", "", ""), project("", "d", "d")]
        {
            refusal(&mut TestLog::default(), Bootstrap { project: Some(project), ..bootstrap() });
        }
    }

    #[test]
    fn a_region_below_itself_is_refused() {
        let region = Region { id: "a".into(), parent_region_id: Some("a".into()), ..Region::default() };
        let error = refusal(&mut TestLog::default(), Bootstrap { region: Some(region), ..bootstrap() });
        assert!(error.contains("region"), "{error}");
    }

    #[test]
    fn nothing_is_put_in_the_place_of_something_else() {
        let mut log = TestLog::default();
        log.domain("e");
        log.project("d", "e", "e");
        assert!(refusal(&mut log, bootstrap()).contains("the id d is taken"));
        let mut log = TestLog::default();
        log.domain("e");
        log.project("p", "e", "e");
        assert!(refusal(&mut log, bootstrap()).contains("the id p is taken"));
    }

    #[test]
    fn once_more_it_changes_nothing_but_the_user() {
        let mut log = TestLog::default();
        log.run(Kind::Bootstrap(bootstrap())).unwrap();
        let before = log.state.clone();
        log.run(Kind::Bootstrap(bootstrap())).unwrap();
        assert!(before.resource.projects.values().eq(log.state.resource.projects.values()));
        assert!(before.role.roles.values().eq(log.state.role.roles.values()));
        assert!(before.assignment.assignments.values().eq(log.state.assignment.assignments.values()));
    }

    #[test]
    fn once_more_it_finds_its_service_by_type_and_name_and_brings_its_endpoints_up_to_date() {
        let with_catalog = |name: &str, url: &str| {
            let (id, r#type) = (format!("new {name} {url}"), "identity".to_owned());
            let extra = [("name".to_owned(), format!("{name:?}"))].into();
            let endpoint = |interface: &str| Endpoint {
                id: format!("{id} {interface}"),
                interface: interface.to_owned(),
                url: url.to_owned(),
                ..Endpoint::default()
            };
            let endpoints = ["public", "internal"].map(endpoint).to_vec();
            let service = Some(Service { id, r#type, extra, ..Service::default() });
            Bootstrap { service, endpoints, ..bootstrap() }
        };
        let mut log = TestLog::default();
        log.run(Kind::Bootstrap(with_catalog("keystone", "http://a"))).unwrap();
        log.run(Kind::Bootstrap(with_catalog("keystone", "http://b"))).unwrap();
        let endpoints: Vec<_> = log.state.catalog.endpoints.values().collect();
        assert_eq!(log.state.catalog.services.values().count(), 1);
        assert_eq!(endpoints.len(), 2);
        assert!(
            endpoints.iter().all(|endpoint| endpoint.id.contains("http://a") && endpoint.url == "http://b")
        );
        log.run(Kind::Bootstrap(with_catalog("other", "http://b"))).unwrap();
        assert_eq!(log.state.catalog.services.values().count(), 2);
        assert_eq!(log.state.catalog.endpoints.values().count(), 4);
    }
}

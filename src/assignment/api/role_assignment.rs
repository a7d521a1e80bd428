//! `/v3/role_assignments`

use axum::http::StatusCode;
use keyraft_proto::identity as proto;
use proto::{ActorKind, TargetKind};
use serde_json::{Map, Value, json};

use crate::assignment::listing::{Filter, Row, effective, granted};
use crate::auth::Caller;
use crate::http::list::collection;
use crate::http::operation::{self, Operation};
use crate::http::schema::{self, Field, Kind, field};
use crate::http::{Answer, ApiError, Call, Query, ok};
use crate::policy::{Rule, Target};
use crate::state::State;

const USER: &str = "user.id";
const GROUP: &str = "group.id";
const ROLE: &str = "role.id";
const DOMAIN: &str = "scope.domain.id";
const PROJECT: &str = "scope.project.id";
const SYSTEM: &str = "scope.system";
const INHERITED: &str = "scope.OS-INHERIT:inherited_to";
const SUBTREE: &str = "include_subtree";

const LIST_QUERY: &[Field] =
    &[field(GROUP, Kind::Id), field(ROLE, Kind::Id), field(DOMAIN, Kind::Id), field(PROJECT, Kind::Id)];

const LIST_PARAMETERS: [&str; 6] = [USER, SYSTEM, INHERITED, "effective", "include_names", SUBTREE];

/// What may be done on assignments.
pub fn operations() -> Vec<Operation> {
    vec![
        operation::get(list, "List assignments, as granted or as they take effect")
            .rule(Rule::ListRoleAssignments)
            .rule(Rule::ListRoleAssignmentsForTree)
            .query(LIST_QUERY)
            .parameters(&LIST_PARAMETERS)
            .array("role_assignments")
            .fails(StatusCode::NOT_FOUND),
    ]
}

/// Lists assignments, as granted or with `?effective` as they take effect.
/// Policy: `identity:list_role_assignments`, with a subtree `identity:list_role_assignments_for_tree`.
///
/// # Errors
/// 400 for filters that exclude each other, 401, 403, 404 for a missing project or user where it is looked up.
pub async fn list(call: Call) -> Answer {
    check_query(&call.query)?;
    let caller = call.caller()?;
    let has_subtree = call.query.flag(SUBTREE);
    if has_subtree {
        authorize_tree(&call, caller)?
    } else {
        authorize(caller)?
    }
    check_combinations(&call.query)?;
    let filter = Filter { has_subtree, ..filter(&call.query) };
    let mut rows = if call.query.flag("effective") {
        effective(call.state(), filter)?
    } else {
        granted(call.state(), filter)
    };
    if let Some(domain_id) = caller.domain_id().filter(|_| !has_subtree) {
        rows.retain(|row| is_in_domain(call.state(), row, domain_id));
    }
    let has_names = call.query.flag("include_names");
    let rows = rows.iter().map(|row| render(&call, row, has_names)).collect();
    Ok(ok(&collection(&call, "role_assignments", rows, None)))
}

/// What Keystone checks before it looks at the token.
fn check_query(query: &Query) -> Result<(), ApiError> {
    schema::check_query(query, LIST_QUERY)?;
    if query.has(USER) && query.has(GROUP) {
        return Err(ApiError::BadRequest("Specify a user or group, not both".into()));
    }
    if query.has(SUBTREE) && !query.has(PROJECT) {
        return Err(ApiError::BadRequest(format!("'{PROJECT}' is a dependency of '{SUBTREE}'")));
    }
    Ok(())
}

/// What Keystone checks once the caller may list assignments.
fn check_combinations(query: &Query) -> Result<(), ApiError> {
    let has = |name| given(query, name).is_some();
    let is_effective = query.flag("effective");
    let refusals = [
        (has(DOMAIN) && has(PROJECT), "Specify a domain or project, not both"),
        (has(DOMAIN) && has(SYSTEM), "Specify system or domain, not both"),
        (has(PROJECT) && has(SYSTEM), "Specify system or project, not both"),
        (
            is_effective && has(GROUP),
            "Combining effective and group filter will always result in an empty list.",
        ),
        (
            is_effective && has(DOMAIN) && is_inherited(query) == Some(true),
            "Combining effective, domain and inherited filters will always result in an empty list.",
        ),
    ];
    match refusals.iter().find(|(is_refused, _)| *is_refused) {
        Some((_, reason)) => Err(ApiError::BadRequest((*reason).into())),
        None => Ok(()),
    }
}

/// A filter that is there and not empty.
fn given<'a>(query: &'a Query, name: &str) -> Option<&'a str> {
    query.get(name).filter(|value| !value.is_empty())
}

fn is_inherited(query: &Query) -> Option<bool> {
    query.get(INHERITED).map(|value| value == "projects")
}

fn filter(query: &Query) -> Filter<'_> {
    Filter {
        role_id: given(query, ROLE),
        user_id: given(query, USER),
        group_id: given(query, GROUP),
        domain_id: given(query, DOMAIN),
        project_id: given(query, PROJECT),
        has_subtree: false,
        // Any other value than "all" filters nothing.
        is_system: query.get(SYSTEM) == Some("all"),
        is_inherited: is_inherited(query),
    }
}

/// The answer is limited to the domain of a domain-scoped token, so that domain is what policy is asked about.
fn authorize(caller: &Caller) -> Result<(), ApiError> {
    caller.enforce(Rule::ListRoleAssignments, &caller.list_target("target.domain_id"))
}

/// Policy is asked about the project at the top of the tree; without rights over all, a missing one is 403.
fn authorize_tree(call: &Call, caller: &Caller) -> Result<(), ApiError> {
    let rule = Rule::ListRoleAssignmentsForTree;
    let id = given(&call.query, PROJECT).unwrap_or_default();
    let Some(project) = call.state().resource.projects.get(id) else {
        caller.enforce(rule, &Target::new())?;
        return Err(ApiError::missing("project", id));
    };
    let domain_id = Some(project.domain_id.as_str()).filter(|id| !id.is_empty());
    let target = Target::new()
        .with("target.project.id", id)
        .with_optional("target.project.domain_id", domain_id)
        .with_optional("target.domain_id", domain_id);
    caller.enforce(rule, &target)
}

fn is_in_domain(state: &State, row: &Row, domain_id: &str) -> bool {
    match row.target_kind {
        TargetKind::System => false,
        TargetKind::Domain => &*row.target_id == domain_id,
        TargetKind::Project => {
            state.resource.projects.get(&*row.target_id).is_some_and(|project| project.domain_id == domain_id)
        }
    }
}

fn render(call: &Call, row: &Row, has_names: bool) -> Value {
    let names = has_names.then(|| call.state());
    let mut object = Map::new();
    object.insert("links".into(), links(call, row));
    object.insert("scope".into(), scope(names, row));
    match row.actor_kind {
        ActorKind::User => object.insert("user".into(), user(names, &row.actor_id)),
        ActorKind::Group => object.insert("group".into(), group(names, &row.actor_id)),
    };
    object.insert("role".into(), role(names, row.role_id.as_str()));
    Value::Object(object)
}

fn domain_name<'a>(state: &'a State, id: &str) -> &'a str {
    state.resource.domain(id).map(|domain| domain.name.as_str()).unwrap_or_default()
}

/// Id, name and domain of something that is in a domain; what is missing has empty names, as in Keystone.
fn in_domain(state: &State, id: &str, name: &str, domain_id: &str) -> Value {
    let domain = json!({ "id": domain_id, "name": domain_name(state, domain_id) });
    json!({ "id": id, "name": name, "domain": domain })
}

fn user(names: Option<&State>, id: &str) -> Value {
    let Some(state) = names else { return json!({ "id": id }) };
    match state.identity.users.get(id) {
        Some(user) => in_domain(state, id, &user.name, &user.domain_id),
        None => in_domain(state, id, "", ""),
    }
}

fn group(names: Option<&State>, id: &str) -> Value {
    let Some(state) = names else { return json!({ "id": id }) };
    match state.identity.groups.get(id) {
        Some(group) => in_domain(state, id, &group.name, &group.domain_id),
        None => in_domain(state, id, "", ""),
    }
}

fn role(names: Option<&State>, id: &str) -> Value {
    let Some((state, role)) = names.and_then(|state| Some((state, state.role.roles.get(id)?))) else {
        return json!({ "id": id });
    };
    if role.domain_id.is_empty() {
        return json!({ "id": id, "name": role.name });
    }
    in_domain(state, id, &role.name, &role.domain_id)
}

fn project(names: Option<&State>, id: &str) -> Value {
    let Some((state, project)) = names.and_then(|state| Some((state, state.resource.projects.get(id)?)))
    else {
        return json!({ "id": id });
    };
    // A domain that is used as a project is in itself.
    let domain_id = if project.is_domain { &project.id } else { &project.domain_id };
    in_domain(state, id, &project.name, domain_id)
}

fn scope(names: Option<&State>, row: &Row) -> Value {
    let id = &*row.target_id;
    let mut scope = Map::new();
    match row.target_kind {
        TargetKind::System => scope.insert("system".into(), json!({ "all": true })),
        TargetKind::Project => scope.insert("project".into(), project(names, id)),
        TargetKind::Domain => {
            let domain = match names {
                Some(state) => json!({ "id": id, "name": domain_name(state, id) }),
                None => json!({ "id": id }),
            };
            scope.insert("domain".into(), domain)
        }
    };
    if row.is_inherited || row.inherited_from.is_some() {
        scope.insert("OS-INHERIT:inherited_to".into(), json!("projects"));
    }
    Value::Object(scope)
}

/// Links to what makes the assignment hold: the grant, the membership and the implication.
fn links(call: &Call, row: &Row) -> Value {
    let mut links = Map::new();
    links.insert("assignment".into(), json!(call.link(&grant_path(row))));
    if let Some(group_id) = &row.group_id {
        links.insert(
            "membership".into(),
            json!(call.link(&format!("groups/{group_id}/users/{}", row.actor_id))),
        );
    }
    if let Some(prior) = &row.prior_role_id {
        // The names of the path's parts are the wrong way round, as in Keystone.
        let path = format!("prior_role/{}/implies/{prior}", row.role_id);
        links.insert("prior_role".into(), json!(call.link(&path)));
    }
    Value::Object(links)
}

fn grant_path(row: &Row) -> String {
    let (kind, id) = match &row.inherited_from {
        Some((kind, id)) => (*kind, id),
        None => (row.target_kind, &row.target_id),
    };
    let target = match kind {
        TargetKind::System => "system".to_owned(),
        TargetKind::Domain => format!("domains/{id}"),
        TargetKind::Project => format!("projects/{id}"),
    };
    let actor = match (&row.group_id, row.actor_kind) {
        (Some(group_id), _) => format!("groups/{group_id}"),
        (None, ActorKind::Group) => format!("groups/{}", row.actor_id),
        (None, ActorKind::User) => format!("users/{}", row.actor_id),
    };
    let role_id = row.prior_role_id.as_ref().unwrap_or(&row.role_id);
    let path = format!("{target}/{actor}/roles/{role_id}");
    if row.is_inherited || row.inherited_from.is_some() {
        return format!("OS-INHERIT/{path}/inherited_to_projects");
    }
    path
}

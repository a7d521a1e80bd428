//! `/v3/users`

use keyraft_cluster::{Bug, is_planted};
use keyraft_proto::identity as proto;
use proto::command::Kind as Command;
use serde_json::{Value, json};

use super::expiry_filter::ExpiryFilter;
use super::group;
use super::user_object::{CREATE, QUERY, READ_ONLY, UPDATE, describe, refuse_federated, render_updated};
use crate::assignment::effective;
use crate::http::list::{List, Narrowed, Section};
use crate::http::operation::{self, Operation};
use crate::http::schema::check_query;
use crate::http::{Answer, ApiError, Call, Fields, created, no_content, ok};
use crate::policy::{Rule, Target};
use crate::resource::api::project;
use crate::state::{CommandError, State};

pub use super::user_object::render;

const LIST: List = List {
    collection: "users",
    filters: &["domain_id", "enabled", "name"],
    section: Some(Section::Identity),
    is_capped: true,
};
const GROUPS: List =
    List { collection: "groups", filters: &["name"], section: Some(Section::Identity), is_capped: false };
const PROJECTS: List = List {
    collection: "projects",
    filters: &["domain_id", "enabled", "name"],
    section: None,
    is_capped: false,
};

/// Filters that only federated users pass, of which there are none.
const FEDERATED_FILTERS: [&str; 3] = ["idp_id", "protocol_id", "unique_id"];

/// The user in the path, if it exists.
fn find(call: &Call) -> Option<&proto::User> {
    call.state().identity.users.get(call.parameter("user_id")).map(|user| &**user)
}

fn missing(call: &Call) -> ApiError {
    ApiError::missing("user", call.parameter("user_id"))
}

/// Authenticates the caller, checks its rights on the user in the path, and then whether that user exists.
fn authorized(call: &Call, rule: Rule) -> Result<&proto::User, ApiError> {
    let caller = call.caller()?;
    let user = find(call);
    let target = Target::new().with("user_id", call.parameter("user_id"));
    caller.enforce(rule, &describe(call, target, user))?;
    user.ok_or_else(|| missing(call))
}

/// The users that a list has to look at, in the order of their ids.
fn candidates<'a>(
    state: &'a State,
    narrowed: &Narrowed<'_>,
) -> Box<dyn Iterator<Item = &'a proto::User> + 'a> {
    let users = &state.identity;
    let mut found: Vec<&proto::User> = match (narrowed.domain_id, narrowed.name) {
        (None, None) => return Box::new(users.users.values().map(|user| &**user)),
        (Some(domain_id), Some(name)) => {
            users.user_by_name(domain_id, name).map(|user| &**user).into_iter().collect()
        }
        (Some(domain_id), None) => users.users_in_domain(domain_id).map(|user| &**user).collect(),
        (None, Some(name)) => {
            let domains = state.resource.domains();
            domains.filter_map(|domain| users.user_by_name(&domain.id, name)).map(|user| &**user).collect()
        }
    };
    found.sort_by(|one, other| one.id.cmp(&other.id));
    Box::new(found.into_iter())
}

/// What may be done on all of them.
pub fn on_all() -> Vec<Operation> {
    vec![
        operation::get(list, "List users")
            .rule(Rule::ListUsers)
            .query(QUERY)
            .parameters(&["password_expires_at"])
            .list(&LIST),
        operation::post(create, "Create a user")
            .rule(Rule::CreateUser)
            .body(&CREATE)
            .object("user")
            .refers()
            .conflicts(),
    ]
}

/// What may be done on one.
pub fn on_one() -> Vec<Operation> {
    vec![
        operation::get(show, "Show a user").rule(Rule::GetUser).object("user"),
        operation::patch(update, "Change a user")
            .rule(Rule::UpdateUser)
            .body(&UPDATE)
            .object("user")
            .conflicts(),
        operation::delete(delete, "Delete a user").rule(Rule::DeleteUser),
    ]
}

/// What may be done on the groups of one.
pub fn on_groups() -> Vec<Operation> {
    vec![
        operation::get(groups, "List the groups that a user is in")
            .rule(Rule::ListGroupsForUser)
            .list(&GROUPS),
    ]
}

/// What may be done on the projects of one.
pub fn on_projects() -> Vec<Operation> {
    vec![
        operation::get(projects, "List the projects on which a user has a role")
            .rule(Rule::ListUserProjects)
            .list(&PROJECTS),
    ]
}

/// What may be done on the tokens of one.
pub fn on_tokens() -> Vec<Operation> {
    vec![operation::delete(revoke_tokens, "Revoke every token of a user").rule(Rule::RevokeTokensForUser)]
}

/// Lists the users; a domain-scoped token sees those of its domain.
/// Policy: `identity:list_users`.
///
/// # Errors
/// 400 for a bad filter or page, 401, 403, 404 for an unknown marker.
pub async fn list(call: Call) -> Answer {
    check_query(&call.query, QUERY)?;
    let caller = call.caller()?;
    caller.enforce(Rule::ListUsers, &caller.list_target("target.domain_id"))?;
    let expiry = ExpiryFilter::parse(&call.query)?;
    let state = call.state();
    let narrowed = Narrowed::new(&call.query, caller.domain_id());
    let is_federated = FEDERATED_FILTERS.iter().any(|name| call.query.has(name));
    let users = candidates(state, &narrowed).filter(|user| !is_federated && expiry.passes(user));
    let is_known = |marker: &str| state.identity.users.contains(marker);
    Ok(ok(&LIST.page(&call, users, is_known, |user| render(&call, user))?))
}

/// The password that a request gives, or the record that there is to be none.
async fn set_password(call: &Call, given: proto::NullableString) -> Result<proto::Password, ApiError> {
    match given.value {
        Some(text) => call.app.new_password(text.into()).await,
        None => call.app.check_password_rules(None).map(|()| proto::Password::default()),
    }
}

/// Creates a user in the domain it names, else in the caller's.
/// Policy: `identity:create_user`.
///
/// # Errors
/// 400, 401, 403, 404 for an unknown domain, 409 for a name that is taken.
pub async fn create(call: Call) -> Answer {
    let mut fields = Fields::new(call.object(&CREATE)?);
    let target = fields.describe(Target::new(), "target.user.domain_id", "domain_id");
    call.caller()?.enforce(Rule::CreateUser, &target)?;
    refuse_federated(&mut fields)?;
    fields.ignore(READ_ONLY);
    let domain_id = call.domain_of_create(&mut fields)?;
    let password = match fields.nullable("password") {
        Some(given) => Some(set_password(&call, given).await?),
        None => None,
    };
    let user = proto::User {
        id: call.new_id(),
        name: fields.name("name").unwrap_or_default(),
        domain_id,
        enabled: fields.boolean("enabled").unwrap_or(true),
        default_project_id: fields.text("default_project_id"),
        password,
        options: fields.options_of_create(),
        extra: fields.extra_of_create(),
        ..proto::User::default()
    };
    let is_taken = call.state().identity.user_by_name(&user.domain_id, &user.name).is_some();
    if is_planted(Bug::NameCheckedBeforeLog) && is_taken {
        return Err(CommandError::duplicate_name("user", &user.name, Some(&user.domain_id)).into());
    }
    let rules = Some(call.app.security_compliance());
    let user = call.write(Command::CreateUser(proto::CreateUser { user: Some(user), rules })).await?;
    Ok(created(&json!({ "user": render(&call, &user) })))
}

/// Shows a user.
/// Policy: `identity:get_user`.
///
/// # Errors
/// 401, 403, 404.
pub async fn show(call: Call) -> Answer {
    let user = authorized(&call, Rule::GetUser)?;
    Ok(ok(&json!({ "user": render(&call, user) })))
}

/// Changes a user. A new password, and being disabled, revoke its tokens.
/// Policy: `identity:update_user`.
///
/// # Errors
/// 400, 401, 403, 404, 409 for a name that is taken.
pub async fn update(call: Call) -> Answer {
    let mut fields = Fields::new(call.object(&UPDATE)?);
    let user = authorized(&call, Rule::UpdateUser)?;
    fields.check_id(&user.id)?;
    fields.check_domain_id(Some(&user.domain_id))?;
    refuse_federated(&mut fields)?;
    fields.ignore(READ_ONLY);
    let password = match fields.nullable("password") {
        Some(given) => Some(set_password(&call, given).await?),
        None => None,
    };
    let remove_password = password.as_ref().is_some_and(|password| password.sealed_hash.is_empty());
    let command = proto::UpdateUser {
        id: user.id.clone(),
        name: fields.name("name"),
        enabled: fields.boolean("enabled"),
        default_project_id: fields.nullable("default_project_id"),
        password: password.filter(|_| !remove_password),
        remove_password,
        options: fields.options(),
        extra: fields.extra(),
        rules: Some(call.app.security_compliance()),
    };
    let user = call.write(Command::UpdateUser(command)).await?;
    Ok(ok(&json!({ "user": render_updated(&call, &user) })))
}

/// Deletes a user with its memberships and grants, and revokes its tokens.
/// Policy: `identity:delete_user`.
///
/// # Errors
/// 401, 403, 404.
pub async fn delete(call: Call) -> Answer {
    let id = authorized(&call, Rule::DeleteUser)?.id.clone();
    call.run(Command::DeleteUser(proto::DeleteUser { id })).await?;
    Ok(no_content())
}

/// Lists the groups that a user is in; a domain-scoped token sees those of its domain.
/// Policy: `identity:list_groups_for_user`.
///
/// # Errors
/// 400, 401, 403, 404.
pub async fn groups(call: Call) -> Answer {
    let user = authorized(&call, Rule::ListGroupsForUser)?;
    let own_domain_id = call.caller()?.domain_id();
    let identity = &call.state().identity;
    let rows = identity
        .groups_of_user(&user.id)
        .filter_map(|id| identity.groups.get(id))
        .filter(|group| own_domain_id.is_none_or(|domain_id| domain_id == group.domain_id))
        .map(|found| with_membership(group::render(&call, found)));
    Ok(ok(&GROUPS.render(&call, rows)?))
}

/// Only memberships that federation made have an end.
fn with_membership(mut group: Value) -> Value {
    if let Some(group) = group.as_object_mut() {
        group.insert("membership_expires_at".into(), Value::Null);
    }
    group
}

/// Lists the projects on which a user has a role, disabled ones too.
/// Policy: `identity:list_user_projects`.
///
/// # Errors
/// 400, 401, 403, 404.
pub async fn projects(call: Call) -> Answer {
    let user = authorized(&call, Rule::ListUserProjects)?;
    let found = effective::projects_of(call.state(), &user.id);
    let rows = found.iter().map(|found| project::render(&call, found));
    Ok(ok(&PROJECTS.render(&call, rows)?))
}

/// Revokes every token of a user.
/// Policy: `identity:revoke_tokens_for_user`.
///
/// # Errors
/// 401, 403, 404.
pub async fn revoke_tokens(call: Call) -> Answer {
    let user_id = authorized(&call, Rule::RevokeTokensForUser)?.id.clone();
    call.run(Command::RevokeUserTokens(proto::RevokeUserTokens { user_id })).await?;
    Ok(no_content())
}

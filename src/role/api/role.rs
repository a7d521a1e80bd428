//! `/v3/roles`

use keyraft_proto::identity as proto;
use proto::command::Kind as Command;
use serde_json::{Map, Value, json};

use crate::http::answer::{add_extra, options};
use crate::http::list::Section;
use crate::http::operation::{self, Operation};
use crate::http::schema::{Field, Kind, OptionKind, Schema, check_query, field, name, nullable, text};
use crate::http::{Answer, ApiError, Call, Fields, List, created, no_content, ok};
use crate::policy::{Rule, Target};
use crate::state::CommandError;
use crate::state::attributes::is_immutable;

const LIST: List = List {
    collection: "roles",
    filters: &["name", "domain_id"],
    section: Some(Section::Role),
    is_capped: false,
};

const LIST_QUERY: &[Field] = &[name("name", 255), field("domain_id", Kind::Id)];

const CREATE: Schema = Schema {
    wrapper: "role",
    fields: &[
        name("name", 255),
        text("description"),
        nullable("domain_id", Kind::Id),
        field("options", Kind::Options(&[("immutable", OptionKind::Boolean)])),
    ],
    required: &["name"],
    allows_extra: true,
    needs_property: false,
};

const UPDATE: Schema = Schema { required: &[], needs_property: true, ..CREATE };

/// The JSON of a role.
#[must_use]
pub fn render(call: &Call, role: &proto::Role) -> Value {
    let mut object = Map::new();
    object.insert("id".into(), json!(role.id));
    object.insert("name".into(), json!(role.name));
    object.insert("domain_id".into(), json!(domain_id(role)));
    object.insert("description".into(), json!(role.description));
    object.insert("options".into(), options(&role.options));
    object.insert("links".into(), json!({ "self": call.link(&format!("roles/{}", role.id)) }));
    add_extra(&mut object, &role.extra);
    Value::Object(object)
}

/// The domain of a domain-specific role; none for a global one.
pub(super) fn domain_id(role: &proto::Role) -> Option<&str> {
    Some(role.domain_id.as_str()).filter(|id| !id.is_empty())
}

/// Adds a role to what policy reads: `target.role.*`.
pub fn describe<'a>(target: Target<'a>, role: &'a proto::Role) -> Target<'a> {
    target
        .with("target.role.id", role.id.as_str())
        .with("target.role.name", role.name.as_str())
        .with_optional("target.role.domain_id", domain_id(role))
}

/// Finds the role of the path and passes if the caller may do this to it: `global` or `specific`, by the kind of
/// the role.
///
/// A missing role is told to any caller with a token, as in Keystone, which looks it up for the rule.
fn authorize(call: &Call, global: Rule, specific: Rule) -> Result<&proto::Role, ApiError> {
    let caller = call.caller()?;
    let id = call.parameter("role_id");
    let role = call.state().role.roles.get(id).ok_or_else(|| ApiError::missing("role", id))?;
    let rule = if domain_id(role).is_some() { specific } else { global };
    caller.enforce(rule, &describe(Target::new().with("role_id", id), role))?;
    Ok(role)
}

/// What may be done on all of them.
pub fn on_all() -> Vec<Operation> {
    vec![
        operation::get(list, "List roles")
            .rule(Rule::ListRoles)
            .rule(Rule::ListDomainRoles)
            .query(LIST_QUERY)
            .list(&LIST),
        operation::post(create, "Create a role")
            .rule(Rule::CreateRole)
            .rule(Rule::CreateDomainRole)
            .body(&CREATE)
            .object("role")
            .conflicts(),
    ]
}

/// What may be done on one.
pub fn on_one() -> Vec<Operation> {
    vec![
        operation::get(show, "Show a role").rule(Rule::GetRole).rule(Rule::GetDomainRole).object("role"),
        operation::patch(update, "Change a role")
            .rule(Rule::UpdateRole)
            .rule(Rule::UpdateDomainRole)
            .body(&UPDATE)
            .object("role")
            .conflicts(),
        operation::delete(delete, "Delete a role").rule(Rule::DeleteRole).rule(Rule::DeleteDomainRole),
    ]
}

/// Lists the global roles, or those of the domain that the query names.
/// Policy: `identity:list_roles`, with a domain `identity:list_domain_roles`.
///
/// # Errors
/// 400 for a bad page, name or domain, 401, 403.
pub async fn list(call: Call) -> Answer {
    check_query(&call.query, LIST_QUERY)?;
    let has_domain = call.query.has("domain_id");
    let rule = if has_domain { Rule::ListDomainRoles } else { Rule::ListRoles };
    call.caller()?.enforce(rule, &Target::new())?;
    let roles = call.state().role.roles.values().filter(|role| has_domain || role.domain_id.is_empty());
    Ok(ok(&LIST.render(&call, roles.map(|role| render(&call, role)))?))
}

/// Creates a role, global or of a domain.
/// Policy: `identity:create_role`, with a domain `identity:create_domain_role`.
///
/// # Errors
/// 400, 401, 403, 409 for a name that is taken.
pub async fn create(call: Call) -> Answer {
    let mut fields = Fields::new(call.object(&CREATE)?);
    let mut role = proto::Role {
        name: fields.text("name").unwrap_or_default(),
        domain_id: fields.text("domain_id").unwrap_or_default(),
        description: fields.text("description"),
        options: fields.options_of_create(),
        ..proto::Role::default()
    };
    let caller = call.caller()?;
    match domain_id(&role) {
        Some(_) => caller.enforce(Rule::CreateDomainRole, &describe(Target::new(), &role))?,
        None => caller.enforce(Rule::CreateRole, &Target::new())?,
    }
    // The server chooses ids; one in the body is ignored.
    fields.ignore(&["id"]);
    role.id = call.new_id();
    role.extra = fields.extra_of_create();
    let role = call.write(Command::CreateRole(proto::CreateRole { role: Some(role) })).await?;
    Ok(created(&json!({ "role": render(&call, &role) })))
}

/// Shows a role.
/// Policy: `identity:get_role`, of a domain's `identity:get_domain_role`.
///
/// # Errors
/// 401, 403, 404.
pub async fn show(call: Call) -> Answer {
    let role = authorize(&call, Rule::GetRole, Rule::GetDomainRole)?;
    Ok(ok(&json!({ "role": render(&call, role) })))
}

/// Changes a role.
/// Policy: `identity:update_role`, of a domain's `identity:update_domain_role`.
///
/// # Errors
/// 400, also for another domain, 401, 403, also for an immutable role, 404, 409 for a name that is taken.
pub async fn update(call: Call) -> Answer {
    let object = call.object(&UPDATE)?;
    let is_lone = object.len() == 1;
    let mut fields = Fields::new(object);
    let role = authorize(&call, Rule::UpdateRole, Rule::UpdateDomainRole)?;
    let id = role.id.clone();
    fields.check_id(&id)?;
    if is_immutable(&role.options) && !is_lone {
        return Err(CommandError::immutable("role", &id, false).into());
    }
    if fields.nullable("domain_id").is_some_and(|given| given.value.as_deref() != domain_id(role)) {
        return Err(ApiError::BadRequest("Update of `domain_id` is not allowed.".into()));
    }
    let command = proto::UpdateRole {
        id,
        name: fields.text("name"),
        description: fields.nullable("description"),
        options: fields.options(),
        extra: fields.extra(),
    };
    let role = call.write(Command::UpdateRole(command)).await?;
    Ok(ok(&json!({ "role": render(&call, &role) })))
}

/// Deletes a role with its assignments.
/// Policy: `identity:delete_role`, of a domain's `identity:delete_domain_role`.
///
/// # Errors
/// 401, 403, also for an immutable role, 404.
pub async fn delete(call: Call) -> Answer {
    let id = authorize(&call, Rule::DeleteRole, Rule::DeleteDomainRole)?.id.clone();
    call.run(Command::DeleteRole(proto::DeleteRole { id })).await?;
    Ok(no_content())
}

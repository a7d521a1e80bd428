//! `/v3/groups`

use keyraft_proto::identity as proto;
use proto::command::Kind as Command;
use serde_json::{Map, Value, json};

use crate::http::answer::add_extra;
use crate::http::list::{List, Listed, Narrowed, Section};
use crate::http::operation::{self, Operation};
use crate::http::query::Attribute;
use crate::http::schema::{Field, Kind, Schema, check_query, field, name, text};
use crate::http::{Answer, ApiError, Call, Fields, created, no_content, ok};
use crate::policy::{Rule, Target};
use crate::state::State;

const LIST: List = List {
    collection: "groups",
    filters: &["domain_id", "name"],
    section: Some(Section::Identity),
    is_capped: true,
};

const CREATE: Schema = Schema {
    wrapper: "group",
    fields: &[field("domain_id", Kind::Id), text("description"), name("name", 255)],
    required: &["name"],
    allows_extra: true,
    needs_property: false,
};

const UPDATE: Schema = Schema {
    fields: &[text("description"), name("name", 255)],
    required: &[],
    needs_property: true,
    ..CREATE
};

const QUERY: &[Field] =
    &[field("domain_id", Kind::Id), name("name", 255), field("sort_dir", Kind::OneOf(&["asc", "desc"]))];

/// The JSON of a group.
#[must_use]
pub fn render(call: &Call, group: &proto::Group) -> Value {
    let mut object = Map::new();
    object.insert("id".into(), json!(group.id));
    object.insert("name".into(), json!(group.name));
    object.insert("domain_id".into(), json!(group.domain_id));
    object.insert("description".into(), json!(group.description));
    object.insert("links".into(), json!({ "self": call.link(&format!("groups/{}", group.id)) }));
    add_extra(&mut object, &group.extra);
    Value::Object(object)
}

/// Adds a group to what policy may look at.
#[must_use]
pub(super) fn describe<'a>(target: Target<'a>, group: Option<&'a proto::Group>) -> Target<'a> {
    match group {
        Some(group) => target
            .with("target.group.id", group.id.as_str())
            .with("target.group.domain_id", group.domain_id.as_str())
            .with("target.group.name", group.name.as_str()),
        // Whether it exists is told to those who could have seen it.
        None => target,
    }
}

/// The group in the path, if it exists.
pub(super) fn find(call: &Call) -> Option<&proto::Group> {
    call.state().identity.groups.get(call.parameter("group_id")).map(|group| &**group)
}

pub(super) fn missing(call: &Call) -> ApiError {
    ApiError::missing("group", call.parameter("group_id"))
}

/// Authenticates the caller, checks its rights on the group in the path, and then whether that group exists.
pub(super) fn authorized(call: &Call, rule: Rule) -> Result<&proto::Group, ApiError> {
    let caller = call.caller()?;
    let group = find(call);
    caller.enforce(rule, &describe(Target::new().with("group_id", call.parameter("group_id")), group))?;
    group.ok_or_else(|| missing(call))
}

/// The groups that a list has to look at, in the order of their ids.
fn candidates<'a>(
    state: &'a State,
    narrowed: &Narrowed<'_>,
) -> Box<dyn Iterator<Item = &'a proto::Group> + 'a> {
    let groups = &state.identity;
    let mut found: Vec<&proto::Group> = match (narrowed.domain_id, narrowed.name) {
        (None, None) => return Box::new(groups.groups.values().map(|group| &**group)),
        (Some(domain_id), Some(name)) => {
            groups.group_by_name(domain_id, name).map(|group| &**group).into_iter().collect()
        }
        (Some(domain_id), None) => groups.groups_in_domain(domain_id).map(|group| &**group).collect(),
        (None, Some(name)) => {
            let domains = state.resource.domains();
            domains
                .filter_map(|domain| groups.group_by_name(&domain.id, name))
                .map(|group| &**group)
                .collect()
        }
    };
    found.sort_by(|one, other| one.id.cmp(&other.id));
    Box::new(found.into_iter())
}

/// What may be done on all of them.
pub fn on_all() -> Vec<Operation> {
    vec![
        operation::get(list, "List groups").rule(Rule::ListGroups).query(QUERY).list(&LIST),
        operation::post(create, "Create a group")
            .rule(Rule::CreateGroup)
            .body(&CREATE)
            .object("group")
            .refers()
            .conflicts(),
    ]
}

/// What may be done on one.
pub fn on_one() -> Vec<Operation> {
    vec![
        operation::get(show, "Show a group").rule(Rule::GetGroup).object("group"),
        operation::patch(update, "Change a group")
            .rule(Rule::UpdateGroup)
            .body(&UPDATE)
            .object("group")
            .conflicts(),
        operation::delete(delete, "Delete a group").rule(Rule::DeleteGroup),
    ]
}

/// Lists the groups; a domain-scoped token sees those of its domain.
/// Policy: `identity:list_groups`.
///
/// # Errors
/// 400 for a bad filter or page, 401, 403, 404 for an unknown marker.
pub async fn list(call: Call) -> Answer {
    check_query(&call.query, QUERY)?;
    let caller = call.caller()?;
    caller.enforce(Rule::ListGroups, &caller.list_target("target.group.domain_id"))?;
    let state = call.state();
    let groups = candidates(state, &Narrowed::new(&call.query, caller.domain_id()));
    let is_known = |marker: &str| state.identity.groups.contains(marker);
    Ok(ok(&LIST.page(&call, groups, is_known, |group| render(&call, group))?))
}

/// Creates a group in the domain it names, else in the caller's.
/// Policy: `identity:create_group`.
///
/// # Errors
/// 400, 401, 403, 404 for an unknown domain, 409 for a name that is taken.
pub async fn create(call: Call) -> Answer {
    let mut fields = Fields::new(call.object(&CREATE)?);
    let target = fields.describe(Target::new(), "target.group.domain_id", "domain_id");
    call.caller()?.enforce(Rule::CreateGroup, &target)?;
    fields.ignore(&["id"]);
    let group = proto::Group {
        id: call.new_id(),
        name: fields.name("name").unwrap_or_default(),
        domain_id: call.domain_of_create(&mut fields)?,
        description: fields.nullable("description").map_or_else(|| Some(String::new()), |text| text.value),
        extra: fields.extra_of_create(),
    };
    let group = call.write(Command::CreateGroup(proto::CreateGroup { group: Some(group) })).await?;
    Ok(created(&json!({ "group": render(&call, &group) })))
}

/// Shows a group.
/// Policy: `identity:get_group`.
///
/// # Errors
/// 401, 403, 404.
pub async fn show(call: Call) -> Answer {
    let group = authorized(&call, Rule::GetGroup)?;
    Ok(ok(&json!({ "group": render(&call, group) })))
}

/// Changes a group.
/// Policy: `identity:update_group`.
///
/// # Errors
/// 400, 401, 403, 404, 409 for a name that is taken.
pub async fn update(call: Call) -> Answer {
    let mut fields = Fields::new(call.object(&UPDATE)?);
    let group = authorized(&call, Rule::UpdateGroup)?;
    fields.check_id(&group.id)?;
    fields.check_domain_id(Some(&group.domain_id))?;
    let command = proto::UpdateGroup {
        id: group.id.clone(),
        name: fields.name("name"),
        description: fields.nullable("description"),
        extra: fields.extra(),
    };
    let group = call.write(Command::UpdateGroup(command)).await?;
    Ok(ok(&json!({ "group": render(&call, &group) })))
}

/// Deletes a group with its memberships and grants; if it had grants, its members' tokens are revoked.
/// Policy: `identity:delete_group`; a missing group is 404 to anyone with a token, as in Keystone.
///
/// # Errors
/// 401, 403, 404.
pub async fn delete(call: Call) -> Answer {
    call.caller()?;
    find(&call).ok_or_else(|| missing(&call))?;
    let id = authorized(&call, Rule::DeleteGroup)?.id.clone();
    call.run(Command::DeleteGroup(proto::DeleteGroup { id })).await?;
    Ok(no_content())
}

impl Listed for proto::Group {
    fn id(&self) -> &str {
        &self.id
    }

    fn attribute(&self, name: &str) -> Attribute<'_> {
        match name {
            "name" => Attribute::Text(&self.name),
            "domain_id" => Attribute::Text(&self.domain_id),
            _ => Attribute::Other,
        }
    }
}

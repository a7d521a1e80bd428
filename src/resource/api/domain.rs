//! `/v3/domains`

use keyraft_proto::identity as proto;
use proto::command::Kind as Command;
use serde_json::{Map, Value, json};

use super::project_object::{OPTIONS, check_not_reserved, check_url_safe};
use crate::http::answer::{add_extra, options};
use crate::http::list::{List, Section};
use crate::http::operation::{self, Operation};
use crate::http::schema::{Field, Kind, Schema, check_query, field, name, nullable};
use crate::http::{Answer, ApiError, Call, Fields, created, no_content, ok};
use crate::policy::{Rule, Target};

const LIST: List = List {
    collection: "domains",
    filters: &["name", "enabled"],
    section: Some(Section::Resource),
    is_capped: true,
};

const DESCRIPTION: Kind = Kind::Text { min: 0, max: 255, must_have_text: false };

const CREATE: Schema = Schema {
    wrapper: "domain",
    fields: &[
        field("explicit_domain_id", Kind::Id),
        nullable("description", DESCRIPTION),
        field("enabled", Kind::Boolean),
        name("name", 64),
        field("options", Kind::Options(OPTIONS)),
        field("tags", Kind::Tags),
    ],
    required: &["name"],
    allows_extra: true,
    needs_property: false,
};

const UPDATE: Schema = Schema {
    fields: &[
        nullable("description", DESCRIPTION),
        field("enabled", Kind::Boolean),
        name("name", 64),
        field("options", Kind::Options(OPTIONS)),
        field("tags", Kind::Tags),
    ],
    required: &[],
    needs_property: true,
    ..CREATE
};

const QUERY: &[Field] = &[field("enabled", Kind::Boolean), name("name", 64)];

/// What a domain has as a project, and a client can neither see nor set.
const OF_PROJECTS: &[&str] = &["id", "domain_id", "parent_id", "is_domain"];

/// The JSON of a domain.
#[must_use]
pub fn render(call: &Call, domain: &proto::Project) -> Value {
    let mut object = Map::new();
    object.insert("id".into(), json!(domain.id));
    object.insert("name".into(), json!(domain.name));
    object.insert("description".into(), json!(domain.description));
    object.insert("enabled".into(), json!(domain.enabled));
    object.insert("tags".into(), json!(domain.tags));
    object.insert("options".into(), options(&domain.options));
    object.insert("links".into(), json!({ "self": call.link(&format!("domains/{}", domain.id)) }));
    add_extra(&mut object, &domain.extra);
    Value::Object(object)
}

/// Adds a domain to what policy may look at.
fn describe<'a>(target: Target<'a>, domain: Option<&'a proto::Project>) -> Target<'a> {
    match domain {
        Some(domain) => target
            .with("target.domain.id", domain.id.as_str())
            .with("target.domain.name", domain.name.as_str())
            .with_flag("target.domain.enabled", domain.enabled),
        // Whether it exists is told to those who could have seen it.
        None => target,
    }
}

/// The domain in the path, if it exists.
fn find(call: &Call) -> Option<&proto::Project> {
    call.state().resource.domain(call.parameter("domain_id")).map(|domain| &**domain)
}

fn missing(call: &Call) -> ApiError {
    ApiError::missing("domain", call.parameter("domain_id"))
}

fn path_target(call: &Call) -> Target<'_> {
    Target::new().with("domain_id", call.parameter("domain_id"))
}

/// Authenticates the caller, and checks its rights on the domain in the path. As in Keystone, a missing domain is
/// 404 to anyone with a token here.
fn existing(call: &Call, rule: Rule) -> Result<&proto::Project, ApiError> {
    let caller = call.caller()?;
    let domain = find(call).ok_or_else(|| missing(call))?;
    caller.enforce(rule, &describe(path_target(call), Some(domain)))?;
    Ok(domain)
}

/// What may be done on all of them.
pub fn on_all() -> Vec<Operation> {
    vec![
        operation::get(list, "List domains").rule(Rule::ListDomains).query(QUERY).list(&LIST),
        operation::post(create, "Create a domain")
            .rule(Rule::CreateDomain)
            .body(&CREATE)
            .object("domain")
            .conflicts(),
    ]
}

/// What may be done on one.
pub fn on_one() -> Vec<Operation> {
    vec![
        operation::get(show, "Show a domain").rule(Rule::GetDomain).object("domain"),
        operation::patch(update, "Change a domain")
            .rule(Rule::UpdateDomain)
            .body(&UPDATE)
            .object("domain")
            .conflicts(),
        operation::delete(delete, "Delete a domain").rule(Rule::DeleteDomain),
    ]
}

/// Lists the domains; a domain-scoped token sees its own.
/// Policy: `identity:list_domains`.
///
/// # Errors
/// 400 for a bad filter or page, 401, 403, 404 for an unknown marker.
pub async fn list(call: Call) -> Answer {
    check_query(&call.query, QUERY)?;
    let caller = call.caller()?;
    let own_domain_id = caller.domain_id();
    caller.enforce(Rule::ListDomains, &caller.list_target("target.domain.id"))?;
    let resource = &call.state().resource;
    let domains: Box<dyn Iterator<Item = _>> = match (own_domain_id, call.query.get("name")) {
        (Some(domain_id), _) => Box::new(resource.domain(domain_id).into_iter()),
        (None, Some(name)) => Box::new(resource.domain_by_name(name).into_iter()),
        (None, None) => Box::new(resource.domains()),
    };
    let domains = domains.map(|domain| &**domain);
    let is_known = |marker: &str| resource.projects.contains(marker);
    Ok(ok(&LIST.page(&call, domains, is_known, |domain| render(&call, domain))?))
}

/// Creates a domain; the client may choose its id.
/// Policy: `identity:create_domain`.
///
/// # Errors
/// 400, 401, 403, 409 for a name or id that is taken.
pub async fn create(call: Call) -> Answer {
    let mut fields = Fields::new(call.object(&CREATE)?);
    call.caller()?.enforce(Rule::CreateDomain, &Target::new())?;
    fields.ignore(OF_PROJECTS);
    let id = match fields.text("explicit_domain_id") {
        Some(id) if is_hex_uuid(&id) => id,
        Some(_) => {
            return Err(ApiError::BadRequest("Domain ID does not conform to required UUID format.".into()));
        }
        None => call.new_id(),
    };
    let domain = proto::Project {
        id,
        name: fields.name("name").unwrap_or_default(),
        is_domain: true,
        enabled: fields.boolean("enabled").unwrap_or(true),
        description: fields.nullable("description").map_or_else(|| Some(String::new()), |text| text.value),
        tags: fields.texts("tags").unwrap_or_default(),
        options: fields.options_of_create(),
        extra: fields.extra_of_create(),
        ..proto::Project::default()
    };
    check_not_reserved(&domain.name)?;
    check_url_safe(&call, &domain.name, true)?;
    let command = proto::CreateProject { project: Some(domain), max_depth: 0 };
    let domain = call.write(Command::CreateProject(command)).await?;
    Ok(created(&json!({ "domain": render(&call, &domain) })))
}

/// 32 lower-case hexadecimal digits.
fn is_hex_uuid(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Shows a domain.
/// Policy: `identity:get_domain`.
///
/// # Errors
/// 401, 403, 404.
pub async fn show(call: Call) -> Answer {
    let caller = call.caller()?;
    let domain = find(&call);
    caller.enforce(Rule::GetDomain, &describe(path_target(&call), domain))?;
    let domain = domain.ok_or_else(|| missing(&call))?;
    Ok(ok(&json!({ "domain": render(&call, domain) })))
}

/// Changes a domain.
/// Policy: `identity:update_domain`.
///
/// # Errors
/// 400, 401, 403, also for an immutable domain, 404, 409 for a name that is taken.
pub async fn update(call: Call) -> Answer {
    let mut fields = Fields::new(call.object(&UPDATE)?);
    let before = existing(&call, Rule::UpdateDomain)?;
    fields.ignore(OF_PROJECTS);
    let name = fields.name("name");
    if let Some(new) = name.as_deref().filter(|new| *new != before.name) {
        check_not_reserved(new)?;
        check_url_safe(&call, new, true)?;
    }
    let id = before.id.clone();
    let command = proto::UpdateProject {
        id,
        is_domain: true,
        name,
        enabled: fields.boolean("enabled"),
        description: fields.nullable("description"),
        tags: fields.texts("tags").map(|names| proto::ProjectTags { names }),
        options: fields.options(),
        extra: fields.extra(),
    };
    let domain = call.write(Command::UpdateProject(command)).await?;
    Ok(ok(&json!({ "domain": render(&call, &domain) })))
}

/// Deletes a disabled domain with everything in it.
/// Policy: `identity:delete_domain`.
///
/// # Errors
/// 401, 403, also for an enabled or immutable domain, 404.
pub async fn delete(call: Call) -> Answer {
    let id = existing(&call, Rule::DeleteDomain)?.id.clone();
    call.run(Command::DeleteProject(proto::DeleteProject { id, is_domain: true })).await?;
    Ok(no_content())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_id_is_a_uuid_without_dashes() {
        assert!(is_hex_uuid("0123456789abcdef0123456789abcdef"));
        for wrong in ["abc", "0123456789ABCDEF0123456789abcdef", "01234567-89ab-cdef-0123-456789abcdef"] {
            assert!(!is_hex_uuid(wrong), "{wrong}");
        }
    }
}

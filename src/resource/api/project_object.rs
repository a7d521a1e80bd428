//! A project as requests give it and answers show it.

use keyraft_proto::identity::Project;
use serde_json::{Map, Value, json};

use crate::config::UrlSafeNames;
use crate::http::answer::{add_extra, options};
use crate::http::list::Listed;
use crate::http::query::Attribute;
use crate::http::schema::{Field, Kind, OptionKind, Schema, field, name, nullable, text};
use crate::http::{ApiError, Call};
use crate::policy::Target;
use crate::resource::{is_url_safe, reserved_in};

/// The options of projects and domains.
pub(super) const OPTIONS: &[(&str, OptionKind)] = &[("immutable", OptionKind::Boolean)];

/// What a create may hold.
pub(super) const CREATE: Schema = Schema {
    wrapper: "project",
    fields: &[
        text("description"),
        nullable("domain_id", Kind::Id),
        field("enabled", Kind::Boolean),
        field("is_domain", Kind::Boolean),
        nullable("parent_id", Kind::Id),
        name("name", 64),
        field("tags", Kind::Tags),
        field("options", Kind::Options(OPTIONS)),
    ],
    required: &["name"],
    allows_extra: true,
    needs_property: false,
};

/// What an update may hold.
pub(super) const UPDATE: Schema = Schema {
    fields: &[
        text("description"),
        field("enabled", Kind::Boolean),
        name("name", 64),
        field("options", Kind::Options(OPTIONS)),
        field("tags", Kind::Tags),
    ],
    required: &[],
    ..CREATE
};

/// What the query of a list may hold.
pub(super) const QUERY: &[Field] = &[
    field("domain_id", Kind::Id),
    field("enabled", Kind::Boolean),
    name("name", 64),
    field("parent_id", Kind::Uuid),
    field("is_domain", Kind::Boolean),
];

/// The name of the domain of federated users, in lower case: no domain may have it.
const RESERVED_NAME: &str = "federated";

/// Refuses a name that holds characters which a URL reserves, where that is configured.
///
/// # Errors
/// 400.
pub(super) fn check_url_safe(call: &Call, name: &str, is_domain: bool) -> Result<(), ApiError> {
    let options = &call.app.config.resource;
    let (rule, entity) = if is_domain {
        (options.domain_name_url_safe, "Domain")
    } else {
        (options.project_name_url_safe, "Project")
    };
    if rule == UrlSafeNames::Off || is_url_safe(name) {
        return Ok(());
    }
    let found = reserved_in(name);
    Err(ApiError::BadRequest(format!(
        "{entity} name cannot contain the following reserved characters: {found}"
    )))
}

/// Refuses the reserved name for a domain. (Keystone answers it with 500.)
///
/// # Errors
/// 400.
pub(super) fn check_not_reserved(name: &str) -> Result<(), ApiError> {
    if name.to_lowercase() == RESERVED_NAME {
        return Err(ApiError::BadRequest(format!("Domain cannot be named {name}")));
    }
    Ok(())
}

/// The JSON of a project.
#[must_use]
pub fn render(call: &Call, project: &Project) -> Value {
    Value::Object(object(call, project))
}

/// The JSON of a project as the answer of an update shows it: with an object of its extra attributes besides.
#[must_use]
pub(super) fn render_updated(call: &Call, project: &Project) -> Value {
    let mut object = object(call, project);
    object.insert("extra".into(), options(&project.extra));
    Value::Object(object)
}

pub(super) fn object(call: &Call, project: &Project) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("id".into(), json!(project.id));
    object.insert("name".into(), json!(project.name));
    object.insert("domain_id".into(), json!(given(&project.domain_id)));
    object.insert("description".into(), json!(project.description));
    object.insert("enabled".into(), json!(project.enabled));
    object.insert("parent_id".into(), json!(given(&project.parent_id)));
    object.insert("is_domain".into(), json!(project.is_domain));
    object.insert("tags".into(), json!(project.tags));
    object.insert("options".into(), options(&project.options));
    object.insert("links".into(), json!({ "self": call.link(&format!("projects/{}", project.id)) }));
    add_extra(&mut object, &project.extra);
    object
}

/// A domain is in no domain and below no project.
pub(super) fn given(id: &str) -> Option<&str> {
    (!id.is_empty()).then_some(id)
}

/// Adds a project to what policy may look at.
#[must_use]
pub(super) fn describe<'a>(target: Target<'a>, project: Option<&'a Project>) -> Target<'a> {
    match project {
        Some(project) => target
            .with("target.project.id", project.id.as_str())
            .with_optional("target.project.domain_id", given(&project.domain_id))
            .with_optional("target.project.parent_id", given(&project.parent_id))
            .with("target.project.name", project.name.as_str())
            .with_flag("target.project.is_domain", project.is_domain)
            .with_flag("target.project.enabled", project.enabled),
        // Whether it exists is told to those who could have seen it.
        None => target,
    }
}

impl Listed for Project {
    fn id(&self) -> &str {
        &self.id
    }

    fn attribute(&self, name: &str) -> Attribute<'_> {
        match name {
            "name" => Attribute::Text(&self.name),
            "domain_id" => given(&self.domain_id).map_or(Attribute::Absent, Attribute::Text),
            "parent_id" => given(&self.parent_id).map_or(Attribute::Absent, Attribute::Text),
            "enabled" => Attribute::Flag(self.enabled),
            "is_domain" => Attribute::Flag(self.is_domain),
            _ => Attribute::Other,
        }
    }
}

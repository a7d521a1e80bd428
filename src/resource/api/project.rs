//! `/v3/projects`

use keyraft_proto::identity as proto;
use proto::command::Kind as Command;
use serde_json::{Map, Value, json};

use super::hierarchy;
use super::project_object::{
    CREATE, QUERY, UPDATE, check_not_reserved, check_url_safe, describe, given, object, render_updated,
};
use super::tag_filter::{self, TagFilter};
use crate::http::list::{List, Narrowed, Section};
use crate::http::operation::{self, Operation};
use crate::http::query::is_true;
use crate::http::schema::check_query;
use crate::http::{Answer, ApiError, Call, Fields, created, no_content, ok};
use crate::policy::{Rule, Target};
use crate::state::State;

pub use super::project_object::render;

const LIST: List = List {
    collection: "projects",
    filters: &["domain_id", "enabled", "name", "parent_id", "is_domain"],
    section: Some(Section::Resource),
    is_capped: true,
};

/// Authenticates the caller and checks its rights on the project in the path, which may be missing.
pub(super) fn permitted(call: &Call, rule: Rule) -> Result<Option<&proto::Project>, ApiError> {
    let id = call.parameter("project_id");
    let caller = call.caller()?;
    let project = call.state().resource.projects.get(id).map(|project| &**project);
    caller.enforce(rule, &describe(Target::new().with("project_id", id), project))?;
    Ok(project)
}

/// As [`permitted`], if that project exists.
pub(super) fn authorized(call: &Call, rule: Rule) -> Result<&proto::Project, ApiError> {
    permitted(call, rule)?.ok_or_else(|| missing(call))
}

pub(super) fn missing(call: &Call) -> ApiError {
    ApiError::missing("project", call.parameter("project_id"))
}

/// The projects that a list has to look at, in the order of their ids.
fn candidates<'a>(
    state: &'a State,
    narrowed: &Narrowed<'_>,
    parent_id: Option<&str>,
    are_domains: bool,
) -> Box<dyn Iterator<Item = &'a proto::Project> + 'a> {
    let resource = &state.resource;
    let mut found: Vec<&proto::Project> = match (narrowed.domain_id, parent_id, narrowed.name) {
        (_, _, Some(name)) if are_domains => {
            resource.domain_by_name(name).map(|found| &**found).into_iter().collect()
        }
        _ if are_domains => return Box::new(resource.domains().map(|domain| &**domain)),
        (Some(domain_id), _, Some(name)) => {
            resource.project_by_name(domain_id, name).map(|project| &**project).into_iter().collect()
        }
        (_, Some(parent_id), _) => return Box::new(children(state, parent_id)),
        (Some(domain_id), None, None) => {
            resource.projects_in_domain(domain_id).map(|project| &**project).collect()
        }
        (None, None, Some(name)) => {
            let domains = resource.domains();
            domains
                .filter_map(|domain| resource.project_by_name(&domain.id, name))
                .map(|project| &**project)
                .collect()
        }
        (None, None, None) => {
            return Box::new(
                resource.projects.values().map(|project| &**project).filter(|project| !project.is_domain),
            );
        }
    };
    found.sort_by(|one, other| one.id.cmp(&other.id));
    Box::new(found.into_iter())
}

fn children<'a>(state: &'a State, parent_id: &str) -> impl Iterator<Item = &'a proto::Project> + use<'a> {
    let found: Vec<&proto::Project> = state.resource.children(parent_id).map(|project| &**project).collect();
    found.into_iter()
}

/// What may be done on all of them.
pub fn on_all() -> Vec<Operation> {
    vec![
        operation::get(list, "List projects")
            .rule(Rule::ListProjects)
            .query(QUERY)
            .parameters(&tag_filter::PARAMETERS)
            .list(&LIST),
        operation::post(create, "Create a project")
            .rule(Rule::CreateProject)
            .body(&CREATE)
            .object("project")
            .conflicts(),
    ]
}

/// What may be done on one.
pub fn on_one() -> Vec<Operation> {
    vec![
        operation::get(show, "Show a project")
            .rule(Rule::GetProject)
            .parameters(&hierarchy::PARAMETERS)
            .object("project"),
        operation::patch(update, "Change a project")
            .rule(Rule::UpdateProject)
            .optional_body(&UPDATE)
            .object("project")
            .conflicts(),
        operation::delete(delete, "Delete a project").rule(Rule::DeleteProject),
    ]
}

/// Lists the projects, or with `?is_domain` the domains; a domain-scoped token sees the projects of its domain.
/// Policy: `identity:list_projects`.
///
/// # Errors
/// 400 for a bad filter or page, 401, 403, 404 for an unknown marker.
pub async fn list(call: Call) -> Answer {
    check_query(&call.query, QUERY)?;
    let caller = call.caller()?;
    let own_domain_id = caller.domain_id();
    caller.enforce(Rule::ListProjects, &caller.list_target("target.domain_id"))?;
    let state = call.state();
    let query = &call.query;
    let are_domains = query.get("is_domain").is_some_and(is_true);
    let tags = TagFilter::parse(query);
    let projects =
        candidates(state, &Narrowed::new(query, own_domain_id), query.get("parent_id"), are_domains)
            .filter(|project| own_domain_id.is_none_or(|domain_id| domain_id == project.domain_id))
            .filter(|project| tags.passes(project));
    let is_known = |marker: &str| state.resource.projects.contains(marker);
    Ok(ok(&LIST.page(&call, projects, is_known, |project| render(&call, project))?))
}

/// Creates a project below the parent it names, else at the top of its domain; with `is_domain` a domain.
/// Policy: `identity:create_project`.
///
/// # Errors
/// 400, also for an unknown domain or parent, 401, 403, also where the tree gets too deep, 409 for a name that is
/// taken.
pub async fn create(call: Call) -> Answer {
    let mut fields = Fields::new(call.object(&CREATE)?);
    authorize_create(&call, &fields)?;
    fields.ignore(&["id"]);
    let is_domain = fields.boolean("is_domain").unwrap_or(false);
    let (domain_id, parent_id) = place(&call, &mut fields, is_domain)?;
    let project = proto::Project {
        id: call.new_id(),
        name: fields.name("name").unwrap_or_default(),
        domain_id,
        parent_id,
        is_domain,
        enabled: fields.boolean("enabled").unwrap_or(true),
        description: fields.nullable("description").map_or_else(|| Some(String::new()), |text| text.value),
        tags: fields.texts("tags").unwrap_or_default(),
        options: fields.options_of_create(),
        extra: fields.extra_of_create(),
    };
    if is_domain {
        check_not_reserved(&project.name)?;
    }
    check_url_safe(&call, &project.name, is_domain)?;
    let max_depth = u32::try_from(call.app.config.resource.max_project_tree_depth).unwrap_or(u32::MAX);
    let command = proto::CreateProject { project: Some(project), max_depth };
    let project = call.write(Command::CreateProject(command)).await?;
    Ok(created(&json!({ "project": render(&call, &project) })))
}

fn authorize_create(call: &Call, fields: &Fields) -> Result<(), ApiError> {
    let target = fields.describe(Target::new(), "target.project.domain_id", "domain_id");
    let target = fields.describe(target, "target.project.parent_id", "parent_id");
    call.caller()?.enforce(Rule::CreateProject, &target)
}

/// The domain and the parent of a new project; a domain has neither.
fn place(call: &Call, fields: &mut Fields, is_domain: bool) -> Result<(String, String), ApiError> {
    let parent_id = fields.text("parent_id");
    if !is_domain {
        let domain_id = call.domain_of_create(fields)?;
        return Ok((domain_id.clone(), parent_id.unwrap_or(domain_id)));
    }
    match parent_id.or(fields.text("domain_id")) {
        None => Ok((String::new(), String::new())),
        Some(_) => Err(ApiError::BadRequest("only root projects are allowed to act as domains.".into())),
    }
}

/// Shows a project, with what is above and below it if asked for.
/// Policy: `identity:get_project`.
///
/// # Errors
/// 400, 401, 403, 404.
pub async fn show(call: Call) -> Answer {
    let project = authorized(&call, Rule::GetProject)?;
    let user_id = call.caller()?.user_id().unwrap_or_default();
    let mut object = object(&call, project);
    hierarchy::expand(&call, user_id, project, &mut object)?;
    Ok(ok(&json!({ "project": object })))
}

/// Changes a project, or a domain that is addressed as one.
/// Policy: `identity:update_project`.
///
/// # Errors
/// 400, 401, 403, also for an immutable project or another parent, 404, 409 for a name that is taken.
pub async fn update(call: Call) -> Answer {
    let mut fields = Fields::new(object_of_update(&call)?);
    let project = authorized(&call, Rule::UpdateProject)?;
    fields.check_id(&project.id)?;
    fields.check_domain_id(given(&project.domain_id))?;
    check_same_place(&mut fields, project)?;
    let name = fields.name("name");
    if let Some(new) = name.as_deref().filter(|new| *new != project.name) {
        if project.is_domain {
            check_not_reserved(new)?;
        }
        check_url_safe(&call, new, project.is_domain)?;
    }
    let command = proto::UpdateProject {
        id: project.id.clone(),
        is_domain: false,
        name,
        enabled: fields.boolean("enabled"),
        description: fields.nullable("description"),
        tags: fields.texts("tags").map(|names| proto::ProjectTags { names }),
        options: fields.options(),
        extra: fields.extra(),
    };
    let project = call.write(Command::UpdateProject(command)).await?;
    Ok(ok(&json!({ "project": render_updated(&call, &project) })))
}

/// The object of an update. Keystone lets it be empty here, and its wrapper too.
fn object_of_update(call: &Call) -> Result<Map<String, Value>, ApiError> {
    let body = call.json();
    if body.is_empty() { Ok(body) } else { UPDATE.check(body) }
}

/// What an update may name but not change.
fn check_same_place(fields: &mut Fields, project: &proto::Project) -> Result<(), ApiError> {
    let has_moved =
        fields.take("parent_id").is_some_and(|parent_id| parent_id.as_str() != given(&project.parent_id));
    if has_moved {
        return Err(ApiError::Forbidden("Update of `parent_id` is not allowed.".into()));
    }
    let has_turned =
        fields.take("is_domain").is_some_and(|is_domain| is_domain != Value::Bool(project.is_domain));
    if has_turned {
        return Err(ApiError::BadRequest("Update of `is_domain` is not allowed.".into()));
    }
    Ok(())
}

/// Deletes a project that has none below it, or a disabled domain with everything in it.
/// Policy: `identity:delete_project`.
///
/// # Errors
/// 401, 403, also where it has projects below it or is immutable, 404.
pub async fn delete(call: Call) -> Answer {
    let id = authorized(&call, Rule::DeleteProject)?.id.clone();
    call.run(Command::DeleteProject(proto::DeleteProject { id, is_domain: false })).await?;
    Ok(no_content())
}

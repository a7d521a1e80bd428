//! `/v3/projects/{project_id}/tags`

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use keyraft_proto::identity as proto;
use proto::command::Kind as Command;
use serde_json::{Value, json};

use super::project::{authorized, missing, permitted};
use crate::http::operation::{self, Operation};
use crate::http::schema::{Field, Kind, check_closed_body, check_tag, field};
use crate::http::{Answer, ApiError, Call, Fields, no_content, ok};
use crate::policy::Rule;
use crate::resource::commands::tags;

const UPDATE: &[Field] = &[field("tags", Kind::TagTexts)];

/// The JSON of tags. Its link is the root of the API, as in Keystone.
fn render(call: &Call, tags: &[String]) -> Value {
    let query = call.uri.query().filter(|query| !query.is_empty());
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    json!({ "links": { "self": format!("{}/v3{query}", call.base_url) }, "tags": tags })
}

/// What may be done on all tags of a project.
pub fn on_all() -> Vec<Operation> {
    vec![
        operation::get(list, "List the tags of a project").rule(Rule::ListProjectTags).texts("tags"),
        operation::put(replace, "Replace all tags of a project")
            .rule(Rule::UpdateProjectTags)
            .bare_body(UPDATE)
            .texts("tags")
            .status(StatusCode::OK),
        operation::delete(clear, "Take all tags off a project").rule(Rule::DeleteProjectTags),
    ]
}

/// What may be done on one of them.
pub fn on_one() -> Vec<Operation> {
    vec![
        operation::get(check, "Tell whether a project has a tag").rule(Rule::GetProjectTag),
        operation::put(add, "Add a tag to a project")
            .rule(Rule::CreateProjectTag)
            .status(StatusCode::CREATED),
        operation::delete(remove, "Take a tag off a project").rule(Rule::DeleteProjectTag),
    ]
}

/// Lists the tags of a project.
/// Policy: `identity:list_project_tags`.
///
/// # Errors
/// 401, 403, 404.
pub async fn list(call: Call) -> Answer {
    let project = authorized(&call, Rule::ListProjectTags)?;
    Ok(ok(&render(&call, &tags::sorted(project.tags.clone()))))
}

/// Replaces all tags of a project.
/// Policy: `identity:update_project_tags`.
///
/// # Errors
/// 400, 401, 403, also for an immutable project, 404.
pub async fn replace(call: Call) -> Answer {
    let body = call.json();
    check_closed_body(&body, UPDATE)?;
    let project = permitted(&call, Rule::UpdateProjectTags)?;
    let Some(names) = Fields::new(body).texts("tags") else {
        return Err(ApiError::BadRequest("{} is not of type 'array'".into()));
    };
    tags::check(&names)?;
    let names: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
    set(&call, project.ok_or_else(|| missing(&call))?, names.clone()).await?;
    Ok(ok(&render(&call, &names)))
}

/// Takes all tags off a project.
/// Policy: `identity:delete_project_tags`.
///
/// # Errors
/// 401, 403, also for an immutable project, 404.
pub async fn clear(call: Call) -> Answer {
    set(&call, authorized(&call, Rule::DeleteProjectTags)?, Vec::new()).await?;
    Ok(no_content())
}

async fn set(call: &Call, project: &proto::Project, names: Vec<String>) -> Result<(), ApiError> {
    tags::check_mutable(project, "update")?;
    let tags = Some(proto::ProjectTags { names: tags::sorted(names) });
    let command = proto::UpdateProject { id: project.id.clone(), tags, ..proto::UpdateProject::default() };
    call.run(Command::UpdateProject(command)).await
}

/// Tells whether a project has a tag.
/// Policy: `identity:get_project_tag`.
///
/// # Errors
/// 401, 403, 404, also for a tag that it does not have.
pub async fn check(call: Call) -> Answer {
    check_has(authorized(&call, Rule::GetProjectTag)?, call.parameter("value"))?;
    Ok(no_content())
}

fn check_has(project: &proto::Project, tag: &str) -> Result<(), ApiError> {
    if project.tags.iter().any(|own| own == tag) { Ok(()) } else { Err(tags::missing(tag).into()) }
}

/// Adds a tag to a project.
/// Policy: `identity:create_project_tag`.
///
/// # Errors
/// 400, also for a tag that it has, 401, 403, also for an immutable project, 404.
pub async fn add(call: Call) -> Answer {
    let project = permitted(&call, Rule::CreateProjectTag)?;
    let tag = call.parameter("value").to_owned();
    check_tag(&tag)?;
    let project_id = project.ok_or_else(|| missing(&call))?.id.clone();
    // The path as Keystone gives it, which is not that of the tag.
    let sent = call.uri.path().rsplit('/').next().unwrap_or_default();
    let location = call.link(&format!("{project_id}/tags/{sent}"));
    call.run(Command::AddProjectTag(proto::AddProjectTag { project_id, tag })).await?;
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()), (header::LOCATION, location)];
    Ok((StatusCode::CREATED, headers).into_response())
}

/// Takes a tag off a project.
/// Policy: `identity:delete_project_tag`.
///
/// # Errors
/// 401, 403, also for an immutable project, 404, also for a tag that it does not have.
pub async fn remove(call: Call) -> Answer {
    let (project, tag) = (authorized(&call, Rule::DeleteProjectTag)?, call.parameter("value").to_owned());
    tags::check_mutable(project, "delete")?;
    check_has(project, &tag)?;
    let project_id = project.id.clone();
    call.run(Command::RemoveProjectTag(proto::RemoveProjectTag { project_id, tag })).await?;
    Ok(no_content())
}

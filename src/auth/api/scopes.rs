//! `/v3/auth/catalog`, `/projects`, `/domains` and `/system`: what the caller's token can reach.

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde_json::json;

use crate::assignment::effective;
use crate::http::list::collection;
use crate::http::operation::{self, Operation};
use crate::http::{Answer, ApiError, Call, ok};
use crate::policy::{Rule, Target};
use crate::resource::api::domain;
use crate::resource::api::project;
use crate::token::render::render_catalog;

/// What may be done on the catalog of a token.
pub fn on_catalog() -> Vec<Operation> {
    vec![
        operation::get(catalog, "Show the catalog of the caller's token")
            .rule(Rule::GetAuthCatalog)
            .array("catalog"),
    ]
}

/// What may be done on the projects that a token can reach.
pub fn on_projects() -> Vec<Operation> {
    vec![
        operation::get(projects, "List the projects that the caller can reach")
            .rule(Rule::GetAuthProjects)
            .array("projects"),
    ]
}

/// What may be done on the domains that a token can reach.
pub fn on_domains() -> Vec<Operation> {
    vec![
        operation::get(domains, "List the domains that the caller can reach")
            .rule(Rule::GetAuthDomains)
            .array("domains"),
    ]
}

/// What may be done on the system.
pub fn on_system() -> Vec<Operation> {
    vec![
        operation::get(system, "Say whether the caller can reach the system")
            .rule(Rule::GetAuthSystem)
            .array("system"),
    ]
}

/// The catalog of the caller's token.
/// Policy: `identity:get_auth_catalog`.
///
/// # Errors
/// 401; 403 for a token without a project, as in Keystone.
pub async fn catalog(call: Call) -> Answer {
    let caller = call.caller()?;
    caller.enforce(Rule::GetAuthCatalog, &Target::new())?;
    let token = caller.token().filter(|token| token.project().is_some()).ok_or(ApiError::NotAuthorized)?;
    let catalog = render_catalog(token, call.state().catalog.compiled(), &call.app.public_endpoint);
    let links = json!({ "self": call.link("auth/catalog") });
    let body = format!("{{\"catalog\":{catalog},\"links\":{links}}}\n");
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// The projects on which the caller has a role, disabled ones too, as in Keystone. Nothing filters them.
/// Policy: `identity:get_auth_projects`.
///
/// # Errors
/// 401, 403.
pub async fn projects(call: Call) -> Answer {
    let caller = call.caller()?;
    caller.enforce(Rule::GetAuthProjects, &Target::new())?;
    let rows = effective::projects_of(call.state(), caller.user_id().unwrap_or_default())
        .iter()
        .map(|found| project::render(&call, found))
        .collect();
    Ok(ok(&collection(&call, "projects", rows, None)))
}

/// The domains on which the caller has a role, disabled ones too, as in Keystone. Nothing filters them.
/// Policy: `identity:get_auth_domains`.
///
/// # Errors
/// 401, 403.
pub async fn domains(call: Call) -> Answer {
    let caller = call.caller()?;
    caller.enforce(Rule::GetAuthDomains, &Target::new())?;
    let rows = effective::domains_of(call.state(), caller.user_id().unwrap_or_default())
        .iter()
        .map(|found| domain::render(&call, found))
        .collect();
    Ok(ok(&collection(&call, "domains", rows, None)))
}

/// Whether the caller has a role on the system.
/// Policy: `identity:get_auth_system`.
///
/// # Errors
/// 401, 403.
pub async fn system(call: Call) -> Answer {
    let caller = call.caller()?;
    caller.enforce(Rule::GetAuthSystem, &Target::new())?;
    let rows = if effective::is_on_system(call.state(), caller.user_id().unwrap_or_default()) {
        json!([{ "all": true }])
    } else {
        json!([])
    };
    Ok(ok(&json!({ "system": rows, "links": { "self": call.link("auth/system") } })))
}

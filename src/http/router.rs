//! Every path of the API, on one page. What may be done on each is listed in the file of its resource.

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use keyraft_proto::identity::{ActorKind, TargetKind};

use super::operation::Routes;
use super::{body, discovery, layer, openapi};
use crate::app::App;
use crate::assignment::api::{grant, role_assignment};
use crate::auth::api::{scopes, token};
use crate::catalog::api::{endpoint, region, service};
use crate::identity::api::{group, membership, password, user};
use crate::ops;
use crate::resource::api::{domain, project, tag};
use crate::revoke::api::event;
use crate::role::api::{implied, inference, role};

/// The paths, each with its operations.
#[must_use]
pub fn routes() -> Routes {
    let routes = Routes::default()
        .path("/", discovery::on_root())
        .path("/v3", discovery::on_v3())
        .path("/healthcheck", discovery::on_health())
        .path("/openapi.json", openapi::operations())
        .path("/ready", ops::ready::operations())
        .path("/metrics", ops::metrics::operations())
        .path(ops::status::STATUS_PATH, ops::status::operations())
        // auth
        .path("/v3/auth/tokens", token::operations())
        .path("/v3/auth/tokens/OS-PKI/revoked", token::on_revoked())
        .path("/v3/auth/catalog", scopes::on_catalog())
        .path("/v3/auth/projects", scopes::on_projects())
        .path("/v3/auth/domains", scopes::on_domains())
        .path("/v3/auth/system", scopes::on_system())
        .path("/v3/OS-REVOKE/events", event::operations())
        // resource
        .path("/v3/domains", domain::on_all())
        .path("/v3/domains/{domain_id}", domain::on_one())
        .path("/v3/projects", project::on_all())
        .path("/v3/projects/{project_id}", project::on_one())
        .path("/v3/projects/{project_id}/tags", tag::on_all())
        .path("/v3/projects/{project_id}/tags/{value}", tag::on_one())
        // identity
        .path("/v3/users", user::on_all())
        .path("/v3/users/{user_id}", user::on_one())
        .path("/v3/users/{user_id}/password", password::operations())
        .path("/v3/users/{user_id}/groups", user::on_groups())
        .path("/v3/users/{user_id}/projects", user::on_projects())
        .path("/v3/users/{user_id}/tokens", user::on_tokens())
        .path("/v3/groups", group::on_all())
        .path("/v3/groups/{group_id}", group::on_one())
        .path("/v3/groups/{group_id}/users", membership::on_all())
        .path("/v3/groups/{group_id}/users/{user_id}", membership::on_one())
        // role and assignment
        .path("/v3/roles", role::on_all())
        .path("/v3/roles/{role_id}", role::on_one())
        .path("/v3/roles/{role_id}/implies", implied::on_all())
        .path("/v3/roles/{role_id}/implies/{implied_role_id}", implied::on_one())
        .path("/v3/role_inferences", inference::operations())
        .path("/v3/role_assignments", role_assignment::operations())
        // catalog
        .path("/v3/regions", region::on_all())
        .path("/v3/regions/{region_id}", region::on_one())
        .path("/v3/services", service::on_all())
        .path("/v3/services/{service_id}", service::on_one())
        .path("/v3/endpoints", endpoint::on_all())
        .path("/v3/endpoints/{endpoint_id}", endpoint::on_one());
    grants(routes)
}

/// Grants: of users and groups, on projects, domains and the system, direct and inherited.
fn grants(mut routes: Routes) -> Routes {
    const ACTORS: [(&str, ActorKind); 2] =
        [("users/{user_id}", ActorKind::User), ("groups/{group_id}", ActorKind::Group)];
    const TARGETS: [(&str, TargetKind); 3] = [
        ("projects/{project_id}", TargetKind::Project),
        ("domains/{domain_id}", TargetKind::Domain),
        ("system", TargetKind::System),
    ];
    for (actor, actor_kind) in ACTORS {
        for (target, target_kind) in TARGETS {
            let (all, one) =
                (|| grant::on_all(actor_kind, target_kind), || grant::on_one(actor_kind, target_kind));
            let roles = format!("{target}/{actor}/roles");
            routes =
                routes.path(format!("/v3/{roles}"), all()).path(format!("/v3/{roles}/{{role_id}}"), one());
            if target_kind != TargetKind::System {
                let inherited = format!("/v3/OS-INHERIT/{roles}/{{role_id}}/inherited_to_projects");
                routes = routes.path(inherited, one());
            }
            // Keystone lists the inherited grants of domains only.
            if target_kind == TargetKind::Domain {
                routes = routes.path(format!("/v3/OS-INHERIT/{roles}/inherited_to_projects"), all());
            }
        }
    }
    routes
}

/// The whole API.
pub fn router(app: &App) -> Router {
    let routes = routes();
    let document = openapi::Served(Arc::from(openapi::document(&routes).to_string()));
    let router =
        routes.0.iter().fold(Router::new(), |router, route| router.route(&route.path, route.method_router()));
    router
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(axum::Extension(document))
        .layer(from_fn_with_state(app.clone(), body::read))
        .layer(from_fn_with_state(app.clone(), layer::around))
        .with_state(app.clone())
}

/// An unknown path: HTML, as Keystone's framework answers it. Doubled slashes lead to the path without them.
async fn not_found(uri: Uri) -> Response {
    let path = uri.path();
    if path.contains("//") {
        let single = path.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        return (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, format!("/{single}{query}"))])
            .into_response();
    }
    let page = "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>The requested \
                URL was not found on the server. If you entered the URL manually please check your spelling and try \
                again.</p>\n";
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

/// A known path with another method; the framework adds `Allow`. OPTIONS asks for just that.
async fn method_not_allowed(method: Method) -> Response {
    if method == Method::OPTIONS {
        return (StatusCode::OK, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], "").into_response();
    }
    let body = "{\"message\": \"The method is not allowed for the requested URL.\"}\n";
    (StatusCode::METHOD_NOT_ALLOWED, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

#[cfg(test)]
mod tests;

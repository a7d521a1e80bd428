//! Every path of the API, on one page. What may be done on each is listed in the file of its resource.

use axum::http::{StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use keyraft_proto::identity::{ActorKind, TargetKind};

use super::answer::HTML;
use super::discovery::Documents;
use super::origin::Origin;
use super::route::Routes;
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
        .listed("/v3/auth/tokens", "auth_tokens", token::operations())
        .listed("/v3/auth/tokens/OS-PKI/revoked", "ext/OS-PKI/1.0/rel/revocations", token::on_revoked())
        .listed("/v3/auth/catalog", "auth_catalog", scopes::on_catalog())
        .listed("/v3/auth/projects", "auth_projects", scopes::on_projects())
        .listed("/v3/auth/domains", "auth_domains", scopes::on_domains())
        .listed("/v3/auth/system", "auth_system", scopes::on_system())
        .listed("/v3/OS-REVOKE/events", "ext/OS-REVOKE/1.0/rel/events", event::operations())
        // resource
        .listed("/v3/domains", "domains", domain::on_all())
        .listed("/v3/domains/{domain_id}", "domain", domain::on_one())
        .listed("/v3/projects", "projects", project::on_all())
        .listed("/v3/projects/{project_id}", "project", project::on_one())
        .path("/v3/projects/{project_id}/tags", tag::on_all())
        .listed("/v3/projects/{project_id}/tags/{value}", "project_tags", tag::on_one())
        // identity
        .listed("/v3/users", "users", user::on_all())
        .listed("/v3/users/{user_id}", "user", user::on_one())
        .listed("/v3/users/{user_id}/password", "user_change_password", password::operations())
        .listed("/v3/users/{user_id}/groups", "user_groups", user::on_groups())
        .listed("/v3/users/{user_id}/projects", "user_projects", user::on_projects())
        .listed("/v3/users/{user_id}/tokens", "user_tokens", user::on_tokens())
        .listed("/v3/groups", "groups", group::on_all())
        .listed("/v3/groups/{group_id}", "group", group::on_one())
        .listed("/v3/groups/{group_id}/users", "group_users", membership::on_all())
        .listed("/v3/groups/{group_id}/users/{user_id}", "group_user", membership::on_one())
        // role and assignment
        .listed("/v3/roles", "roles", role::on_all())
        .listed("/v3/roles/{role_id}", "role", role::on_one())
        .listed("/v3/roles/{role_id}/implies", "implied_roles", implied::on_all())
        .listed("/v3/roles/{role_id}/implies/{implied_role_id}", "implied_role", implied::on_one())
        .listed("/v3/role_inferences", "role_inferences", inference::operations())
        .listed("/v3/role_assignments", "role_assignments", role_assignment::operations())
        // catalog
        .listed("/v3/regions", "regions", region::on_all())
        .listed("/v3/regions/{region_id}", "region", region::on_one())
        .listed("/v3/services", "services", service::on_all())
        .listed("/v3/services/{service_id}", "service", service::on_one())
        .listed("/v3/endpoints", "endpoints", endpoint::on_all())
        .listed("/v3/endpoints/{endpoint_id}", "endpoint", endpoint::on_one());
    grants(routes)
}

/// Grants: of users and groups, on projects, domains and the system, direct and inherited.
fn grants(mut routes: Routes) -> Routes {
    const ACTORS: [(&str, ActorKind); 2] = [("user", ActorKind::User), ("group", ActorKind::Group)];
    const TARGETS: [(&str, &str, TargetKind); 3] = [
        ("project", "projects/{project_id}", TargetKind::Project),
        ("domain", "domains/{domain_id}", TargetKind::Domain),
        ("system", "system", TargetKind::System),
    ];
    for (actor, actor_kind) in ACTORS {
        for (target, target_path, target_kind) in TARGETS {
            let all = || grant::on_all(actor_kind, target_kind);
            let one = || grant::on_one(actor_kind, target_kind);
            let roles = format!("{target_path}/{actor}s/{{{actor}_id}}/roles");
            let relation = format!("{target}_{actor}_role");
            let inherited = format!("ext/OS-INHERIT/1.0/rel/{relation}");
            routes = routes.listed(format!("/v3/{roles}"), format!("{relation}s"), all()).listed(
                format!("/v3/{roles}/{{role_id}}"),
                relation,
                one(),
            );
            if target_kind != TargetKind::System {
                let path = format!("/v3/OS-INHERIT/{roles}/{{role_id}}/inherited_to_projects");
                routes = routes.listed(path, format!("{inherited}_inherited_to_projects"), one());
            }
            // Keystone lists the inherited grants of domains only.
            if target_kind == TargetKind::Domain {
                let path = format!("/v3/OS-INHERIT/{roles}/inherited_to_projects");
                routes = routes.listed(path, format!("{inherited}s_inherited_to_projects"), all());
            }
        }
    }
    routes
}

/// The whole API.
pub fn router(app: &App) -> Router {
    let routes = routes();
    let documents = Documents::of(&routes);
    let router =
        routes.0.iter().fold(Router::new(), |router, route| router.route(&route.path, route.method_router()));
    router
        .fallback(not_found)
        .layer(Extension(documents))
        .layer(from_fn_with_state(app.clone(), body::read))
        .layer(from_fn_with_state(app.clone(), layer::around))
        .with_state(app.clone())
}

/// An unknown path: HTML, as Keystone's framework answers it. Doubled slashes lead to the path without them.
async fn not_found(Extension(origin): Extension<Origin>, uri: Uri) -> Response {
    let path = uri.path();
    if path.contains("//") {
        let single = path.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let location = format!("{}/{single}{query}", origin.base_url);
        let headers = [(header::CONTENT_TYPE, HTML), (header::LOCATION, location.as_str())];
        return (StatusCode::PERMANENT_REDIRECT, headers, redirect_page(&location)).into_response();
    }
    let page = "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>The requested \
                URL was not found on the server. If you entered the URL manually please check your spelling and try \
                again.</p>\n";
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, HTML)], page).into_response()
}

fn redirect_page(location: &str) -> String {
    let shown =
        location.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    format!(
        "<!doctype html>\n<html lang=en>\n<title>Redirecting...</title>\n<h1>Redirecting...</h1>\n<p>You should be \
         redirected automatically to the target URL: <a href=\"{shown}\">{shown}</a>. If not, click the link.\n"
    )
}

#[cfg(test)]
mod tests;

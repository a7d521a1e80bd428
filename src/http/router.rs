//! Every path of the API, on one page.

use axum::Router;
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};

use super::{discovery, layer};
use crate::app::App;
use crate::assignment::api::{grant, role_assignment};
use crate::auth::api::{scopes, token};
use crate::catalog::api::{endpoint, region, service};
use crate::identity::api::{group, membership, password, user};
use crate::ops;
use crate::resource::api::{domain, project, tag};
use crate::revoke::api::event;
use crate::role::api::{implied, inference, role};

/// The routes, without what happens around them.
fn routes() -> Router<App> {
    Router::new()
        .route("/", get(discovery::versions))
        .route("/v3", get(discovery::v3))
        .route("/healthcheck", get(discovery::healthcheck))
        .route("/ready", get(ops::ready::show))
        .route("/metrics", get(ops::metrics::show))
        .route("/keyraft/status", get(ops::status::show))
        // auth
        .route("/v3/auth/tokens", post(token::issue).get(token::validate).delete(token::revoke))
        .route("/v3/auth/tokens/OS-PKI/revoked", get(token::revoked))
        .route("/v3/auth/catalog", get(scopes::catalog))
        .route("/v3/auth/projects", get(scopes::projects))
        .route("/v3/auth/domains", get(scopes::domains))
        .route("/v3/auth/system", get(scopes::system))
        .route("/v3/OS-REVOKE/events", get(event::list))
        // resource
        .route("/v3/domains", get(domain::list).post(domain::create))
        .route("/v3/domains/{domain_id}", get(domain::show).patch(domain::update).delete(domain::delete))
        .route("/v3/projects", get(project::list).post(project::create))
        .route("/v3/projects/{project_id}", get(project::show).patch(project::update).delete(project::delete))
        .route("/v3/projects/{project_id}/tags", get(tag::list).put(tag::replace).delete(tag::clear))
        .route("/v3/projects/{project_id}/tags/{value}", get(tag::check).put(tag::add).delete(tag::remove))
        // identity
        .route("/v3/users", get(user::list).post(user::create))
        .route("/v3/users/{user_id}", get(user::show).patch(user::update).delete(user::delete))
        .route("/v3/users/{user_id}/password", post(password::change))
        .route("/v3/users/{user_id}/groups", get(user::groups))
        .route("/v3/users/{user_id}/projects", get(user::projects))
        .route("/v3/users/{user_id}/tokens", axum::routing::delete(user::revoke_tokens))
        .route("/v3/groups", get(group::list).post(group::create))
        .route("/v3/groups/{group_id}", get(group::show).patch(group::update).delete(group::delete))
        .route("/v3/groups/{group_id}/users", get(membership::users))
        .route(
            "/v3/groups/{group_id}/users/{user_id}",
            put(membership::add).get(membership::check).delete(membership::remove),
        )
        // role and assignment
        .route("/v3/roles", get(role::list).post(role::create))
        .route("/v3/roles/{role_id}", get(role::show).patch(role::update).delete(role::delete))
        .route("/v3/roles/{role_id}/implies", get(implied::list))
        .route(
            "/v3/roles/{role_id}/implies/{implied_role_id}",
            get(implied::show).head(implied::check).put(implied::create).delete(implied::delete),
        )
        .route("/v3/role_inferences", get(inference::list))
        .route("/v3/role_assignments", get(role_assignment::list))
        .merge(grants())
        // catalog
        .route("/v3/regions", get(region::list).post(region::create))
        .route(
            "/v3/regions/{region_id}",
            get(region::show).put(region::create_with_id).patch(region::update).delete(region::delete),
        )
        .route("/v3/services", get(service::list).post(service::create))
        .route("/v3/services/{service_id}", get(service::show).patch(service::update).delete(service::delete))
        .route("/v3/endpoints", get(endpoint::list).post(endpoint::create))
        .route(
            "/v3/endpoints/{endpoint_id}",
            get(endpoint::show).patch(endpoint::update).delete(endpoint::delete),
        )
}

/// Grants: of users and groups, on projects, domains and the system, direct and inherited.
fn grants() -> Router<App> {
    let one = || put(grant::create).get(grant::check).delete(grant::revoke);
    let mut router = Router::new();
    for actor in ["users/{user_id}", "groups/{group_id}"] {
        for target in ["projects/{project_id}", "domains/{domain_id}", "system"] {
            let roles = format!("/v3/{target}/{actor}/roles");
            router = router.route(&roles, get(grant::list)).route(&format!("{roles}/{{role_id}}"), one());
        }
        for target in ["projects/{project_id}", "domains/{domain_id}"] {
            let roles = format!("/v3/OS-INHERIT/{target}/{actor}/roles");
            router = router.route(&format!("{roles}/{{role_id}}/inherited_to_projects"), one());
        }
        // Keystone lists the inherited grants of domains only.
        let list = format!("/v3/OS-INHERIT/domains/{{domain_id}}/{actor}/roles/inherited_to_projects");
        router = router.route(&list, get(grant::list));
    }
    router
}

/// The whole API.
pub fn router(app: &App) -> Router {
    routes()
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
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

//! `/v3/auth/catalog`, `/projects`, `/domains` and `/system`.

use serde_json::json;

use super::request::{Request, delete, get, patch, post, put, with_password};
use super::session::Session;
use crate::support::callers::PASSWORD;

const ROWS: [&str; 4] = ["catalog", "projects", "domains", "system"];

pub fn scopes(s: &mut Session) {
    for row in ROWS {
        s.every_caller(get(&format!("/v3/auth/{row}")));
        s.every_caller(get(&format!("/v3/auth/{row}?name=x&enabled=0&limit=1")));
    }
    through_groups_and_inheritance(s);
    disabled_ones(s);
    catalog_of_a_project(s);
}

fn ask_all(s: &mut Session, caller: &str) {
    for row in ["projects", "domains", "system"] {
        s.by(caller, 200, get(&format!("/v3/auth/{row}")));
    }
}

/// The same project by several ways is listed once.
fn through_groups_and_inheritance(s: &mut Session) {
    let user = json!({"user": {"name": "scopes-user", "domain_id": "{away}", "password": PASSWORD}});
    s.make("wanderer", post("/v3/users", user));
    s.log_in("wanderer", "wanderer", &json!("unscoped"));
    ask_all(s, "wanderer");
    s.make("crowd", post("/v3/groups", json!({"group": {"name": "scopes-group", "domain_id": "{away}"}})));
    s.admin(204, put("/v3/groups/{crowd}/users/{wanderer}"));
    s.admin(204, put("/v3/projects/{project}/users/{wanderer}/roles/{role_reader}"));
    s.admin(204, put("/v3/projects/{project}/groups/{crowd}/roles/{role_member}"));
    s.admin(204, put("/v3/domains/{home}/groups/{crowd}/roles/{role_member}"));
    s.admin(204, put("/v3/domains/{away}/users/{wanderer}/roles/{role_member}"));
    ask_all(s, "wanderer");
    s.admin(
        204,
        put("/v3/OS-INHERIT/domains/{home}/groups/{crowd}/roles/{role_reader}/inherited_to_projects"),
    );
    s.admin(204, put("/v3/system/groups/{crowd}/roles/{role_reader}"));
    ask_all(s, "wanderer");
    s.log_in("wanderer_system", "wanderer", &json!({"system": {"all": true}}));
    s.log_in("wanderer_domain", "wanderer", &json!({"domain": {"id": "{home}"}}));
    s.log_in("wanderer_project", "wanderer", &json!({"project": {"id": "{other_project}"}}));
    for caller in ["wanderer_system", "wanderer_domain", "wanderer_project"] {
        ask_all(s, caller);
    }
    s.admin(204, delete("/v3/groups/{crowd}/users/{wanderer}"));
    s.next_second();
    s.log_in("wanderer", "wanderer", &json!("unscoped"));
    ask_all(s, "wanderer");
}

fn disabled_ones(s: &mut Session) {
    s.admin(
        204,
        put("/v3/OS-INHERIT/domains/{home}/users/{wanderer}/roles/{role_reader}/inherited_to_projects"),
    );
    let project = json!({"project": {"name": "scopes-disabled", "domain_id": "{home}", "enabled": false}});
    s.make("closed_project", post("/v3/projects", project));
    ask_all(s, "wanderer");
    s.make("closed", post("/v3/domains", json!({"domain": {"name": "scopes-closed"}})));
    s.make(
        "project_in_closed",
        post("/v3/projects", json!({"project": {"name": "scopes-in-closed", "domain_id": "{closed}"}})),
    );
    s.admin(204, put("/v3/domains/{closed}/users/{wanderer}/roles/{role_reader}"));
    s.admin(204, put("/v3/projects/{project_in_closed}/users/{wanderer}/roles/{role_reader}"));
    ask_all(s, "wanderer");
    s.admin(200, patch("/v3/domains/{closed}", json!({"domain": {"enabled": false}})));
    ask_all(s, "wanderer");
    s.admin(204, delete("/v3/domains/{closed}"));
    ask_all(s, "wanderer");
}

/// Templates that need a project, disabled services and endpoints, and services without an endpoint.
fn catalog_of_a_project(s: &mut Session) {
    let service = |kind: &str, enabled: bool| {
        post(
            "/v3/services",
            json!({"service": {"type": kind, "name": format!("{kind}-name"), "enabled": enabled}}),
        )
    };
    s.make("volumes", service("scopes-volume", true));
    s.make("images", service("scopes-image", true));
    s.make("stopped", service("scopes-stopped", false));
    s.make("nameless", post("/v3/services", json!({"service": {"type": "scopes-nameless"}})));
    s.make("empty", service("scopes-empty", true));
    s.make("scopes_region", post("/v3/regions", json!({"region": {"id": "scopes-region"}})));
    for (service, interface, enabled, url) in [
        ("volumes", "public", true, "http://volumes.example/v3/$(project_id)s"),
        ("volumes", "internal", true, "http://volumes.example/v3/%(tenant_id)s"),
        ("volumes", "admin", true, "http://volumes.example/v3/$(user_id)s/x"),
        ("images", "public", true, "http://images.example"),
        ("images", "admin", false, "http://images.example/admin"),
        ("stopped", "public", true, "http://stopped.example"),
        ("nameless", "public", true, "http://nameless.example"),
    ] {
        let endpoint = json!({
            "service_id": format!("{{{service}}}"), "interface": interface, "enabled": enabled, "url": url,
            "region_id": "scopes-region",
        });
        s.make(
            &format!("endpoint_{service}_{interface}"),
            post("/v3/endpoints", json!({"endpoint": endpoint})),
        );
    }
    s.every_caller(get("/v3/auth/catalog"));
    for scope in [
        json!({"project": {"id": "{project}"}}),
        json!({"domain": {"id": "{home}"}}),
        json!({"system": {"all": true}}),
        json!("unscoped"),
    ] {
        s.log_in("again", "reader", &scope);
        s.by("again", 200, get("/v3/auth/tokens").header("X-Subject-Token", "{token.again}"));
    }
    s.by("nobody", 201, login("?nocatalog"));
    s.by("nobody", 201, login("?nocatalog=0"));
    s.admin(200, get("/v3/auth/tokens?nocatalog").header("X-Subject-Token", "{token.project_reader}"));
    for service in ["volumes", "images", "stopped", "nameless", "empty"] {
        s.admin(204, delete(&format!("/v3/services/{{{service}}}")));
    }
    s.admin(204, delete("/v3/regions/{scopes_region}"));
    s.every_caller(get("/v3/auth/catalog"));
}

fn login(query: &str) -> Request {
    let user = json!({"id": "{reader}", "password": PASSWORD});
    let mut request = with_password(user, &json!({"project": {"id": "{project}"}}));
    request.path += query;
    request
}

//! `/`, `/v3`, and what holds for every path: unknown ones, other methods, slashes.

use reqwest::Method;

use super::request::{Request, get, head, request};
use super::session::Session;

/// One request by a caller without a token, one with a token that is not valid, and one with a good token.
const SOME: [&str; 3] = ["nobody", "forger", "owner"];

fn each(s: &mut Session, status: u16, request: &Request) {
    for caller in SOME {
        s.by(caller, status, request.clone());
    }
}

pub fn discovery(s: &mut Session) {
    s.every_caller(get("/"));
    s.every_caller(get("/v3"));
    s.every_caller(get("/v3/"));
    versions_by_accept(s);
    paths(s);
    methods(s);
}

fn versions_by_accept(s: &mut Session) {
    for accept in [
        "application/json",
        "*/*",
        "text/html",
        "application/json-home",
        "application/json-home, application/json",
        "application/json, application/json-home",
        "application/json-home;q=0.5, application/json;q=0.6",
        "application/json-home;q=0.6, application/json;q=0.5",
        "application/json;q=0.2, */*;q=0.1",
        "application/*",
        "nonsense",
        "",
    ] {
        let (root, v3) = match accept {
            "application/json-home" => (200, 200),
            "application/json-home;q=0.6, application/json;q=0.5" => (200, 200),
            _ => (300, 200),
        };
        s.by("nobody", root, get("/").header("Accept", accept));
        s.by("nobody", v3, get("/v3").header("Accept", accept));
    }
    s.by("nobody", 200, head("/v3").header("Accept", "application/json-home"));
    s.by("nobody", 200, head("/").header("Accept", "application/json-home"));
}

fn paths(s: &mut Session) {
    for path in
        ["/v2", "/v3/none", "/v3/users/{owner}/none", "/none/", "/v3/users/{owner}/projects/{project}"]
    {
        each(s, 404, &get(path));
        s.by("nobody", 404, head(path));
    }
    for path in ["/v3//users", "/v3/users//{owner}", "/v3//users?name=x&y=z"] {
        each(s, 308, &get(path));
    }
    s.admin(200, get("/v3/users/{owner}/"));
    s.admin(200, get("/v3/domains/?name=home"));
    s.admin(200, get("/v3/domains/?name=home&name=away"));
}

fn methods(s: &mut Session) {
    for path in [
        "/",
        "/v3",
        "/v3/auth/tokens",
        "/v3/auth/catalog",
        "/v3/users",
        "/v3/users/{owner}",
        "/v3/users/{owner}/password",
        "/v3/projects/{project}",
        "/v3/projects/{project}/tags",
        "/v3/projects/{project}/tags/x",
        "/v3/groups/{team}/users/{owner}",
        "/v3/projects/{project}/users/{owner}/roles/{role_member}",
        "/v3/projects/{project}/users/{owner}/roles",
        "/v3/OS-INHERIT/domains/{home}/users/{owner}/roles/{role_member}/inherited_to_projects",
        "/v3/roles/{role_admin}/implies/{role_member}",
        "/v3/role_inferences",
        "/v3/role_assignments",
        "/v3/regions/none",
        "/v3/OS-REVOKE/events",
    ] {
        each(s, 200, &request(Method::OPTIONS, path));
    }
    for (method, path) in [
        (Method::POST, "/"),
        (Method::DELETE, "/v3"),
        (Method::PUT, "/v3/auth/tokens"),
        (Method::PATCH, "/v3/auth/tokens"),
        (Method::POST, "/v3/auth/catalog"),
        (Method::DELETE, "/v3/users"),
        (Method::POST, "/v3/users/{owner}"),
        (Method::GET, "/v3/users/{owner}/password"),
        (Method::PUT, "/v3/users/{owner}/password"),
        (Method::PATCH, "/v3/projects/{project}/tags"),
        (Method::DELETE, "/v3/role_assignments"),
        (Method::POST, "/v3/role_inferences"),
        (Method::POST, "/v3/regions/none"),
        (Method::DELETE, "/v3/OS-REVOKE/events"),
    ] {
        each(s, 405, &request(method, path));
    }
    s.by("nobody", 405, head("/v3/users/{owner}/password"));
}

//! Every path and method of the API.

/// One path with one method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub method: &'static str,
    pub path: String,
}

/// The paths, with the methods of each; HEAD is where GET is.
const ROUTES: &[(&str, &[&str])] = &[
    ("/", &["GET"]),
    ("/v3", &["GET"]),
    ("/healthcheck", &["GET"]),
    ("/metrics", &["GET"]),
    ("/keyraft/status", &["GET"]),
    ("/v3/auth/tokens", &["POST", "GET", "DELETE"]),
    ("/v3/auth/tokens/OS-PKI/revoked", &["GET"]),
    ("/v3/auth/catalog", &["GET"]),
    ("/v3/auth/projects", &["GET"]),
    ("/v3/auth/domains", &["GET"]),
    ("/v3/auth/system", &["GET"]),
    ("/v3/OS-REVOKE/events", &["GET"]),
    ("/v3/domains", &["GET", "POST"]),
    ("/v3/domains/{domain_id}", &["GET", "PATCH", "DELETE"]),
    ("/v3/projects", &["GET", "POST"]),
    ("/v3/projects/{project_id}", &["GET", "PATCH", "DELETE"]),
    ("/v3/projects/{project_id}/tags", &["GET", "PUT", "DELETE"]),
    ("/v3/projects/{project_id}/tags/{value}", &["GET", "PUT", "DELETE"]),
    ("/v3/users", &["GET", "POST"]),
    ("/v3/users/{user_id}", &["GET", "PATCH", "DELETE"]),
    ("/v3/users/{user_id}/password", &["POST"]),
    ("/v3/users/{user_id}/groups", &["GET"]),
    ("/v3/users/{user_id}/projects", &["GET"]),
    ("/v3/users/{user_id}/tokens", &["DELETE"]),
    ("/v3/groups", &["GET", "POST"]),
    ("/v3/groups/{group_id}", &["GET", "PATCH", "DELETE"]),
    ("/v3/groups/{group_id}/users", &["GET"]),
    ("/v3/groups/{group_id}/users/{user_id}", &["PUT", "GET", "DELETE"]),
    ("/v3/roles", &["GET", "POST"]),
    ("/v3/roles/{role_id}", &["GET", "PATCH", "DELETE"]),
    ("/v3/roles/{role_id}/implies", &["GET"]),
    ("/v3/roles/{role_id}/implies/{implied_role_id}", &["GET", "PUT", "DELETE"]),
    ("/v3/role_inferences", &["GET"]),
    ("/v3/role_assignments", &["GET"]),
    ("/v3/regions", &["GET", "POST"]),
    ("/v3/regions/{region_id}", &["GET", "PUT", "PATCH", "DELETE"]),
    ("/v3/services", &["GET", "POST"]),
    ("/v3/services/{service_id}", &["GET", "PATCH", "DELETE"]),
    ("/v3/endpoints", &["GET", "POST"]),
    ("/v3/endpoints/{endpoint_id}", &["GET", "PATCH", "DELETE"]),
];

/// Paths that answer whoever asks.
const OPEN: &[&str] =
    &["/", "/v3", "/healthcheck", "/metrics", "/keyraft/status", "/v3/auth/tokens/OS-PKI/revoked"];

/// All routes.
pub fn all() -> Vec<Route> {
    let mut routes = Vec::new();
    for (path, methods) in ROUTES {
        push(&mut routes, path, methods);
    }
    for actor in ["users/{user_id}", "groups/{group_id}"] {
        for target in ["projects/{project_id}", "domains/{domain_id}", "system"] {
            push(&mut routes, &format!("/v3/{target}/{actor}/roles"), &["GET"]);
            push(&mut routes, &format!("/v3/{target}/{actor}/roles/{{role_id}}"), &["PUT", "GET", "DELETE"]);
        }
        for target in ["projects/{project_id}", "domains/{domain_id}"] {
            let path = format!("/v3/OS-INHERIT/{target}/{actor}/roles/{{role_id}}/inherited_to_projects");
            push(&mut routes, &path, &["PUT", "GET", "DELETE"]);
        }
        let path = format!("/v3/OS-INHERIT/domains/{{domain_id}}/{actor}/roles/inherited_to_projects");
        push(&mut routes, &path, &["GET"]);
    }
    routes
}

fn push(routes: &mut Vec<Route>, path: &str, methods: &[&'static str]) {
    for method in methods {
        routes.push(Route { method, path: path.to_owned() });
        if *method == "GET" {
            routes.push(Route { method: "HEAD", path: path.to_owned() });
        }
    }
}

impl Route {
    /// Whether it asks for a token.
    pub fn needs_token(&self) -> bool {
        let proves_itself = self.method == "POST"
            && (self.path == "/v3/auth/tokens" || self.path == "/v3/users/{user_id}/password");
        !proves_itself && !OPEN.contains(&self.path.as_str())
    }

    /// The names of its parameters.
    pub fn parameters(&self) -> Vec<&str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect()
    }
}

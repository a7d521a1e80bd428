//! The callers that policy can distinguish, and the steps that make them.
//!
//! Their domain `home` holds the projects `project` and `other_project`, the users `owner`, `reader`, `member`,
//! `manager`, `admin_user`, `service_user` and the group `team`; the domain `away` holds `away_project`,
//! `away_user` and `away_group`. All these are names for requests: `/v3/users/{owner}`.

use serde_json::{Value, json};

/// The name of a caller.
pub type Caller = &'static str;

/// All callers, those with the fewest rights first. A name such as `project_reader` is a role and its place: `project`,
/// the domain `home` or the system.
pub const CALLERS: &[Caller] = &[
    // Without a token.
    "nobody",
    // With a token of its own making.
    "forger",
    REVOKED,
    "unscoped",
    "service",
    // A user with a role in `project` who is what the request is about, or has to do with it.
    "owner",
    "project_reader",
    "domain_reader",
    "system_reader",
    "project_member",
    "domain_member",
    "system_member",
    "away_manager",
    "project_manager",
    "domain_manager",
    "system_manager",
    "project_admin",
    "domain_admin",
    "system_admin",
];

/// The caller with a token of the owner that was revoked. [`steps`] do not make it.
pub const REVOKED: Caller = "revoked";

/// The callers without a valid token: 401, whatever they ask for.
pub const STRANGERS: &[Caller] = &["nobody", "forger", REVOKED];

/// The token of `forger`, which no server has issued.
pub const FORGED_TOKEN: &str = "gAAAAABforged";

/// The password of all of them.
pub const PASSWORD: &str = "of the callers";
const ROLES: &[&str] = &["reader", "member", "manager", "admin"];

/// A step to make the callers, by the user admin.
pub enum Step {
    /// Names the id of a predefined role `role_NAME`.
    FindRole(&'static str),
    /// Creates something and names its id.
    Make { name: &'static str, path: &'static str, body: Value },
    /// Grants a role: PUT.
    Grant(String),
    /// Logs a user in, as a caller.
    LogIn { caller: String, user: &'static str, scope: Value },
}

/// The steps, in their order.
pub fn steps() -> Vec<Step> {
    let mut steps: Vec<_> = ROLES.iter().chain(&["service"]).map(|role| Step::FindRole(role)).collect();
    for name in ["home", "away"] {
        steps.push(Step::Make { name, path: "/v3/domains", body: json!({"domain": {"name": name}}) });
    }
    for (name, domain) in [("project", "{home}"), ("other_project", "{home}"), ("away_project", "{away}")] {
        let body = json!({"project": {"name": name, "domain_id": domain}});
        steps.push(Step::Make { name, path: "/v3/projects", body });
    }
    for (name, domain) in [("team", "{home}"), ("away_group", "{away}")] {
        let body = json!({"group": {"name": name, "domain_id": domain}});
        steps.push(Step::Make { name, path: "/v3/groups", body });
    }
    let users = ["owner", "reader", "member", "manager", "admin_user", "service_user"];
    for (name, domain) in users.map(|name| (name, "{home}")).into_iter().chain([("away_user", "{away}")]) {
        let body = json!({"user": {"name": name, "domain_id": domain, "password": PASSWORD}});
        steps.push(Step::Make { name, path: "/v3/users", body });
    }
    for role in ROLES {
        let user = if *role == "admin" { "admin_user" } else { role };
        for (kind, place, scope) in places() {
            steps.push(Step::Grant(format!("/v3/{place}/users/{{{user}}}/roles/{{role_{role}}}")));
            steps.push(Step::LogIn { caller: format!("{kind}_{role}"), user, scope });
        }
    }
    let project = json!({"project": {"id": "{project}"}});
    let log_in = |caller: &str, user, scope| Step::LogIn { caller: caller.to_owned(), user, scope };
    steps.extend([
        Step::Grant("/v3/projects/{project}/users/{owner}/roles/{role_member}".to_owned()),
        log_in("owner", "owner", project.clone()),
        log_in("unscoped", "owner", json!("unscoped")),
        Step::Grant("/v3/projects/{project}/users/{service_user}/roles/{role_service}".to_owned()),
        log_in("service", "service_user", project),
        Step::Grant("/v3/domains/{away}/users/{away_user}/roles/{role_manager}".to_owned()),
        log_in("away_manager", "away_user", json!({"domain": {"id": "{away}"}})),
    ]);
    steps
}

/// The kinds of places in which roles are granted, their paths, and the scope of a token there.
fn places() -> [(&'static str, &'static str, Value); 3] {
    [
        ("system", "system", json!({"system": {"all": true}})),
        ("domain", "domains/{home}", json!({"domain": {"id": "{home}"}})),
        ("project", "projects/{project}", json!({"project": {"id": "{project}"}})),
    ]
}

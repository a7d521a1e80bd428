//! The callers that every row is asked by.
//!
//! Their domain `home` holds the projects `project` and `other_project`, the users `owner`, `reader`, `member`,
//! `manager`, `admin_user`, `service_user` and the group `team`; the domain `away` holds `away_project`,
//! `away_user` and `away_group`. All these are names for requests: `/v3/users/{owner}`.

use serde_json::{Value, json};

use super::request::{post, put};
use super::session::Session;

/// All callers, those who may least first. Who has a role has it in the system, in `home` or in `project`.
pub const CALLERS: &[&str] = &[
    "nobody",
    "forger",
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

/// The password of all of them.
pub const PASSWORD: &str = "of the callers";
const ROLES: &[&str] = &["reader", "member", "manager", "admin"];

/// Logs the user admin in, and makes them on both sides.
pub fn make(s: &mut Session) {
    s.log_in_admin();
    for role in ROLES.iter().chain(&["service"]) {
        s.find(&format!("role_{role}"), &format!("/v3/roles?name={role}"), "/roles/0/id");
    }
    for domain in ["home", "away"] {
        s.make(domain, post("/v3/domains", json!({"domain": {"name": domain}})));
    }
    for (name, domain) in [("project", "home"), ("other_project", "home"), ("away_project", "away")] {
        let project = json!({"name": name, "domain_id": format!("{{{domain}}}")});
        s.make(name, post("/v3/projects", json!({"project": project})));
    }
    for (name, domain) in [("team", "home"), ("away_group", "away")] {
        let group = json!({"name": name, "domain_id": format!("{{{domain}}}")});
        s.make(name, post("/v3/groups", json!({"group": group})));
    }
    for name in ["owner", "reader", "member", "manager", "admin_user", "service_user"] {
        make_user(s, name, "home");
    }
    make_user(s, "away_user", "away");
    for role in ROLES {
        let user = if *role == "admin" { "admin_user" } else { role };
        for (place, scope) in places() {
            s.admin(204, put(&format!("/v3/{place}/users/{{{user}}}/roles/{{role_{role}}}")));
            let kind = place.split('/').next().unwrap_or_default().trim_end_matches('s');
            let kind = if place == "system" { "system" } else { kind };
            s.log_in(&format!("{kind}_{role}"), user, &scope);
        }
    }
    s.admin(204, put("/v3/projects/{project}/users/{owner}/roles/{role_member}"));
    s.log_in("owner", "owner", &json!({"project": {"id": "{project}"}}));
    s.log_in("unscoped", "owner", &json!("unscoped"));
    s.admin(204, put("/v3/projects/{project}/users/{service_user}/roles/{role_service}"));
    s.log_in("service", "service_user", &json!({"project": {"id": "{project}"}}));
    s.admin(204, put("/v3/domains/{away}/users/{away_user}/roles/{role_manager}"));
    s.log_in("away_manager", "away_user", &json!({"domain": {"id": "{away}"}}));
}

fn make_user(s: &mut Session, name: &str, domain: &str) {
    let user = json!({"name": name, "domain_id": format!("{{{domain}}}"), "password": PASSWORD});
    s.make(name, post("/v3/users", json!({"user": user})));
}

/// Where roles are given, and the scope of a token there.
fn places() -> [(&'static str, Value); 3] {
    [
        ("system", json!({"system": {"all": true}})),
        ("domains/{home}", json!({"domain": {"id": "{home}"}})),
        ("projects/{project}", json!({"project": {"id": "{project}"}})),
    ]
}

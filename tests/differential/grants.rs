//! Grants: `/v3/{projects,domains}/{id}/{users,groups}/{id}/roles`, `/v3/system/...`, and what is inherited below
//! `/v3/OS-INHERIT`.

use serde_json::json;

use super::request::{delete, get, post, put};
use super::session::Session;
use crate::support::callers::PASSWORD;

const ACTORS: &[&str] = &["users/{grant_user}", "groups/{grant_group}"];
const TARGETS: &[&str] = &["projects/{project}", "domains/{home}"];
/// Some who may little, some who may much, and one who may all.
const SOME_CALLERS: &[&str] =
    &["nobody", "owner", "domain_reader", "system_reader", "away_manager", "domain_manager", "system_admin"];

fn direct(target: &str, actor: &str, role: &str) -> String {
    format!("/v3/{target}/{actor}/roles/{role}")
}

fn inherited(target: &str, actor: &str, role: &str) -> String {
    format!("/v3/OS-INHERIT/{target}/{actor}/roles/{role}/inherited_to_projects")
}

pub fn grants(s: &mut Session) {
    for (name, domain) in [("grant_user", "home"), ("grant_away_user", "away")] {
        let user = json!({"name": name, "domain_id": format!("{{{domain}}}"), "password": PASSWORD});
        s.make(name, post("/v3/users", json!({ "user": user })));
    }
    for (name, domain) in [("grant_group", "home"), ("grant_away_group", "away")] {
        let group = json!({"name": name, "domain_id": format!("{{{domain}}}")});
        s.make(name, post("/v3/groups", json!({ "group": group })));
    }
    for (name, domain) in [("grant_role", json!(null)), ("grant_home", json!("{home}"))]
        .into_iter()
        .chain([("grant_away", json!("{away}"))])
    {
        let role = json!({"name": name, "domain_id": domain});
        s.make(name, post("/v3/roles", json!({ "role": role })));
    }
    for actor in ACTORS {
        one(s, "system", actor, direct);
        for target in TARGETS {
            one(s, target, actor, direct);
            one(s, target, actor, inherited);
        }
        let list = format!("/v3/OS-INHERIT/domains/{{home}}/{actor}/roles/inherited_to_projects");
        s.every_caller(get(&list));
    }
}

/// All that can be done with a grant of one role to one actor on one target.
fn one(s: &mut Session, target: &str, actor: &str, path: fn(&str, &str, &str) -> String) {
    let (grant, other) = (path(target, actor, "{grant_role}"), path(target, actor, "{role_reader}"));
    let list = format!("/v3/{target}/{actor}/roles");
    s.admin(200, get(&list));
    s.admin(404, get(&grant));
    s.admin(404, delete(&grant));
    s.every_caller_undoing(put(&grant), delete(&grant));
    s.admin(204, put(&grant));
    s.admin(204, put(&grant));
    s.admin(204, put(&other));
    s.every_caller(get(&list));
    s.every_caller(get(&grant));
    s.every_caller_undoing(delete(&grant), put(&grant));
    s.admin(204, delete(&other));
    s.admin(404, delete(&other));
    s.admin(404, get(&other));
    s.admin(200, get(&format!("/v3/role_assignments?role.id={{grant_role}}&{}", actor_filter(actor))));
}

fn actor_filter(actor: &str) -> String {
    let (kind, id) = actor.split_once('/').unwrap();
    format!("{}.id={id}", kind.trim_end_matches('s'))
}

/// Targets and actors of another domain, and the roles that a domain's manager may and may not grant.
pub fn grants_across(s: &mut Session) {
    let pairs = [
        ("projects/{away_project}", "users/{grant_user}"),
        ("projects/{project}", "users/{grant_away_user}"),
        ("domains/{away}", "groups/{grant_group}"),
        ("domains/{home}", "groups/{grant_away_group}"),
        ("projects/{away_project}", "users/{grant_away_user}"),
    ];
    for (target, actor) in pairs {
        let path = direct(target, actor, "{role_reader}");
        s.every_caller_undoing(put(&path), delete(&path));
        s.admin(204, put(&path));
        for caller in SOME_CALLERS {
            s.exchange(caller, &get(&path));
            s.exchange(caller, &get(&format!("/v3/{target}/{actor}/roles")));
        }
        s.every_caller_undoing(delete(&path), put(&path));
        s.admin(204, delete(&path));
    }
    for role in ["{role_member}", "{role_manager}", "{role_admin}", "{role_service}", "{grant_home}"] {
        for path in [direct, inherited] {
            let grant = path("projects/{other_project}", "users/{grant_user}", role);
            s.every_caller_undoing(put(&grant), delete(&grant));
        }
        let grant = direct("domains/{home}", "groups/{grant_group}", role);
        s.every_caller_undoing(put(&grant), delete(&grant));
    }
    domain_roles(s);
    domains_as_projects(s);
}

/// A domain's own role goes to projects of that domain, to any domain, and never to the system.
fn domain_roles(s: &mut Session) {
    for actor in ACTORS {
        for (target, role, status) in [
            ("projects/{project}", "{grant_home}", 204),
            ("projects/{project}", "{grant_away}", 403),
            ("projects/{away_project}", "{grant_home}", 403),
            ("domains/{home}", "{grant_home}", 204),
            ("domains/{home}", "{grant_away}", 204),
            ("system", "{grant_home}", 400),
        ] {
            for path in [direct, inherited] {
                let grant = path(target, actor, role);
                if target == "system" && grant.contains("INHERIT") {
                    continue;
                }
                s.admin(status, put(&grant));
                let found = if status == 204 { 204 } else { 404 };
                s.admin(found, get(&grant));
                s.admin(200, get(&format!("/v3/{target}/{actor}/roles")));
                s.admin(found, delete(&grant));
            }
        }
    }
}

/// A domain is a project too, and a project is no domain.
fn domains_as_projects(s: &mut Session) {
    for actor in ACTORS {
        for path in [direct, inherited] {
            let (on_project, on_domain) = (
                path("projects/{home}", actor, "{grant_role}"),
                path("domains/{home}", actor, "{grant_role}"),
            );
            s.exchange("admin", &put(&on_project));
            s.exchange("admin", &get(&on_project));
            s.exchange("admin", &get(&on_domain));
            s.exchange("admin", &get(&format!("/v3/projects/{{home}}/{actor}/roles")));
            s.exchange("admin", &get(&format!("/v3/domains/{{home}}/{actor}/roles")));
            s.exchange("admin", &delete(&on_domain));
            s.exchange("admin", &delete(&on_project));
            let wrong = path("domains/{project}", actor, "{grant_role}");
            for request in [put(&wrong), get(&wrong), delete(&wrong)] {
                s.exchange("admin", &request);
            }
        }
    }
}

/// Whatever a path names may be missing.
pub fn missing_grants(s: &mut Session) {
    let paths = |target: &str, user: &str, role: &str| {
        let mut paths = Vec::new();
        for actor in [format!("users/{user}"), format!("groups/{user}")] {
            paths.push(direct(target, &actor, role));
            if target != "system" {
                paths.push(inherited(target, &actor, role));
            }
        }
        paths
    };
    let mut all = Vec::new();
    for (good, bad) in
        [("projects/{project}", "projects/none"), ("domains/{home}", "domains/none"), ("system", "system")]
    {
        all.extend(paths(good, "none", "{grant_role}"));
        all.extend(paths(good, "none", "gone"));
        all.extend(paths(bad, "none", "gone"));
        if good != bad {
            all.extend(paths(bad, "none", "{grant_role}"));
            for actor in ACTORS {
                all.push(direct(bad, actor, "{grant_role}"));
                all.push(inherited(bad, actor, "{grant_role}"));
            }
        }
        for actor in ACTORS {
            all.push(direct(good, actor, "gone"));
            if good != "system" {
                all.push(inherited(good, actor, "gone"));
            }
        }
    }
    for path in &all {
        for caller in SOME_CALLERS {
            for request in [get(path), put(path), delete(path)] {
                s.exchange(caller, &request);
            }
        }
    }
    for list in [
        "/v3/projects/{project}/users/none/roles",
        "/v3/projects/{project}/groups/none/roles",
        "/v3/projects/none/users/{grant_user}/roles",
        "/v3/projects/none/groups/none/roles",
        "/v3/domains/{home}/users/none/roles",
        "/v3/domains/{home}/groups/none/roles",
        "/v3/domains/none/users/{grant_user}/roles",
        "/v3/domains/none/groups/none/roles",
        "/v3/system/users/none/roles",
        "/v3/system/groups/none/roles",
        "/v3/OS-INHERIT/domains/{home}/users/none/roles/inherited_to_projects",
        "/v3/OS-INHERIT/domains/none/groups/{grant_group}/roles/inherited_to_projects",
    ] {
        for caller in SOME_CALLERS {
            s.exchange(caller, &get(list));
        }
    }
}

/// Remains of grants after their user, group or project is deleted.
pub fn grants_of_the_deleted(s: &mut Session) {
    let user = post("/v3/users", json!({"user": {"name": "grant-gone-{n}", "domain_id": "{home}"}}));
    let group = post("/v3/groups", json!({"group": {"name": "grant-gone-{n}", "domain_id": "{home}"}}));
    let project = post("/v3/projects", json!({"project": {"name": "grant-gone-{n}", "domain_id": "{home}"}}));
    for path in [direct, inherited] {
        for deleted in ["/v3/users/{gone_user}", "/v3/groups/{gone_group}", "/v3/projects/{gone_project}"] {
            s.count();
            s.make("gone_user", user.clone());
            s.make("gone_group", group.clone());
            s.make("gone_project", project.clone());
            let grants = ["users/{gone_user}", "groups/{gone_group}"]
                .map(|actor| path("projects/{gone_project}", actor, "{grant_role}"));
            grants.iter().for_each(|grant| drop(s.admin(204, put(grant))));
            s.admin(204, delete(deleted));
            for filter in ["user.id={gone_user}", "group.id={gone_group}", "scope.project.id={gone_project}"]
            {
                s.exchange("admin", &get(&format!("/v3/role_assignments?{filter}&include_names")));
            }
            for grant in &grants {
                s.exchange("admin", &get(grant));
                s.exchange("admin", &delete(grant));
            }
        }
    }
}

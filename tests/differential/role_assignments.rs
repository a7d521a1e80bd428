//! `/v3/role_assignments`
//!
//! In a domain of their own: the projects `top`, `middle` below it and `leaf` below that; the users `ann` and
//! `bob`, of whom `bob` is in the group `staff`; the role `prior`, which implies `next`, and the domain's own role
//! `own`, which implies `next` too.

use serde_json::json;

use super::request::{delete, get, patch, post, put};
use super::session::Session;
use crate::support::callers::PASSWORD;

const GRANTS: &[&str] = &[
    "projects/{top}/users/{ann}/roles/{prior_role}",
    "OS-INHERIT/projects/{top}/users/{ann}/roles/{prior_role}/inherited_to_projects",
    "OS-INHERIT/projects/{top}/users/{ann}/roles/{role_reader}/inherited_to_projects",
    "projects/{leaf}/users/{ann}/roles/{role_reader}",
    "OS-INHERIT/domains/{place}/groups/{staff}/roles/{prior_role}/inherited_to_projects",
    "projects/{middle}/groups/{staff}/roles/{role_reader}",
    "projects/{leaf}/users/{bob}/roles/{own_role}",
    "domains/{place}/users/{ann}/roles/{prior_role}",
    "domains/{place}/groups/{staff}/roles/{role_reader}",
    "OS-INHERIT/domains/{place}/users/{ann}/roles/{next_role}/inherited_to_projects",
    "system/users/{ann}/roles/{role_reader}",
    "system/groups/{staff}/roles/{prior_role}",
    "projects/{project}/users/{bob}/roles/{role_reader}",
];

pub fn role_assignments(s: &mut Session) {
    make(s);
    combinations(s);
    subtrees(s);
    callers(s);
    refusals(s);
    flags(s);
    disabled(s);
}

fn make(s: &mut Session) {
    s.make("place", post("/v3/domains", json!({"domain": {"name": "place"}})));
    for (name, parent) in [("top", "place"), ("middle", "top"), ("leaf", "middle")] {
        let project = json!({"name": name, "domain_id": "{place}", "parent_id": format!("{{{parent}}}")});
        s.make(name, post("/v3/projects", json!({ "project": project })));
    }
    for name in ["ann", "bob", "place_reader", "place_manager"] {
        let user = json!({"name": name, "domain_id": "{place}", "password": PASSWORD});
        s.make(name, post("/v3/users", json!({ "user": user })));
    }
    s.make("staff", post("/v3/groups", json!({"group": {"name": "staff", "domain_id": "{place}"}})));
    s.admin(204, put("/v3/groups/{staff}/users/{bob}"));
    for (name, domain) in
        [("prior_role", json!(null)), ("next_role", json!(null)), ("own_role", json!("{place}"))]
    {
        let role = json!({"name": format!("assigned-{name}"), "domain_id": domain});
        s.make(name, post("/v3/roles", json!({ "role": role })));
    }
    s.admin(201, put("/v3/roles/{prior_role}/implies/{next_role}"));
    s.admin(201, put("/v3/roles/{own_role}/implies/{next_role}"));
    for grant in GRANTS {
        s.admin(204, put(&format!("/v3/{grant}")));
    }
    for role in ["reader", "manager"] {
        let caller = format!("place_{role}");
        s.admin(204, put(&format!("/v3/domains/{{place}}/users/{{{caller}}}/roles/{{role_{role}}}")));
        s.log_in(&caller, &caller, &json!({"domain": {"id": "{place}"}}));
    }
    s.log_in("ann", "ann", &json!({"project": {"id": "{top}"}}));
}

/// Each filter with each other, as granted and effective, with and without names.
fn combinations(s: &mut Session) {
    let actors = ["", "user.id={ann}", "user.id={bob}", "group.id={staff}"];
    let roles = ["", "role.id={prior_role}", "role.id={next_role}", "role.id={own_role}"];
    let scopes = [
        "",
        "scope.project.id={top}",
        "scope.project.id={leaf}",
        "scope.domain.id={place}",
        "scope.system=all",
    ];
    let inherited = ["", "scope.OS-INHERIT:inherited_to=projects"];
    for actor in actors {
        for role in roles {
            for scope in scopes {
                for inherited in inherited {
                    for effective in ["", "effective"] {
                        let parts = [actor, role, scope, inherited, effective];
                        let query = parts.into_iter().filter(|part| !part.is_empty());
                        let query = query.collect::<Vec<_>>().join("&");
                        let path = format!("/v3/role_assignments?{query}");
                        let path = path.trim_end_matches('?');
                        s.exchange("admin", &get(path));
                        // One of the two that remain, so that each is tried with everything.
                        if role.is_empty() || scope.is_empty() {
                            let mark = if path.contains('?') { '&' } else { '?' };
                            s.exchange("admin", &get(&format!("{path}{mark}include_names")));
                        } else {
                            s.exchange("place_reader", &get(path));
                        }
                    }
                }
            }
        }
    }
}

fn subtrees(s: &mut Session) {
    for project in ["{top}", "{middle}", "{leaf}"] {
        for actor in ["", "&user.id={ann}", "&user.id={bob}", "&group.id={staff}", "&role.id={prior_role}"] {
            for flags in ["", "&effective", "&include_names", "&effective&include_names"] {
                let query = format!("scope.project.id={project}&include_subtree{actor}{flags}");
                s.exchange("admin", &get(&format!("/v3/role_assignments?{query}")));
                s.exchange("place_manager", &get(&format!("/v3/role_assignments?{query}")));
            }
        }
        let inherited = "scope.OS-INHERIT:inherited_to=projects";
        s.admin(
            200,
            get(&format!("/v3/role_assignments?scope.project.id={project}&include_subtree&{inherited}")),
        );
    }
}

fn callers(s: &mut Session) {
    for query in [
        "",
        "?effective",
        "?include_names",
        "?scope.project.id={project}",
        "?scope.project.id={project}&include_subtree",
        "?scope.project.id={away_project}&include_subtree",
        "?scope.project.id={home}&include_subtree",
        "?scope.domain.id={home}",
        "?scope.domain.id={away}",
        "?scope.system=all",
        "?user.id={owner}",
    ] {
        s.every_caller(get(&format!("/v3/role_assignments{query}")));
    }
    for caller in ["ann", "place_reader", "place_manager"] {
        for query in ["", "?effective", "?user.id={ann}", "?scope.project.id={top}&include_subtree"] {
            s.exchange(caller, &get(&format!("/v3/role_assignments{query}")));
        }
    }
}

fn refusals(s: &mut Session) {
    for query in [
        "user.id={ann}&group.id={staff}",
        "group.id={staff}&effective",
        "scope.domain.id={place}&scope.project.id={top}",
        "scope.domain.id={place}&scope.system=all",
        "scope.project.id={top}&scope.system=all",
        "scope.project.id={top}&scope.system=other",
        "scope.domain.id={place}&effective&scope.OS-INHERIT:inherited_to=projects",
        "include_subtree",
        "include_subtree=0",
        "include_subtree&scope.domain.id={place}",
        "include_subtree&scope.project.id=",
        "group.id=",
        "role.id=",
        "scope.project.id=",
        "scope.domain.id=",
        "group.id=bad%21id",
        "role.id=bad%21id",
        "scope.project.id=bad%21id",
        "scope.domain.id=bad%21id",
    ] {
        s.admin(400, get(&format!("/v3/role_assignments?{query}")));
        s.exchange("owner", &get(&format!("/v3/role_assignments?{query}")));
        s.exchange("nobody", &get(&format!("/v3/role_assignments?{query}")));
    }
}

/// Values that flags and filters may have.
fn flags(s: &mut Session) {
    for query in [
        "user.id={ann}&effective=0",
        "user.id={ann}&effective=false",
        "user.id={ann}&effective=1",
        "user.id={ann}&effective=",
        "user.id={ann}&include_names=0",
        "user.id={ann}&include_names=False",
        "user.id={ann}&include_names=",
        "scope.project.id={top}&include_subtree=0",
        "scope.project.id={top}&include_subtree=no",
        "user.id={ann}&scope.system=all",
        "user.id={ann}&scope.system=other",
        "user.id={ann}&scope.system=",
        "user.id={ann}&scope.system",
        "user.id={ann}&effective&scope.system=other",
        "user.id={ann}&scope.OS-INHERIT:inherited_to=other",
        "user.id={ann}&scope.OS-INHERIT:inherited_to=",
        "user.id={ann}&effective&scope.OS-INHERIT:inherited_to=other",
        "scope.domain.id={place}&effective&scope.OS-INHERIT:inherited_to=other",
        "user.id={ann}&user.id={bob}",
        "user.id={ann}&unknown=x",
        "user.id={ann}&limit=1",
        "user.id={ann}&limit=1&marker=x",
        "user.id=none",
        "user.id=none&include_names",
        "user.id=bad%21id",
        "user.id=&role.id={own_role}",
        "group.id=none",
        "role.id=none",
        "scope.project.id=none",
        "scope.domain.id=none",
        "scope.project.id={place}",
        "scope.domain.id={top}",
        "role.id=none&effective",
        "scope.domain.id=none&effective",
        "scope.domain.id={top}&effective",
        "role.id__contains=x&user.id={ann}",
    ] {
        s.admin(200, get(&format!("/v3/role_assignments?{query}")));
    }
    for query in [
        "user.id=none&effective",
        "user.id=bad%21id&effective",
        "scope.project.id=none&effective",
        "scope.project.id={place}&effective",
        "scope.project.id={place}&include_subtree",
        "scope.project.id={place}&include_subtree&effective",
        "scope.project.id=none&include_subtree",
        "",
        "user.id=&group.id={staff}",
        "user.id={ann}&group.id=",
    ] {
        s.exchange("admin", &get(&format!("/v3/role_assignments?{query}")));
    }
}

/// Neither a disabled project nor a disabled user changes what is listed.
fn disabled(s: &mut Session) {
    let effective = "/v3/role_assignments?effective&scope.project.id={leaf}&include_names";
    s.admin(200, patch("/v3/projects/{leaf}", json!({"project": {"enabled": false}})));
    s.admin(200, get(effective));
    s.admin(200, patch("/v3/users/{bob}", json!({"user": {"enabled": false}})));
    s.admin(200, get(effective));
    s.admin(204, delete("/v3/groups/{staff}/users/{bob}"));
    s.admin(200, get(effective));
    s.admin(200, get("/v3/role_assignments?effective&user.id={bob}"));
    s.admin(204, delete("/v3/roles/{prior_role}/implies/{next_role}"));
    s.admin(200, get(effective));
    s.admin(204, delete("/v3/groups/{staff}"));
    s.admin(200, get(effective));
    s.admin(200, get("/v3/role_assignments?role.id={prior_role}"));
}

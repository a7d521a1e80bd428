//! Grants of roles, and their list

use serde_json::{Value, json};

use super::row::{Row, checks, deletes, puts, reads};
use super::{ADMINS, ADMINS_BUT_OF_DOMAIN, DOMAIN_READERS, NOTHING, SYSTEM_ADMIN, SYSTEM_READERS};
use crate::world::Request;

/// The actors of grants.
#[derive(Clone, Copy)]
struct Actor {
    parameter: &'static str,
    /// The values of the path's parameters.
    path: &'static str,
    all: &'static str,
    list_system: &'static str,
    check_system: &'static str,
    create_system: &'static str,
    revoke_system: &'static str,
}

const USER: Actor = Actor {
    parameter: "user_id",
    path: "users/{user_id}/roles",
    all: "/v3/users",
    list_system: "identity:list_system_grants_for_user",
    check_system: "identity:check_system_grant_for_user",
    create_system: "identity:create_system_grant_for_user",
    revoke_system: "identity:revoke_system_grant_for_user",
};

const GROUP: Actor = Actor {
    parameter: "group_id",
    path: "groups/{group_id}/roles",
    all: "/v3/groups",
    list_system: "identity:list_system_grants_for_group",
    check_system: "identity:check_system_grant_for_group",
    create_system: "identity:create_system_grant_for_group",
    revoke_system: "identity:revoke_system_grant_for_group",
};

pub fn of_users() -> Vec<Row> {
    rows(USER)
}

pub fn of_groups() -> Vec<Row> {
    rows(GROUP)
}

fn rows(actor: Actor) -> Vec<Row> {
    let mut rows = on_system(actor);
    for target in ["projects/{project_id}", "domains/{domain_id}"] {
        let granted = format!("{target}/{}", actor.path);
        let all = format!("/v3/{granted}");
        rows.push(list(actor, &all));
        rows.extend(each(actor, &format!("{all}/{{role_id}}")));
        let inherited = format!("/v3/OS-INHERIT/{granted}");
        rows.extend(each(actor, &format!("{inherited}/{{role_id}}/inherited_to_projects")));
        if target.starts_with("domains") {
            // Who is granted the roles is not looked up there.
            let path = format!("{inherited}/inherited_to_projects");
            rows.push(list(actor, &path).missing(actor.parameter, 200));
        }
    }
    rows
}

impl Actor {
    /// Somebody new, so that what a grant takes away is nobody's whom others need.
    fn made(self, domain: &str) -> Value {
        let fields = json!({"name": "some{n}", "domain_id": domain});
        if self.parameter == "user_id" { json!({"user": fields}) } else { json!({"group": fields}) }
    }

    fn given(self, row: Row) -> Row {
        row.given(self.parameter, self.all, self.made("{home}"))
    }
}

fn list(actor: Actor, path: &str) -> Row {
    actor
        .given(reads(path))
        .rule("identity:list_grants")
        .allows(ADMINS)
        .allows(SYSTEM_READERS)
        .allows(DOMAIN_READERS)
}

/// The path as the admin sends it before a request.
fn filled(path: &str) -> String {
    let path = path.replace("{project_id}", "{project}").replace("{domain_id}", "{home}");
    path.replace("{role_id}", "{role_member}")
}

/// The operations on one grant.
fn each(actor: Actor, path: &str) -> Vec<Row> {
    vec![
        actor
            .given(checks(path))
            .after_put(&filled(path))
            .rule("identity:check_grant")
            .allows(ADMINS)
            .allows(SYSTEM_READERS)
            .allows(DOMAIN_READERS),
        actor
            .given(puts(path))
            .label("of a role that managers may grant")
            .rule("identity:create_grant")
            .allows(ADMINS)
            .allows(&["domain_manager"]),
        actor
            .given(puts(path))
            .label("of a role that managers may not grant")
            .with("role_id", "{role_service}")
            .rule("identity:create_grant")
            .allows(ADMINS),
        puts(path)
            .given(actor.parameter, actor.all, actor.made("{away}"))
            .label("to somebody of another domain")
            .rule("identity:create_grant")
            .allows(ADMINS),
        actor
            .given(deletes(path))
            .after_put(&filled(path))
            .rule("identity:revoke_grant")
            .allows(ADMINS)
            .allows(&["domain_manager"]),
    ]
}

fn on_system(actor: Actor) -> Vec<Row> {
    let all = format!("/v3/system/{}", actor.path);
    let one = format!("{all}/{{role_id}}");
    vec![
        actor.given(reads(&all)).rule(actor.list_system).allows(ADMINS_BUT_OF_DOMAIN).allows(SYSTEM_READERS),
        actor
            .given(checks(&one))
            .after_put(&filled(&one))
            .rule(actor.check_system)
            .allows(ADMINS_BUT_OF_DOMAIN)
            .allows(SYSTEM_READERS),
        actor.given(puts(&one)).rule(actor.create_system).allows(ADMINS_BUT_OF_DOMAIN),
        actor
            .given(deletes(&one))
            .after_put(&filled(&one))
            .rule(actor.revoke_system)
            .allows(ADMINS_BUT_OF_DOMAIN),
    ]
}

/// `/v3/role_assignments`
pub fn assignments() -> Vec<Row> {
    const ALL: &str = "/v3/role_assignments";
    const TREE: &str = "scope.project.id={project}&include_subtree";
    vec![
        // Whose token is of a domain sees what was granted in that.
        reads(ALL)
            .rule("identity:list_role_assignments")
            .allows(ADMINS)
            .allows(SYSTEM_READERS)
            .allows(DOMAIN_READERS)
            .allows(&["away_manager"])
            .bad_query("user.id=u&group.id=g", "user or group")
            .bad_query("scope.project.id={project}&scope.domain.id={home}", "domain or project"),
        reads(ALL)
            .label("of a tree")
            .query(TREE)
            .rule("identity:list_role_assignments_for_tree")
            .allows(ADMINS)
            .allows(SYSTEM_READERS)
            .allows(DOMAIN_READERS)
            .bad_query("include_subtree", "scope.project.id")
            .case("of a tree that there is not", SYSTEM_ADMIN, of_no_tree, 404, "project")
            .case("of a tree that there is not", "project_member", of_no_tree, 403, "_for_tree"),
    ]
}

fn of_no_tree(request: Request) -> Request {
    Request { path: request.path.replace("{project}", NOTHING), ..request }
}

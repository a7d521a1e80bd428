//! `/v3/projects`

use serde_json::json;

use super::row::{Row, Step, changes, checks, creates, deletes, puts, reads};
use super::{ADMINS, DOMAIN_READERS, IN_PROJECT, SYSTEM_ADMIN, SYSTEM_READERS};
use crate::world::{Request, delete, put};

pub fn rows() -> Vec<Row> {
    let some = || json!({"project": {"name": "some{n}", "domain_id": "{home}"}});
    vec![
        // Whose token is of a domain sees the projects of that.
        reads("/v3/projects")
            .rule("identity:list_projects")
            .allows(ADMINS)
            .allows(SYSTEM_READERS)
            .allows(DOMAIN_READERS)
            .allows(&["away_manager"])
            .bad_query("enabled=perhaps", "enabled"),
        creates("/v3/projects", some())
            .rule("identity:create_project")
            .allows(ADMINS)
            .allows(&["domain_manager"])
            .bad(json!({"project": {"domain_id": "{home}"}}), "name")
            .bad(json!({"project": {"name": "n", "enabled": "perhaps"}}), "enabled")
            .bad(json!({"project": {"name": "n", "tags": ["a,b"]}}), "a,b")
            .bad(json!({"project": {"name": "n", "parent_id": 5}}), "parent_id")
            .case("under a name that is taken", SYSTEM_ADMIN, like_project, 409, "project"),
        reads("/v3/projects/{project_id}")
            .rule("identity:get_project")
            .allows(ADMINS)
            .allows(SYSTEM_READERS)
            .allows(DOMAIN_READERS)
            .allows(IN_PROJECT),
        changes("/v3/projects/{project_id}", json!({"project": {"description": "other"}}))
            .given("project_id", "/v3/projects", some())
            .rule("identity:update_project")
            .allows(ADMINS)
            .allows(&["domain_manager"])
            .bad(json!({"project": {"name": ""}}), "name")
            .bad(json!({"project": {"is_domain": true}}), "is_domain"),
        deletes("/v3/projects/{project_id}")
            .given("project_id", "/v3/projects", some())
            .rule("identity:delete_project")
            .allows(ADMINS)
            .allows(&["domain_manager"]),
    ]
}

fn like_project(request: Request) -> Request {
    request.body(json!({"project": {"name": "project", "domain_id": "{home}"}}))
}

/// `/v3/projects/{project_id}/tags`
pub fn tags() -> Vec<Row> {
    const TAGS: &str = "/v3/projects/{project_id}/tags";
    const TAG: &str = "/v3/projects/{project_id}/tags/{value}";
    let blue = || json!({"tags": ["blue"]});
    let with_blue = || Step::Do(put("/v3/projects/{project}/tags").body(blue()));
    let without_tags = || Step::Do(delete("/v3/projects/{project}/tags"));
    vec![
        reads(TAGS)
            .rule("identity:list_project_tags")
            .allows(ADMINS)
            .allows(SYSTEM_READERS)
            .allows(DOMAIN_READERS)
            .allows(IN_PROJECT),
        puts(TAGS)
            .body(blue())
            .status(200)
            .rule("identity:update_project_tags")
            .allows(ADMINS)
            .allows(&["domain_manager"])
            .bad(json!({}), "array")
            .bad(json!({"tags": "blue"}), "tags")
            .bad(json!({"tags": [], "others": []}), "others")
            // The caller is looked at before what the tags are.
            .case("without tags", "project_member", without_body, 403, "identity:update_project_tags"),
        deletes(TAGS).rule("identity:delete_project_tags").allows(ADMINS).allows(&["domain_manager"]),
        checks(TAG)
            .with("value", "blue")
            .before(with_blue())
            .rule("identity:get_project_tag")
            .allows(ADMINS)
            .allows(SYSTEM_READERS)
            .allows(DOMAIN_READERS)
            .allows(IN_PROJECT),
        puts(TAG)
            .with("value", "blue")
            .before(without_tags())
            .missing("value", 201)
            .status(201)
            .rule("identity:create_project_tag")
            .allows(ADMINS)
            .allows(&["domain_manager"])
            .case("with a comma in it", SYSTEM_ADMIN, with_comma, 400, "a,b"),
        deletes(TAG)
            .with("value", "blue")
            .before(with_blue())
            .rule("identity:delete_project_tag")
            .allows(ADMINS)
            .allows(&["domain_manager"]),
    ]
}

fn without_body(request: Request) -> Request {
    request.body(json!({}))
}

fn with_comma(request: Request) -> Request {
    Request { path: request.path.replace("blue", "a,b"), ..request }
}

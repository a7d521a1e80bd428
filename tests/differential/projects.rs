//! `/v3/projects`

use reqwest::Method;
use serde_json::{Value, json};

use super::request::{Request, delete, get, patch, post, put, request};
use super::resource::{ABSENT, PROJECT};
use super::session::Session;

pub fn projects(s: &mut Session) {
    s.make("site", new_project(json!({"name": "site", "domain_id": "{home}"})));
    every_caller(s);
    create(s);
    update(s);
    remove(s);
    lists(s);
    immutable(s);
}

fn new_project(fields: Value) -> Request {
    PROJECT.create(fields)
}

fn change_of(name: &str, fields: Value) -> Request {
    PROJECT.change(name, fields)
}

fn change(fields: Value) -> Request {
    change_of("site", fields)
}

fn every_caller(s: &mut Session) {
    for path in ["/v3/projects", "/v3/projects?domain_id={home}", "/v3/projects?domain_id={away}"] {
        s.every_caller(get(path));
    }
    for project in ["{project}", "{site}", "{away_project}", "{home}", "none"] {
        s.every_caller(get(&format!("/v3/projects/{project}")));
        s.every_caller(patch(
            &format!("/v3/projects/{project}"),
            json!({"project": {"description": "number {n}"}}),
        ));
    }
    s.every_caller(new_project(json!({"name": "project-{n}", "domain_id": "{home}"})));
    s.every_caller(new_project(json!({"name": "away-project-{n}", "domain_id": "{away}"})));
    s.every_caller(new_project(json!({"name": "child-{n}", "domain_id": "{home}", "parent_id": "{site}"})));
    s.every_caller(new_project(json!({"name": "plain-project-{n}"})));
    s.every_caller(new_project(json!({"name": "domain-project-{n}", "is_domain": true})));
    for domain in ["home", "away"] {
        let new = new_project(json!({"name": "victim-project-{n}", "domain_id": format!("{{{domain}}}")}));
        s.every_caller_on_new("victim", new, delete("/v3/projects/{victim}"));
    }
    s.every_caller(delete("/v3/projects/none"));
    // Not a leaf.
    s.every_caller(delete("/v3/projects/{site}"));
}

fn create(s: &mut Session) {
    let project = json!({
        "name": " full project ", "domain_id": "{home}", "description": "d", "enabled": false, "tags": ["b", "a"],
        "parent_id": "{home}", "is_domain": false, "options": {"immutable": false}, "a-b:c": [1], "n": null,
    });
    s.make("full_project", new_project(project));
    s.admin(200, get("/v3/projects/{full_project}"));
    s.admin(409, new_project(json!({"name": "site", "domain_id": "{home}"})));
    s.admin(409, new_project(json!({"name": "site", "domain_id": "{home}", "parent_id": "{project}"})));
    s.admin(201, new_project(json!({"name": "site", "domain_id": "{away}"})));
    s.admin(201, new_project(json!({"name": "p".repeat(64)})));
    s.admin(201, new_project(json!({"name": "null description", "description": null})));
    s.admin(201, new_project(json!({"name": "null parent", "parent_id": null})));
    s.make("as_domain", new_project(json!({"name": "as domain", "is_domain": true})));
    s.admin(200, get("/v3/domains/{as_domain}"));
    for bad in [
        json!({"name": "p".repeat(65)}),
        json!({"name": "bad", "is_domain": "maybe"}),
        json!({"name": "bad", "domain_id": 7}),
        json!({"name": "bad", "domain_id": "a b"}),
        json!({"name": "bad", "domain_id": ABSENT}),
        json!({"name": "bad", "parent_id": 7}),
        json!({"name": "bad", "parent_id": "{away_project}", "domain_id": "{home}"}),
        json!({"name": "bad", "is_domain": true, "parent_id": "{home}"}),
        json!({"name": "bad", "is_domain": true, "domain_id": "{home}"}),
        json!({"name": "bad", "tags": [7]}),
        json!({"name": "bad", "tags": (0..81).map(|tag| tag.to_string()).collect::<Vec<_>>()}),
    ] {
        s.admin(400, new_project(bad));
    }
    s.admin(500, post("/v3/projects", json!({})));
    PROJECT.refuses_wrong_texts(s, "site");
    PROJECT.refuses_wrong_settings(s, "site");
    PROJECT.refuses_wrong_tags(s, "site");
    s.admin(400, new_project(json!({"name": "bad", "parent_id": ABSENT})));
    s.admin(400, new_project(json!({"name": "bad", "domain_id": "{home}", "parent_id": "{full_project}"})));
}

fn update(s: &mut Session) {
    s.admin(200, change(json!({"name": " renamed site ", "extra attribute": [1], "tags": ["z"]})));
    s.admin(200, change(json!({"name": "site", "id": "{site}", "domain_id": "{home}", "is_domain": false})));
    s.admin(200, change(json!({"parent_id": "{home}", "description": null})));
    s.admin(200, change(json!({})));
    s.admin(200, get("/v3/projects/{site}"));
    s.admin(500, change(json!({"name": "project"})));
    // Changes nothing, so that both sides stay the same.
    s.admin(500, change(json!({"enabled": "true"})));
    for bad in [
        json!({"id": "other"}),
        json!({"domain_id": "{away}"}),
        json!({"is_domain": true}),
        json!({"tags": null}),
    ] {
        let responses = s.exchange("admin", &change(bad));
        s.holds("a bad change is not a fault", responses.map(|response| response.status < 500));
    }
    s.admin(403, change(json!({"parent_id": "{project}"})));
}

fn remove(s: &mut Session) {
    s.make("gone_project", new_project(json!({"name": "gone project", "domain_id": "{home}"})));
    s.admin(204, put("/v3/projects/{gone_project}/users/{owner}/roles/{role_member}"));
    s.log_in("of_gone", "owner", &json!({"project": {"id": "{gone_project}"}}));
    s.by("of_gone", 200, get("/v3/users/{owner}"));
    s.admin(200, change_of("gone_project", json!({"enabled": false})));
    s.by("of_gone", 404, get("/v3/users/{owner}"));
    s.admin(204, delete("/v3/projects/{gone_project}"));
    s.by("of_gone", 404, get("/v3/users/{owner}"));
    s.admin(404, get("/v3/projects/{gone_project}"));
    s.admin(404, delete("/v3/projects/{gone_project}"));
    s.admin(404, get("/v3/projects/{gone_project}/users/{owner}/roles"));
    s.admin(200, get("/v3/users/{owner}/projects"));
    s.admin(200, request(Method::OPTIONS, "/v3/projects/{site}"));
    s.admin(405, request(Method::PUT, "/v3/projects/{site}"));
    // A domain that is enabled is deleted by neither name.
    s.admin(403, delete("/v3/projects/{as_domain}"));
    s.admin(200, change_of("as_domain", json!({"enabled": false})));
    s.admin(204, delete("/v3/projects/{as_domain}"));
    s.admin(404, get("/v3/domains/{as_domain}"));
}

fn lists(s: &mut Session) {
    for query in [
        "name=site",
        "name__contains=it",
        "name__icontains=SIT",
        "name__startswith=si",
        "name__endswith=te",
        "enabled=false",
        "enabled=1",
        "enabled",
        "is_domain=true",
        "is_domain=false",
        "is_domain",
        "is_domain=0&name=site",
        "domain_id={home}&name=site",
        "domain_id=default",
        "domain_id=nowhere",
        "parent_id={site}",
        "parent_id={home}",
        "description=d",
        "nonsense=1",
        "id={site}",
        "tags=z",
    ] {
        s.admin(200, get(&format!("/v3/projects?{query}")));
    }
    s.admin(400, get("/v3/projects?enabled=maybe"));
    s.admin(400, get("/v3/projects?is_domain=maybe"));
    s.admin(400, get("/v3/projects?domain_id=a%20b"));
    s.admin(400, get("/v3/projects?name="));
    s.admin(400, get("/v3/projects?parent_id=nothing"));
    s.pages("admin", "/v3/projects?limit=6", "projects");
    s.pages("system_reader", "/v3/projects?domain_id={away}&limit=3", "projects");
    s.admin(404, get("/v3/projects?limit=1&marker=unknown"));
}

fn immutable(s: &mut Session) {
    let project = json!({"name": "firm project", "domain_id": "{home}", "options": {"immutable": true}});
    s.make("firm", new_project(project));
    PROJECT.holds_while_immutable(s, "firm", json!({"tags": ["a"]}));
}

/// Parents and subtrees.
pub fn hierarchy(s: &mut Session) {
    s.make("level1", new_project(json!({"name": "level1", "domain_id": "{home}"})));
    for level in 2..=5 {
        let parent = format!("{{level{}}}", level - 1);
        let fields = json!({"name": format!("level{level}"), "domain_id": "{home}", "parent_id": parent});
        s.make(&format!("level{level}"), new_project(fields));
    }
    s.make("branch", new_project(json!({"name": "branch", "domain_id": "{home}", "parent_id": "{level2}"})));
    s.admin(403, new_project(json!({"name": "level6", "domain_id": "{home}", "parent_id": "{level5}"})));
    s.admin(400, new_project(json!({"name": "without domain", "parent_id": "{level3}"})));
    for (project, user) in
        [("level1", "reader"), ("level3", "reader"), ("branch", "owner"), ("level4", "manager")]
    {
        s.admin(204, put(&format!("/v3/projects/{{{project}}}/users/{{{user}}}/roles/{{role_reader}}")));
    }
    let shown = ["parents_as_list", "parents_as_ids", "subtree_as_list", "subtree_as_ids", "include_limits"];
    for view in shown {
        for project in ["level1", "level2", "level3", "level5", "branch"] {
            s.every_caller(get(&format!("/v3/projects/{{{project}}}?{view}")));
        }
        s.admin(200, get(&format!("/v3/projects/{{level3}}?{view}=0")));
        s.admin(200, get(&format!("/v3/projects/{{level3}}?{view}=false")));
        s.admin(404, get(&format!("/v3/projects/none?{view}")));
        s.admin(200, get(&format!("/v3/projects/{{home}}?{view}")));
    }
    s.admin(200, get("/v3/projects/{level3}?parents_as_ids&subtree_as_ids"));
    s.admin(200, get("/v3/projects/{level3}?parents_as_list&subtree_as_list"));
    s.admin(200, get("/v3/projects/{level3}?parents_as_list&subtree_as_ids"));
    s.admin(400, get("/v3/projects/{level3}?parents_as_list&parents_as_ids"));
    s.admin(400, get("/v3/projects/{level3}?subtree_as_list&subtree_as_ids"));
    // Above and below a disabled project.
    s.admin(403, change_of("level4", json!({"enabled": false})));
    s.admin(200, change_of("level5", json!({"enabled": false})));
    s.admin(200, change_of("level4", json!({"enabled": false})));
    s.admin(403, change_of("level5", json!({"enabled": true})));
    s.admin(
        400,
        new_project(json!({"name": "below disabled", "domain_id": "{home}", "parent_id": "{level4}"})),
    );
    s.admin(200, change_of("level4", json!({"enabled": true})));
    s.admin(200, change_of("level5", json!({"enabled": true})));
    s.admin(403, delete("/v3/projects/{level4}"));
    s.admin(403, change_of("level5", json!({"parent_id": "{level1}"})));
    s.admin(204, delete("/v3/projects/{level5}"));
    s.admin(204, delete("/v3/projects/{level4}"));
}

//! `/v3/projects/{project_id}/tags`, and lists that filter by tags.

use serde_json::{Value, json};

use super::request::{Request, delete, get, post, put, put_json};
use super::session::Session;

pub fn tags(s: &mut Session) {
    s.make("tagged", new_project(json!({"name": "tagged", "domain_id": "{home}", "tags": ["red", "blue"]})));
    for project in ["{tagged}", "{project}", "{away_project}", "none"] {
        let path = format!("/v3/projects/{project}/tags");
        s.every_caller(get(&path));
        s.every_caller(get(&format!("{path}/red")));
        s.every_caller(delete(&format!("{path}/absent")));
        s.every_caller(put_json(&path, json!({"tags": ["red", "blue", "number-{n}"]})));
        s.every_caller(put(&format!("{path}/one-{{n}}")));
        s.every_caller_undoing(delete(&format!("{path}/red")), put(&format!("{path}/red")));
        s.every_caller_undoing(delete(&path), put_json(&path, json!({"tags": ["red", "blue"]})));
    }
    one(s);
    all(s);
    filters(s);
}

fn new_project(fields: Value) -> Request {
    post("/v3/projects", json!({ "project": fields }))
}

fn one(s: &mut Session) {
    for tag in ["green", "a%20b", "%C3%BC", "x.y", "100%25", "a:b"] {
        let path = format!("/v3/projects/{{tagged}}/tags/{tag}");
        s.admin(404, get(&path));
        s.admin(201, put(&path));
        s.admin(400, put(&path));
        s.admin(204, get(&path));
    }
    s.admin(200, get("/v3/projects/{tagged}/tags"));
    s.admin(204, delete("/v3/projects/{tagged}/tags/green"));
    s.admin(404, delete("/v3/projects/{tagged}/tags/green"));
    s.admin(400, put("/v3/projects/{tagged}/tags/a,b"));
    s.admin(400, put(&format!("/v3/projects/{{tagged}}/tags/{}", "t".repeat(256))));
    s.admin(201, put(&format!("/v3/projects/{{tagged}}/tags/{}", "t".repeat(255))));
    s.admin(404, put("/v3/projects/none/tags/red"));
    s.admin(201, put_json("/v3/projects/{tagged}/tags/with-body", json!({"tags": []})));
}

fn all(s: &mut Session) {
    let path = "/v3/projects/{tagged}/tags";
    s.admin(200, put_json(path, json!({"tags": []})));
    s.admin(200, put_json(path, json!({"tags": (0..80).map(|tag| tag.to_string()).collect::<Vec<_>>()})));
    s.admin(400, put("/v3/projects/{tagged}/tags/one-more"));
    for bad in [
        json!({"tags": ["a,b"]}),
        json!({"tags": ["a/b"]}),
        json!({"tags": [""]}),
        json!({"tags": [7]}),
        json!({"tags": "a"}),
        json!({"tags": null}),
        json!({"tags": ["a", "a"]}),
        json!({"tags": ["t".repeat(256)]}),
        json!({"tags": (0..81).map(|tag| tag.to_string()).collect::<Vec<_>>()}),
        json!({"tags": ["a"], "more": 1}),
    ] {
        s.admin(400, put_json(path, bad));
    }
    s.admin(204, delete(path));
    s.admin(204, delete(path));
    s.admin(200, get(path));
}

fn filters(s: &mut Session) {
    for (name, tags) in
        [("t-none", json!([])), ("t-a", json!(["a"])), ("t-ab", json!(["a", "b"])), ("t-c", json!(["c"]))]
    {
        s.admin(201, new_project(json!({"name": name, "domain_id": "{away}", "tags": tags})));
    }
    for query in [
        "tags=a",
        "tags=a,b",
        "tags=b,a",
        "tags=",
        "tags=A",
        "tags-any=a,c",
        "tags-any=b",
        "not-tags=a",
        "not-tags=a,b",
        "not-tags-any=a,c",
        "not-tags-any=b",
        "tags=a&not-tags=b",
        "tags-any=a,c&not-tags-any=b",
        "tags=a&name=t-ab",
        "tags=a&tags=c",
        "tags=absent",
    ] {
        s.admin(200, get(&format!("/v3/projects?domain_id={{away}}&{query}")));
    }
    s.by("domain_reader", 200, get("/v3/projects?tags=red"));
}

//! Names that differ in the case of letters alone, in accents or in blanks at the end, wherever one is looked up.
//!
//! MariaDB's collation takes such names for the same, and Keyraft does not. So this sequence is the last: afterwards
//! there is more on our side. The paths of its requests are no other's, for `allowed.rs`.

use serde_json::{Value, json};

use super::request::{Request, get, post, put, with_password};
use super::session::Session;
use crate::support::callers::PASSWORD;

/// Names that MariaDB takes for `case-ruler`.
const OTHERS: [&str; 4] = ["CASE-RULER", "Case-Ruler", "case-r\u{fc}ler", "case-ruler "];

pub fn letter_case(s: &mut Session) {
    let named = |more: Value| {
        let mut fields = json!({"name": "case-ruler"});
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fields
    };
    s.make("case_domain", post("/v3/domains", json!({"domain": named(json!({}))})));
    let within = named(json!({"domain_id": "{case_domain}"}));
    s.make("case_project", post("/v3/projects", json!({ "project": within })));
    let user = named(json!({"domain_id": "{case_domain}", "password": PASSWORD}));
    s.make("case_user", post("/v3/users", json!({ "user": user })));
    s.make("case_group", post("/v3/groups", json!({ "group": within })));
    s.make("case_role", post("/v3/roles", json!({"role": named(json!({}))})));
    s.make("case_region", post("/v3/regions", json!({"region": {"id": "case-ruler"}})));
    s.make("case_service", post("/v3/services", json!({"service": named(json!({"type": "case-ruler"}))})));
    let endpoint = json!({
        "interface": "public", "service_id": "{case_service}", "region_id": "case-ruler", "url": "http://case.example/",
    });
    s.make("case_endpoint", post("/v3/endpoints", json!({ "endpoint": endpoint })));
    s.admin(204, put("/v3/projects/{case_project}/users/{case_user}/roles/{case_role}"));
    s.admin(201, put("/v3/projects/{case_project}/tags/case-ruler"));
    lookups(s);
    logins(s);
    creates(s);
}

fn lookups(s: &mut Session) {
    for other in ["case-ruler", "CASE-RULER", "Case-Ruler", "case-r%C3%BCler", "case-ruler%20", "case-rule"] {
        for list in [
            "domains?name",
            "projects?domain_id={case_domain}&name",
            "users?domain_id={case_domain}&name",
            "groups?domain_id={case_domain}&name",
            "roles?name",
            "services?name",
            "services?type",
            "endpoints?region_id",
            "regions?parent_region_id",
        ] {
            s.admin(200, get(&format!("/v3/{list}={other}")));
        }
    }
    for other in ["CASE-RULER", "Case-Ruler"] {
        s.admin(200, get(&format!("/v3/regions/{other}")));
    }
}

/// A log-in that no other sequence can be taken for.
fn ask(s: &mut Session, status: u16, user: Value, scope: &Value) {
    let mut request = with_password(user, scope);
    request.path += "?letter_case";
    s.by("nobody", status, request);
}

fn logins(s: &mut Session) {
    let user =
        |name: &str, domain: &str| json!({"name": name, "domain": {"name": domain}, "password": PASSWORD});
    let project = |name: &str, domain: &str| json!({"project": {"name": name, "domain": {"name": domain}}});
    let right = "case-ruler";
    ask(s, 201, user(right, right), &project(right, right));
    for other in OTHERS {
        ask(s, 201, user(other, right), &Value::Null);
        ask(s, 201, user(right, other), &Value::Null);
        ask(s, 201, user(right, right), &project(other, right));
        ask(s, 201, user(right, right), &project(right, other));
    }
    // A password is compared by its letters.
    let password = json!({"id": "{case_user}", "password": PASSWORD.to_uppercase()});
    s.by("nobody", 401, with_password(password, &Value::Null));
}

fn creates(s: &mut Session) {
    let new = |list: &str, body: Value| -> Request { post(&format!("/v3/{list}?letter_case"), body) };
    for other in OTHERS {
        let within = json!({"name": other, "domain_id": "{case_domain}"});
        s.admin(409, new("domains", json!({"domain": {"name": other}})));
        s.admin(409, new("projects", json!({ "project": within })));
        s.admin(409, new("users", json!({ "user": within })));
        s.admin(409, new("groups", json!({ "group": within })));
        s.admin(409, new("roles", json!({"role": {"name": other}})));
        s.admin(409, new("regions", json!({"region": {"id": other}})));
    }
    s.admin(500, put("/v3/projects/{case_project}/tags/CASE-RULER"));
}

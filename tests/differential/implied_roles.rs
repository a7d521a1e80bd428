//! `/v3/roles/{prior_role_id}/implies` and `/v3/role_inferences`
//!
//! A role that is part of a rule is not deleted here: Keystone on SQLite, which does not remove the rule with it,
//! then fails to list the rules.

use serde_json::json;

use super::request::{delete, get, post, put, with_password};
use super::session::Session;
use crate::support::callers::PASSWORD;

pub fn implied_roles(s: &mut Session) {
    for (name, domain) in
        [("prior", json!(null)), ("implied", json!(null)), ("other", json!(null)), ("lone", json!(null))]
            .into_iter()
            .chain([("own_prior", json!("{home}")), ("own_implied", json!("{home}"))])
            .chain([("far_implied", json!("{away}"))])
    {
        let role = json!({"name": format!("implied-{name}"), "domain_id": domain});
        s.make(name, post("/v3/roles", json!({ "role": role })));
    }
    rules(s);
    refusals(s);
    circles(s);
    tokens(s);
}

fn rules(s: &mut Session) {
    let (one, implies) = ("/v3/roles/{prior}/implies/{implied}", "/v3/roles/{prior}/implies");
    // Without the rule.
    s.every_caller(get(one));
    s.every_caller(get(implies));
    s.every_caller(delete(one));
    s.every_caller_undoing(put(one), delete(one));
    // With it.
    s.admin(201, put(one));
    s.admin(201, put("/v3/roles/{prior}/implies/{other}"));
    s.every_caller(get(one));
    s.every_caller(get(implies));
    s.every_caller(put(one));
    s.every_caller(get("/v3/role_inferences"));
    s.every_caller_undoing(delete(one), put(one));
    // A domain's own role as the prior one.
    let own = "/v3/roles/{own_prior}/implies/{implied}";
    s.every_caller_undoing(put(own), delete(own));
    s.admin(201, put(own));
    s.every_caller(get(own));
    s.every_caller(get("/v3/roles/{own_prior}/implies"));
    s.admin(200, get("/v3/role_inferences"));
    s.every_caller_undoing(delete(own), put(own));
}

fn refusals(s: &mut Session) {
    for prior in ["{lone}", "{own_prior}", "{role_admin}"] {
        s.admin(403, put(&format!("/v3/roles/{prior}/implies/{{role_admin}}")));
    }
    s.every_caller(put("/v3/roles/{lone}/implies/{role_admin}"));
    // A global role implies no role of a domain; one of a domain implies any other, also another domain's.
    s.every_caller(put("/v3/roles/{lone}/implies/{own_implied}"));
    s.admin(403, put("/v3/roles/{lone}/implies/{far_implied}"));
    s.admin(201, put("/v3/roles/{own_prior}/implies/{own_implied}"));
    s.admin(201, put("/v3/roles/{own_prior}/implies/{far_implied}"));
    s.admin(409, put("/v3/roles/{own_prior}/implies/{own_implied}"));
    s.admin(200, get("/v3/roles/{own_prior}/implies"));
    for (prior, implied) in [("none", "{implied}"), ("{lone}", "none"), ("none", "none"), ("none", "gone")] {
        let path = format!("/v3/roles/{prior}/implies/{implied}");
        s.every_caller(get(&path));
        s.every_caller(put(&path));
        s.every_caller(delete(&path));
    }
    s.every_caller(get("/v3/roles/none/implies"));
    s.admin(404, get("/v3/roles/{implied}/implies/{prior}"));
    s.admin(404, delete("/v3/roles/{implied}/implies/{prior}"));
    s.admin(404, delete("/v3/roles/{lone}/implies/{role_admin}"));
    s.admin(200, get("/v3/roles/{lone}/implies"));
    s.admin(200, get("/v3/roles/{lone}/implies?limit=1&name=x"));
    s.admin(200, get("/v3/role_inferences?limit=1&name=x"));
    // Immutable roles take part in rules.
    let fixed = "/v3/roles/{lone}/implies/{role_reader}";
    s.admin(201, put(fixed));
    s.admin(204, delete(fixed));
}

/// Circles that touch no other: with those Keystone lists some rows twice, as the order of ids has it.
fn circles(s: &mut Session) {
    for name in ["alone", "first", "second", "third"] {
        s.make(name, post("/v3/roles", json!({"role": {"name": format!("circle-{name}")}})));
    }
    for (prior, implied) in [("alone", "alone"), ("first", "second"), ("second", "third"), ("third", "first")]
    {
        let path = format!("/v3/roles/{{{prior}}}/implies/{{{implied}}}");
        s.admin(201, put(&path));
        s.admin(200, get(&path));
    }
    s.admin(200, get("/v3/role_inferences"));
    for role in ["{alone}", "{second}"] {
        let grant = format!("/v3/projects/{{other_project}}/users/{{owner}}/roles/{role}");
        s.admin(204, put(&grant));
        s.admin(200, get("/v3/role_assignments?user.id={owner}&effective"));
        s.admin(200, get("/v3/role_assignments?user.id={owner}&effective&include_names"));
        s.admin(200, get("/v3/role_assignments?user.id={owner}&effective&role.id={first}"));
        s.log_in("circle_owner", "owner", &json!({"project": {"id": "{other_project}"}}));
        s.admin(204, delete(&grant));
    }
}

/// A token has the global roles that a domain's own role implies, and not that role itself.
fn tokens(s: &mut Session) {
    s.admin(204, put("/v3/projects/{other_project}/users/{owner}/roles/{own_prior}"));
    s.log_in("implied_owner", "owner", &json!({"project": {"id": "{other_project}"}}));
    s.admin(200, get("/v3/role_assignments?user.id={owner}&effective&scope.project.id={other_project}"));
    s.admin(200, get("/v3/auth/tokens").header("X-Subject-Token", "{token.implied_owner}"));
    s.admin(204, delete("/v3/roles/{own_prior}/implies/{implied}"));
    s.admin(200, get("/v3/role_assignments?user.id={owner}&effective&scope.project.id={other_project}"));
    let user = json!({"id": "{owner}", "password": PASSWORD});
    s.by("nobody", 401, with_password(user, &json!({"project": {"id": "{other_project}"}})));
    s.admin(204, delete("/v3/projects/{other_project}/users/{owner}/roles/{own_prior}"));
}

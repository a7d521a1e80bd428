//! `GET`, `HEAD` and `DELETE /v3/auth/tokens`.

use serde_json::{Value, json};

use super::callers::callers;
use super::logins::pilot;
use super::request::{Request, delete, get, head, patch, post, put, with_password, with_token};
use super::session::Session;
use crate::support::callers::{PASSWORD, STRANGERS};

const TOKENS: &str = "/v3/auth/tokens";

fn about(request: Request, token: &str) -> Request {
    request.header("X-Subject-Token", &format!("{{token.{token}}}"))
}

pub fn validations(s: &mut Session) {
    s.keep_login("subject", with_password(pilot(), &json!({"project": {"id": "{hangar}"}})));
    s.keep_login("gone", with_password(pilot(), &json!("unscoped")));
    s.admin(204, about(delete(TOKENS), "gone"));
    s.every_caller(about(get(TOKENS), "subject"));
    s.every_caller(about(get(TOKENS), "owner"));
    s.every_caller(about(get(TOKENS), "gone"));
    s.every_caller(get(TOKENS).header("X-Subject-Token", "forged"));
    s.every_caller(get(TOKENS).header("X-Subject-Token", ""));
    s.every_caller(get(TOKENS));
    for caller in callers().filter(|caller| !STRANGERS.contains(caller)) {
        s.admin(200, about(get(TOKENS), caller));
        s.admin(200, about(get("/v3/auth/tokens?nocatalog"), caller));
        s.by(caller, 200, about(get(TOKENS), caller));
        s.try_by(caller, about(head(TOKENS), caller));
    }
    for query in [
        "allow_expired",
        "allow_expired=0",
        "allow_expired=1",
        "allow_expired=true",
        "allow_expired=x",
        "nocatalog=",
        "nocatalog=0",
        "more=1",
    ] {
        s.admin(200, about(get(&format!("{TOKENS}?{query}")), "subject"));
        s.admin(404, about(get(&format!("{TOKENS}?{query}")), "gone"));
    }
    s.by("gone", 401, about(get(TOKENS), "subject"));
    s.by("reader_unscoped", 403, about(get(TOKENS), "subject").header("X-Service-Token", "forged"));
    s.by("nobody", 401, about(get(TOKENS), "subject").header("X-Service-Token", "{token.service}"));
    s.by("forger", 401, about(get(TOKENS), "subject").header("X-Service-Token", "{token.service}"));
    s.admin(200, about(get(TOKENS), "subject").header("OpenStack-Identity-Access-Rules", "1.0"));
    s.try_by("admin", about(get(TOKENS), "subject").header("OpenStack-Identity-Access-Rules", "nonsense"));
    unpadded(s);
    deletions(s);
    refused_list(s);
}

/// The base64 padding of a token may be left out, or not.
fn unpadded(s: &mut Session) {
    for more in ["=", "==", "A", "%3D"] {
        let text = format!("{{token.subject}}{more}");
        s.try_by("admin", get(TOKENS).header("X-Subject-Token", &text));
        s.try_by("nobody", with_token(&text, &Value::Null));
    }
}

fn deletions(s: &mut Session) {
    for caller in callers() {
        s.keep_login("victim", with_password(pilot(), &json!({"project": {"id": "{hangar}"}})));
        s.try_by(caller, about(delete(TOKENS), "victim"));
        s.try_by("admin", about(get(TOKENS), "victim"));
    }
    for text in ["forged", ""] {
        s.every_caller(delete(TOKENS).header("X-Subject-Token", text));
    }
    s.every_caller(delete(TOKENS));
    s.every_caller(about(delete(TOKENS), "gone"));
    for query in [
        "",
        "?cascade",
        "?cascade=",
        "?cascade=false",
        "?cascade=0",
        "?cascade=no",
        "?cascade=true",
        "?cascade=x",
    ] {
        s.keep_login("root", with_password(pilot(), &json!("unscoped")));
        let project = json!({"project": {"id": "{hangar}"}});
        let exchange = |token: &str| with_token(&format!("{{token.{token}}}"), &project);
        s.keep_login("branch", exchange("root"));
        s.keep_login("leaf", exchange("branch"));
        s.keep_login("sibling", exchange("root"));
        s.admin(204, about(delete(&format!("{TOKENS}{query}")), "branch"));
        for token in ["root", "branch", "leaf", "sibling"] {
            s.try_by("admin", about(get(TOKENS), token));
        }
        s.admin(204, about(delete(&format!("{TOKENS}{query}")), "root"));
        for token in ["root", "leaf", "sibling"] {
            s.try_by("admin", about(get(TOKENS), token));
        }
    }
    s.keep_login("own", with_password(pilot(), &json!("unscoped")));
    s.by("own", 204, about(delete(TOKENS), "own"));
    s.by("own", 401, about(get(TOKENS), "own"));
    s.keep_login("other", with_password(pilot(), &json!("unscoped")));
    s.by("other", 404, about(get(TOKENS), "own"));
    s.by("other", 404, about(delete(TOKENS), "own"));
}

fn refused_list(s: &mut Session) {
    s.every_caller(get("/v3/auth/tokens/OS-PKI/revoked"));
    s.by("nobody", 403, get("/v3/auth/tokens/OS-PKI/revoked?audit_id_only"));
}

/// Changes that make tokens invalid, with an event or without, and others that do not.
pub fn revocations(s: &mut Session) {
    s.make("revoked_domain", post("/v3/domains", json!({"domain": {"name": "revocations"}})));
    for project in ["here", "there"] {
        let body =
            json!({"project": {"name": format!("revocations-{project}"), "domain_id": "{revoked_domain}"}});
        s.make(project, post("/v3/projects", body));
    }
    let group = json!({"group": {"name": "revocations-group", "domain_id": "{revoked_domain}"}});
    s.make("gang", post("/v3/groups", group));
    let role = json!({"role": {"name": "revocations-role"}});
    s.make("odd_role", post("/v3/roles", role));
    // From here on both make the same events; Keystone's begin with others.
    s.pass_second();
    s.keep_time("since");
    s.pass_second();
    users_tokens(s);
    by_user(s);
    by_role(s);
    by_group(s);
    by_place(s);
    events(s);
}

fn fresh_user(s: &mut Session) {
    s.count();
    let user =
        json!({"user": {"name": "revocations-{n}", "domain_id": "{revoked_domain}", "password": PASSWORD}});
    s.make("mark", post("/v3/users", user));
    s.admin(204, put("/v3/projects/{here}/users/{mark}/roles/{role_member}"));
    s.admin(204, put("/v3/domains/{revoked_domain}/users/{mark}/roles/{role_member}"));
    s.admin(204, put("/v3/system/users/{mark}/roles/{role_member}"));
}

const MARKS: [&str; 4] = ["mark_unscoped", "mark_project", "mark_domain", "mark_system"];

fn fresh_tokens(s: &mut Session) {
    s.next_second();
    s.log_in("mark_unscoped", "mark", &json!("unscoped"));
    s.log_in("mark_project", "mark", &json!({"project": {"id": "{here}"}}));
    s.log_in("mark_domain", "mark", &json!({"domain": {"id": "{revoked_domain}"}}));
    s.log_in("mark_system", "mark", &json!({"system": {"all": true}}));
}

/// All four tokens as another caller sees them and as their owner uses them.
fn look(s: &mut Session) {
    for mark in MARKS {
        s.try_by("admin", about(get("/v3/auth/tokens?nocatalog"), mark));
        // Its response holds nothing that Keystone's cache could keep from before.
        s.try_by(mark, get("/v3/auth/system"));
    }
}

fn changed(s: &mut Session, changes: &[Request], undo: &[Request]) {
    fresh_user(s);
    fresh_tokens(s);
    look(s);
    for change in changes {
        let responses = s.try_by("admin", change.clone());
        s.holds("the change is made", responses.map(super::response::Response::is_success));
    }
    look(s);
    for change in undo {
        s.try_by("admin", change.clone());
    }
    if !undo.is_empty() {
        look(s);
        s.next_second();
        s.try_by("nobody", with_password(json!({"id": "{mark}", "password": PASSWORD}), &json!("unscoped")));
    }
}

fn by_user(s: &mut Session) {
    let user = |change: Value| patch("/v3/users/{mark}", json!({ "user": change }));
    changed(s, &[user(json!({"enabled": false}))], &[user(json!({"enabled": true}))]);
    changed(s, &[user(json!({"password": PASSWORD}))], &[]);
    changed(s, &[user(json!({"password": null}))], &[user(json!({"password": PASSWORD}))]);
    changed(s, &[user(json!({"default_project_id": "{there}"}))], &[]);
    let own = json!({"user": {"original_password": PASSWORD, "password": "another"}});
    changed(s, &[post("/v3/users/{mark}/password", own)], &[]);
    changed(s, &[delete("/v3/users/{mark}")], &[]);
}

fn by_role(s: &mut Session) {
    let grant = |place: &str, role: &str| format!("/v3/{place}/users/{{mark}}/roles/{{{role}}}");
    for place in ["projects/{here}", "domains/{revoked_domain}", "system"] {
        let path = grant(place, "role_member");
        changed(s, &[delete(&path)], &[put(&path)]);
        changed(s, &[put(&grant(place, "role_reader")), delete(&path)], &[]);
        changed(s, &[put(&grant(place, "odd_role"))], &[delete(&grant(place, "odd_role"))]);
    }
    let inherited =
        "/v3/OS-INHERIT/domains/{revoked_domain}/users/{mark}/roles/{role_reader}/inherited_to_projects";
    changed(s, &[put(inherited), delete(&grant("projects/{here}", "role_member"))], &[delete(inherited)]);
    let role = json!({"role": {"name": "revocations-short"}});
    s.make("short_role", post("/v3/roles", role));
    let only =
        [put(&grant("projects/{here}", "short_role")), delete(&grant("projects/{here}", "role_member"))];
    changed(s, &only, &[delete("/v3/roles/{short_role}")]);
}

fn by_group(s: &mut Session) {
    let member = "/v3/groups/{gang}/users/{mark}";
    let grant = "/v3/projects/{there}/groups/{gang}/roles/{role_reader}";
    changed(s, &[put(member)], &[delete(member)]);
    changed(s, &[put(member), put(grant)], &[delete(grant)]);
    changed(s, &[put(member)], &[put(grant)]);
    s.log_in("mark_there", "mark", &json!({"project": {"id": "{there}"}}));
    s.admin(200, about(get(TOKENS), "mark_there"));
    s.admin(204, delete("/v3/groups/{gang}"));
    s.admin(404, about(get(TOKENS), "mark_there"));
    look(s);
}

fn by_place(s: &mut Session) {
    let enabled = |kind: &str, name: &str, enabled: bool| {
        patch(&format!("/v3/{kind}s/{{{name}}}"), json!({ kind: {"enabled": enabled} }))
    };
    changed(s, &[enabled("project", "here", false)], &[enabled("project", "here", true)]);
    changed(s, &[enabled("domain", "revoked_domain", false)], &[enabled("domain", "revoked_domain", true)]);
    changed(s, &[delete("/v3/projects/{here}")], &[]);
    s.admin(200, enabled("domain", "revoked_domain", false));
    s.admin(204, delete("/v3/domains/{revoked_domain}"));
    look(s);
}

fn events(s: &mut Session) {
    s.every_caller(get("/v3/OS-REVOKE/events?since=2100-01-01T00:00:00Z"));
    s.every_caller(get("/v3/OS-REVOKE/events?since={since}"));
    for since in ["2100-01-01T00:00:00.000000Z", "2100-01-01", "2100-01-01T00:00:00%2B02:00", "nonsense", "5"]
    {
        s.try_by("admin", get(&format!("/v3/OS-REVOKE/events?since={since}")));
    }
}

/// `DELETE /v3/users/{user_id}/tokens`
fn users_tokens(s: &mut Session) {
    fresh_user(s);
    s.every_caller(delete("/v3/users/{mark}/tokens"));
    s.every_caller(delete("/v3/users/none/tokens"));
    s.every_caller(delete("/v3/users/{away_user}/tokens"));
    s.next_second();
    s.log_in("away_manager", "away_user", &json!({"domain": {"id": "{away}"}}));
    changed(s, &[delete("/v3/users/{mark}/tokens")], &[]);
    s.next_second();
    s.try_by("nobody", with_password(json!({"id": "{mark}", "password": PASSWORD}), &json!("unscoped")));
}

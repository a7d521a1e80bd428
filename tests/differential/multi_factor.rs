//! Log-ins that need several methods, and receipts for those that have been shown.

use serde_json::{Value, json};

use super::request::{Request, get, identified, patch, post, put, with_password, with_token};
use super::session::Session;
use crate::support::callers::PASSWORD;

fn tech() -> Value {
    json!({"id": "{tech}", "password": PASSWORD})
}

fn both(token: &str) -> Value {
    json!({
        "methods": ["password", "token"],
        "password": {"user": tech()},
        "token": {"id": format!("{{token.{token}}}")},
    })
}

fn only_token(scope: &Value) -> Request {
    with_token("{token.before}", scope)
}

fn with_receipt(request: Request, receipt: &str) -> Request {
    request.header("Openstack-Auth-Receipt", receipt)
}

fn rules(s: &mut Session, rules: Value) {
    let options = json!({"multi_factor_auth_rules": rules});
    s.admin(200, patch("/v3/users/{tech}", json!({"user": {"options": options}})));
}

pub fn multi_factor(s: &mut Session) {
    let user = json!({"user": {"name": "multi-factor", "domain_id": "{home}", "password": PASSWORD}});
    s.make("tech", post("/v3/users", user));
    s.admin(204, put("/v3/projects/{project}/users/{tech}/roles/{role_member}"));
    s.keep_login("before", with_password(tech(), &json!("unscoped")));
    s.make(
        "second_tech",
        post(
            "/v3/users",
            json!({"user": {
                "name": "multi-factor-2", "domain_id": "{home}", "password": PASSWORD,
                "options": {"multi_factor_auth_rules": [["password", "token"]]},
            }}),
        ),
    );
    let project = json!({"project": {"id": "{project}"}});

    for rule in [
        json!([["password"]]),
        json!([["password", "none"]]),
        json!([["none"]]),
        json!([["password", "none"], ["password", "token"]]),
        json!([["password", "totp"]]),
        json!([["token"]]),
        json!([["password"], ["password", "token"]]),
        json!([["password", "token"]]),
        json!([["password", "token"], ["password", "application_credential"]]),
    ] {
        rules(s, rule);
        s.try_by("nobody", with_password(tech(), &Value::Null));
        s.try_by("nobody", with_password(tech(), &project));
        s.try_by("nobody", identified(both("before"), &project));
        s.try_by("nobody", only_token(&Value::Null));
        s.try_by("nobody", with_password(json!({"id": "{tech}", "password": "wrong"}), &Value::Null));
    }
    with_receipts(s, &project);
    switched_off(s);
    bad_rules(s);
}

fn with_receipts(s: &mut Session, project: &Value) {
    rules(s, json!([["password", "token"]]));
    let asked = s.by("nobody", 401, with_password(tech(), project));
    s.keep_header("receipt", &asked, "openstack-auth-receipt");
    let second = json!({"id": "{second_tech}", "password": PASSWORD});
    let others = s.by("nobody", 401, with_password(second.clone(), project));
    s.keep_header("others_receipt", &others, "openstack-auth-receipt");
    s.keep_login("admitted", with_receipt(only_token(project), "{receipt}"));
    s.admin(200, get("/v3/auth/tokens").header("X-Subject-Token", "{token.admitted}"));
    s.try_by("nobody", with_receipt(only_token(&Value::Null), "{receipt}"));
    s.try_by("nobody", with_receipt(only_token(&Value::Null), "{others_receipt}"));
    s.try_by("nobody", with_receipt(with_password(tech(), project), "{receipt}"));
    for text in ["forged", "", "{token.before}"] {
        s.try_by("nobody", with_receipt(only_token(project), text));
        s.try_by("nobody", with_receipt(with_password(tech(), project), text));
        s.try_by("nobody", with_receipt(identified(both("before"), project), text));
    }
    s.try_by("nobody", with_receipt(with_password(second, project), "{receipt}"));
    let other = json!({"id": "{reader}", "password": PASSWORD});
    s.try_by("nobody", with_receipt(with_password(other, &json!("unscoped")), "{receipt}"));
    // A receipt is no token.
    s.by("admin", 404, get("/v3/auth/tokens").header("X-Subject-Token", "{receipt}"));
    s.try_by("nobody", with_token("{receipt}", &Value::Null));
}

fn switched_off(s: &mut Session) {
    for enabled in [json!(false), json!(true), Value::Null] {
        let options = json!({"multi_factor_auth_enabled": enabled});
        s.admin(200, patch("/v3/users/{tech}", json!({"user": {"options": options}})));
        s.try_by("nobody", with_password(tech(), &Value::Null));
    }
    rules(s, Value::Null);
    s.try_by("nobody", with_password(tech(), &Value::Null));
}

fn bad_rules(s: &mut Session) {
    for rule in [
        json!("password"),
        json!(["password"]),
        json!([[]]),
        json!([]),
        json!([["password", "password"]]),
        json!([["password"], ["password"]]),
        json!([[5]]),
        json!({}),
    ] {
        let options = json!({"multi_factor_auth_rules": rule});
        s.try_by("admin", patch("/v3/users/{tech}", json!({"user": {"options": options}})));
    }
    s.try_by("nobody", with_password(tech(), &Value::Null));
}

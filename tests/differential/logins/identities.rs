//! Users, named in all ways with all passwords, and the methods of an identity.

use serde_json::{Value, json};

use super::super::request::{identified, with_password};
use super::super::session::Session;
use super::{ask, pilot};
use crate::support::callers::PASSWORD;

pub fn users(s: &mut Session) {
    for user in ["pilot", "shut_user", "user_in_shut", "no_password"] {
        for password in [PASSWORD, "wrong", ""] {
            ask(s, with_password(json!({"id": format!("{{{user}}}"), "password": password}), &Value::Null));
        }
    }
    let by_name = |domain: Value| json!({"name": "logins-pilot", "domain": domain, "password": PASSWORD});
    for domain in [
        json!({"id": "{home}"}),
        json!({"name": "home"}),
        json!({"id": "{home}", "name": "home"}),
        json!({"id": "none", "name": "home"}),
        json!({"id": "{home}", "name": "none"}),
        json!({"id": "{home}", "name": ""}),
        json!({"id": "{away}"}),
        json!({"name": "none"}),
        json!({"id": "none"}),
        json!({"name": ""}),
        json!({"id": ""}),
        json!({}),
        json!("home"),
        json!([]),
        json!({"id": 5}),
        json!({"id": null, "name": "home"}),
        Value::Null,
    ] {
        ask(s, with_password(by_name(domain), &Value::Null));
    }
    let home = json!({"id": "{home}"});
    for user in [
        json!({"name": "none", "domain": home, "password": PASSWORD}),
        json!({"id": "none", "password": PASSWORD}),
        json!({"name": "logins-pilot", "password": PASSWORD}),
        json!({"id": "{pilot}", "name": "logins-pilot", "password": PASSWORD}),
        json!({"id": "{pilot}", "name": "none", "domain": home, "password": PASSWORD}),
        json!({"id": "none", "name": "logins-pilot", "domain": home, "password": PASSWORD}),
        json!({"id": "{reader}", "name": "logins-pilot", "domain": home, "password": PASSWORD}),
        json!({"id": "{pilot}", "domain": {"id": "none"}, "password": PASSWORD}),
        json!({"id": "{pilot}", "domain": {}, "password": PASSWORD}),
        json!({"id": "", "password": PASSWORD}),
        json!({"name": "", "domain": home, "password": PASSWORD}),
        json!({"id": "", "name": "logins-pilot", "domain": home, "password": PASSWORD}),
        json!({"password": PASSWORD}),
        json!({}),
        json!({"id": "{pilot}"}),
        json!({"id": "none"}),
        json!({"id": "{pilot}", "password": null}),
        json!({"id": "{pilot}", "password": 5}),
        json!({"id": "{pilot}", "password": "x".repeat(5000)}),
        json!({"id": "{pilot}", "password": PASSWORD, "more": 1}),
        json!({"id": 5, "password": PASSWORD}),
        json!({"id": null, "password": PASSWORD}),
        json!({"name": 5, "domain": home, "password": PASSWORD}),
        json!({"name": " logins-pilot", "domain": home, "password": PASSWORD}),
        json!([]),
        json!("pilot"),
        Value::Null,
    ] {
        ask(s, with_password(user, &Value::Null));
    }
}

pub fn methods(s: &mut Session) {
    let password = json!({ "user": pilot() });
    s.keep_login("pilot_unscoped", with_password(pilot(), &json!("unscoped")));
    s.keep_login(
        "reader_unscoped",
        with_password(json!({"id": "{reader}", "password": PASSWORD}), &json!("unscoped")),
    );
    let token = json!({"id": "{token.pilot_unscoped}"});
    let others = json!({"id": "{token.reader_unscoped}"});
    for identity in [
        json!({"methods": []}),
        json!({"methods": null}),
        json!({"methods": "password", "password": password}),
        json!({"methods": [5], "password": password}),
        json!({"methods": ["password", "password"], "password": password}),
        json!({"password": password}),
        json!({"methods": ["password"]}),
        json!({"methods": ["password"], "password": null}),
        json!({"methods": ["password"], "password": "x"}),
        json!({"methods": ["password"], "password": {}}),
        json!({"methods": ["none"]}),
        json!({"methods": ["none"], "none": {}}),
        json!({"methods": ["password", "none"], "password": password, "none": {}}),
        json!({"methods": ["totp"], "totp": {"user": {"id": "{pilot}", "passcode": "1"}}}),
        json!({"methods": ["external"]}),
        json!({"methods": ["external"], "external": {}}),
        json!({"methods": ["password", "external"], "password": password, "external": {}}),
        json!({"methods": ["token"]}),
        json!({"methods": ["token"], "token": {}}),
        json!({"methods": ["token"], "token": {"id": null}}),
        json!({"methods": ["token"], "token": {"id": ""}}),
        json!({"methods": ["token"], "token": {"id": "forged"}}),
        json!({"methods": ["token"], "token": token}),
        json!({"methods": ["token", "password"], "token": token, "password": password}),
        json!({"methods": ["password", "token"], "token": token, "password": password}),
        json!({"methods": ["password", "token"], "token": others, "password": password}),
        json!({"methods": ["token", "password"], "token": others, "password": password}),
        json!({"methods": ["password", "token"], "token": {"id": "forged"}, "password": password}),
        json!({"methods": ["password"], "token": {"id": "forged"}, "password": password}),
        json!({"methods": ["password"], "token": {}, "password": password}),
        json!({"methods": ["token"], "token": token, "password": {"user": {}}}),
        json!({"methods": ["token"], "token": token, "password": 5}),
        json!({"methods": ["password"], "password": password, "more": 1}),
    ] {
        ask(s, identified(identity, &Value::Null));
    }
}

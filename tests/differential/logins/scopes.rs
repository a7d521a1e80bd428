//! Scopes of all forms.

use serde_json::json;

use super::super::request::with_password;
use super::super::session::Session;
use super::{ask, pilot};
use crate::support::callers::PASSWORD;

pub fn scopes(s: &mut Session) {
    let home = json!({"id": "{home}"});
    for scope in [
        json!({"project": {"id": "{hangar}"}}),
        json!({"project": {"id": "{inner}"}}),
        json!({"project": {"id": "{other_project}"}}),
        json!({"project": {"id": "{shut_project}"}}),
        json!({"project": {"id": "{project_in_shut}"}}),
        json!({"project": {"id": "none"}}),
        json!({"project": {"id": ""}}),
        json!({"project": {"id": 5}}),
        json!({"project": {"id": "{home}"}}),
        json!({"project": {"name": "logins-hangar", "domain": home}}),
        json!({"project": {"name": "logins-hangar", "domain": {"name": "home"}}}),
        json!({"project": {"name": "logins-hangar", "domain": {"id": "none"}}}),
        json!({"project": {"name": "logins-hangar", "domain": {"name": "none"}}}),
        json!({"project": {"name": "logins-hangar", "domain": {}}}),
        json!({"project": {"name": "logins-hangar", "domain": null}}),
        json!({"project": {"name": "logins-hangar", "domain": "home"}}),
        json!({"project": {"name": "logins-hangar"}}),
        json!({"project": {"name": "logins-shut", "domain": home}}),
        json!({"project": {"name": "logins-in-shut", "domain": {"id": "{shut}"}}}),
        json!({"project": {"name": "none", "domain": home}}),
        json!({"project": {"name": "home", "domain": home}}),
        json!({"project": {"id": "{hangar}", "domain": {"id": "none"}}}),
        json!({"project": {"id": "{hangar}", "name": "none"}}),
        json!({"project": {}}),
        json!({"project": null}),
        json!({"project": "hangar"}),
        json!({"domain": {"id": "{home}"}}),
        json!({"domain": {"name": "home"}}),
        json!({"domain": {"id": "{away}"}}),
        json!({"domain": {"id": "{shut}"}}),
        json!({"domain": {"name": "logins-shut"}}),
        json!({"domain": {"id": "none"}}),
        json!({"domain": {"id": "{hangar}"}}),
        json!({"domain": {}}),
        json!({"domain": null}),
        json!({"system": {"all": true}}),
        json!({"system": {"all": false}}),
        json!({"system": {}}),
        json!({"system": null}),
        json!({"system": "all"}),
        json!("unscoped"),
        json!({"unscoped": {}}),
        json!({"unscoped": null}),
        json!("system"),
        json!("none"),
        json!(""),
        json!({}),
        json!([]),
        json!(5),
        json!({"none": {}}),
        json!({"project": {"id": "{hangar}"}, "domain": home}),
        json!({"project": {"id": "{hangar}"}, "unscoped": {}}),
        json!({"project": {"id": "{hangar}"}, "none": {}}),
        json!({"OS-TRUST:trust": {"id": "none"}}),
        json!({"OS-TRUST:trust": {}}),
    ] {
        ask(s, with_password(pilot(), &scope));
    }
    let roleless = json!({"id": "{reader}", "password": PASSWORD});
    for scope in [json!({"project": {"id": "{hangar}"}}), json!({"domain": {"id": "{away}"}})] {
        ask(s, with_password(roleless.clone(), &scope));
    }
}

//! `/v3/roles`, and what they imply

use axum::http::Method;
use serde_json::json;

use super::row::{Row, Step, changes, creates, deletes, puts, reads, row};
use super::{ADMINS, ADMINS_BUT_OF_DOMAIN, SYSTEM_ADMIN, SYSTEM_READERS};
use crate::world::{Caller, Request, post, put};

/// Managers of anything: they may look at the roles that they may grant.
const MANAGERS: &[Caller] = &["project_manager", "domain_manager", "away_manager"];

pub fn rows() -> Vec<Row> {
    const ONE: &str = "/v3/roles/{role_id}";
    let some = || json!({"role": {"name": "some{n}"}});
    let of_home = || json!({"role": {"name": "some{n}", "domain_id": "{home}"}});
    let other = || json!({"role": {"description": "other"}});
    vec![
        reads("/v3/roles")
            .rule("identity:list_roles")
            .allows(ADMINS)
            .allows(SYSTEM_READERS)
            .allows(&["domain_manager", "away_manager"])
            .bad_query("name=", "name"),
        reads("/v3/roles")
            .label("of a domain")
            .query("domain_id={home}")
            .rule("identity:list_domain_roles")
            .allows(ADMINS_BUT_OF_DOMAIN)
            .allows(SYSTEM_READERS),
        creates("/v3/roles", some())
            .rule("identity:create_role")
            .allows(ADMINS_BUT_OF_DOMAIN)
            .bad(json!({"role": {}}), "name")
            .bad(json!({"role": {"name": 5}}), "name")
            .bad(json!({"role": {"name": "n", "options": {"immutable": "perhaps"}}}), "immutable")
            .case("under a name that is taken", SYSTEM_ADMIN, like_admin, 409, "admin"),
        creates("/v3/roles", of_home())
            .label("of a domain")
            .rule("identity:create_domain_role")
            .allows(ADMINS_BUT_OF_DOMAIN),
        reads(ONE)
            .label("that managers may grant")
            .rule("identity:get_role")
            .allows(ADMINS)
            .allows(SYSTEM_READERS)
            .allows(MANAGERS),
        reads(ONE)
            .label("that managers may not grant")
            .with("role_id", "{role_service}")
            .rule("identity:get_role")
            .allows(ADMINS)
            .allows(SYSTEM_READERS),
        reads(ONE)
            .label("of a domain")
            .given("role_id", "/v3/roles", of_home())
            .rule("identity:get_domain_role")
            .allows(ADMINS_BUT_OF_DOMAIN)
            .allows(SYSTEM_READERS),
        changes(ONE, other())
            .given("role_id", "/v3/roles", some())
            .rule("identity:update_role")
            .allows(ADMINS_BUT_OF_DOMAIN)
            .bad(json!({"role": {}}), "role")
            .bad(json!({"role": {"name": ""}}), "name")
            .bad(json!({"role": {"domain_id": "{home}"}}), "domain_id"),
        changes(ONE, other())
            .label("of a domain")
            .given("role_id", "/v3/roles", of_home())
            .rule("identity:update_domain_role")
            .allows(ADMINS_BUT_OF_DOMAIN),
        deletes(ONE)
            .given("role_id", "/v3/roles", some())
            .rule("identity:delete_role")
            .allows(ADMINS_BUT_OF_DOMAIN),
        deletes(ONE)
            .label("of a domain")
            .given("role_id", "/v3/roles", of_home())
            .rule("identity:delete_domain_role")
            .allows(ADMINS_BUT_OF_DOMAIN),
    ]
}

fn like_admin(request: Request) -> Request {
    request.body(json!({"role": {"name": "admin"}}))
}

/// `/v3/roles/{role_id}/implies` and `/v3/role_inferences`
pub fn implied() -> Vec<Row> {
    const ONE: &str = "/v3/roles/{role_id}/implies/{implied_role_id}";
    let some = || json!({"role": {"name": "some{n}"}});
    let made = |row: Row| {
        row.given("role_id", "/v3/roles", some())
            .before(Step::Make("implied_role_id", post("/v3/roles", some())))
            .with("implied_role_id", "{implied_role_id}")
    };
    let implies = || Step::Do(put(ONE));
    vec![
        reads("/v3/roles/{role_id}/implies")
            .rule("identity:list_implied_roles")
            .allows(ADMINS_BUT_OF_DOMAIN)
            .allows(SYSTEM_READERS),
        reads(ONE)
            .with("implied_role_id", "{role_reader}")
            .without_head()
            .rule("identity:get_implied_role")
            .allows(ADMINS_BUT_OF_DOMAIN)
            .allows(SYSTEM_READERS),
        row(Method::HEAD, ONE, 204)
            .with("implied_role_id", "{role_reader}")
            .rule("identity:check_implied_role")
            .rule("identity:get_implied_role")
            .allows(ADMINS_BUT_OF_DOMAIN)
            .allows(SYSTEM_READERS),
        made(puts(ONE).status(201)).rule("identity:create_implied_role").allows(ADMINS_BUT_OF_DOMAIN),
        made(deletes(ONE))
            .before(implies())
            .rule("identity:delete_implied_role")
            .allows(ADMINS_BUT_OF_DOMAIN),
        reads("/v3/role_inferences")
            .rule("identity:list_role_inference_rules")
            .allows(ADMINS_BUT_OF_DOMAIN)
            .allows(SYSTEM_READERS),
    ]
}

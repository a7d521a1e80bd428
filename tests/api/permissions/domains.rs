//! `/v3/domains`

use serde_json::json;

use super::row::{Row, changes, creates, deletes, reads};
use super::{ADMINS_BUT_OF_DOMAIN, DOMAIN_READERS, IN_PROJECT, SYSTEM_READERS};
use crate::world::Request;

pub fn rows() -> Vec<Row> {
    let some = || json!({"domain": {"name": "some{n}", "enabled": false}});
    vec![
        // Whose token is of a domain sees that.
        reads("/v3/domains")
            .rule("identity:list_domains")
            .allows(super::ADMINS)
            .allows(SYSTEM_READERS)
            .allows(DOMAIN_READERS)
            .allows(&["away_manager"])
            .bad_query("enabled=perhaps", "enabled"),
        creates("/v3/domains", some())
            .rule("identity:create_domain")
            .allows(ADMINS_BUT_OF_DOMAIN)
            .bad(json!({"domain": {}}), "name")
            .bad(json!({"domain": {"name": "n", "enabled": "perhaps"}}), "enabled")
            .bad(json!({"domain": {"name": "n", "explicit_domain_id": "x"}}), "ID")
            .case("under a name that is taken", "system_admin", like_home, 409, "home"),
        // A token of the domain, or of a project in it, shows it.
        reads("/v3/domains/{domain_id}")
            .rule("identity:get_domain")
            .allows(super::ADMINS)
            .allows(SYSTEM_READERS)
            .allows(DOMAIN_READERS)
            .allows(IN_PROJECT),
        changes("/v3/domains/{domain_id}", json!({"domain": {"description": "other"}}))
            .given("domain_id", "/v3/domains", some())
            .rule("identity:update_domain")
            .allows(ADMINS_BUT_OF_DOMAIN)
            .bad(json!({"domain": {"name": ""}}), "name")
            .bad(json!({"domain": {"enabled": "perhaps"}}), "enabled"),
        deletes("/v3/domains/{domain_id}")
            .given("domain_id", "/v3/domains", some())
            .rule("identity:delete_domain")
            .allows(ADMINS_BUT_OF_DOMAIN),
    ]
}

fn like_home(request: Request) -> Request {
    request.body(json!({"domain": {"name": "home"}}))
}

//! `/v3/users`

use serde_json::json;

use super::row::{Row, changes, creates, deletes, reads, row};
use super::{ADMINS, DOMAIN_READERS, SYSTEM_READERS};
use crate::world::Request;

pub fn rows() -> Vec<Row> {
    let someone = || json!({"user": {"name": "someone{n}", "domain_id": "{home}", "password": "old"}});
    let in_away = || json!({"user": {"name": "someone{n}", "domain_id": "{away}"}});
    vec![
        // Whose token is of a domain sees the users of that.
        reads("/v3/users")
            .rule("identity:list_users")
            .allows(ADMINS)
            .allows(SYSTEM_READERS)
            .allows(DOMAIN_READERS)
            .allows(&["away_manager"])
            .bad_query("enabled=perhaps", "enabled"),
        creates("/v3/users", someone())
            .rule("identity:create_user")
            .allows(ADMINS)
            .allows(&["domain_manager"])
            .bad(json!({"user": {"domain_id": "{home}"}}), "name")
            .bad(json!({"user": {"name": 5}}), "name")
            .bad(json!({"user": {"name": "n", "enabled": "perhaps"}}), "enabled")
            .bad(json!({"user": {"name": "n", "password": 5}}), "password")
            .bad(json!({"user": {"name": "n", "options": {"lock_password": "perhaps"}}}), "lock_password")
            .case("in a domain that there is not", "system_admin", in_nowhere, 404, "domain")
            .case("under a name that is taken", "system_admin", of_owner, 409, "owner"),
        creates("/v3/users", in_away())
            .label("in another domain")
            .rule("identity:create_user")
            .allows(ADMINS)
            .allows(&["away_manager"]),
        reads("/v3/users/{user_id}")
            .rule("identity:get_user")
            .allows(ADMINS)
            .allows(SYSTEM_READERS)
            .allows(DOMAIN_READERS)
            .allows(&["owner", "unscoped"]),
        changes("/v3/users/{user_id}", json!({"user": {"name": "other{n}"}}))
            .given("user_id", "/v3/users", someone())
            .rule("identity:update_user")
            .allows(ADMINS)
            .allows(&["domain_manager"])
            .bad(json!({"user": {}}), "user")
            .bad(json!({"user": {"name": ""}}), "name")
            .bad(json!({"user": {"domain_id": "{away}"}}), "Domain ID")
            .bad(json!({"user": {"id": "another"}}), "ID"),
        deletes("/v3/users/{user_id}")
            .given("user_id", "/v3/users", someone())
            .rule("identity:delete_user")
            .allows(ADMINS)
            .allows(&["domain_manager"]),
        // The old password is the proof.
        row(axum::http::Method::POST, "/v3/users/{user_id}/password", 204)
            .body(json!({"user": {"original_password": "old", "password": "new"}}))
            .given("user_id", "/v3/users", someone())
            .missing("user_id", 401)
            .public()
            .bad(json!({"user": {"original_password": "old"}}), "password")
            .bad(json!({"user": {"password": "new"}}), "original_password")
            .bad(json!({"user": {"original_password": "old", "password": 5}}), "password")
            .bad(json!({"user": {"original_password": "old", "password": "new", "name": "n"}}), "name")
            .case("with a wrong password", "owner", with_wrong_password, 401, "requires authentication"),
        reads("/v3/users/{user_id}/groups")
            .rule("identity:list_groups_for_user")
            .allows(ADMINS)
            .allows(SYSTEM_READERS)
            .allows(DOMAIN_READERS)
            .allows(&["owner", "unscoped"]),
        reads("/v3/users/{user_id}/projects")
            .rule("identity:list_user_projects")
            .allows(ADMINS)
            .allows(SYSTEM_READERS)
            .allows(DOMAIN_READERS)
            .allows(&["owner", "unscoped"]),
        deletes("/v3/users/{user_id}/tokens")
            .given("user_id", "/v3/users", someone())
            .rule("identity:revoke_tokens_for_user")
            .allows(ADMINS),
    ]
}

fn in_nowhere(request: Request) -> Request {
    request.body(json!({"user": {"name": "n", "domain_id": super::NOTHING}}))
}

fn of_owner(request: Request) -> Request {
    request.body(json!({"user": {"name": "owner", "domain_id": "{home}"}}))
}

fn with_wrong_password(request: Request) -> Request {
    request.body(json!({"user": {"original_password": "wrong", "password": "new"}}))
}

//! `/v3/groups`

use serde_json::json;

use super::row::{Row, changes, checks, creates, deletes, puts, reads};
use super::{ADMINS, DOMAIN_READERS, SYSTEM_READERS};
use crate::world::Request;

pub fn rows() -> Vec<Row> {
    let some = || json!({"group": {"name": "some{n}", "domain_id": "{home}"}});
    vec![
        // Whose token is of a domain sees the groups of that.
        reads("/v3/groups")
            .rule("identity:list_groups")
            .allows(ADMINS)
            .allows(SYSTEM_READERS)
            .allows(DOMAIN_READERS)
            .allows(&["away_manager"])
            .bad_query("sort_dir=up", "sort_dir"),
        creates("/v3/groups", some())
            .rule("identity:create_group")
            .allows(ADMINS)
            .allows(&["domain_manager"])
            .bad(json!({"group": {"domain_id": "{home}"}}), "name")
            .bad(json!({"group": {"name": ["n"]}}), "name")
            .bad(json!({"group": {"name": "n", "description": 5}}), "description")
            .case("in a domain that there is not", "system_admin", in_nowhere, 404, "domain")
            .case("under a name that is taken", "system_admin", like_team, 409, "team"),
        reads("/v3/groups/{group_id}")
            .rule("identity:get_group")
            .allows(ADMINS)
            .allows(SYSTEM_READERS)
            .allows(DOMAIN_READERS),
        changes("/v3/groups/{group_id}", json!({"group": {"description": "other"}}))
            .given("group_id", "/v3/groups", some())
            .rule("identity:update_group")
            .allows(ADMINS)
            .allows(&["domain_manager"])
            .bad(json!({"group": {}}), "group")
            .bad(json!({"group": {"name": ""}}), "name"),
        deletes("/v3/groups/{group_id}")
            .given("group_id", "/v3/groups", some())
            .rule("identity:delete_group")
            .allows(ADMINS)
            .allows(&["domain_manager"]),
    ]
}

fn in_nowhere(request: Request) -> Request {
    request.body(json!({"group": {"name": "n", "domain_id": super::NOTHING}}))
}

fn like_team(request: Request) -> Request {
    request.body(json!({"group": {"name": "team", "domain_id": "{home}"}}))
}

/// `/v3/groups/{group_id}/users`
pub fn members() -> Vec<Row> {
    const MEMBER: &str = "/v3/groups/{group_id}/users/{user_id}";
    let someone = || json!({"user": {"name": "someone{n}", "domain_id": "{home}"}});
    let from_away = || json!({"user": {"name": "someone{n}", "domain_id": "{away}"}});
    vec![
        reads("/v3/groups/{group_id}/users")
            .rule("identity:list_users_in_group")
            .allows(ADMINS)
            .allows(SYSTEM_READERS)
            .allows(DOMAIN_READERS)
            .bad_query("password_expires_at=soon", "Timestamp"),
        checks(MEMBER)
            .given("user_id", "/v3/users", someone())
            .after_put("/v3/groups/{team}/users/{user_id}")
            .rule("identity:check_user_in_group")
            .allows(ADMINS)
            .allows(SYSTEM_READERS)
            .allows(DOMAIN_READERS),
        puts(MEMBER)
            .given("user_id", "/v3/users", someone())
            .rule("identity:add_user_to_group")
            .allows(ADMINS)
            .allows(&["domain_manager"]),
        puts(MEMBER)
            .label("of a user of another domain")
            .given("user_id", "/v3/users", from_away())
            .rule("identity:add_user_to_group")
            .allows(ADMINS),
        deletes(MEMBER)
            .given("user_id", "/v3/users", someone())
            .after_put("/v3/groups/{team}/users/{user_id}")
            .rule("identity:remove_user_from_group")
            .allows(ADMINS)
            .allows(&["domain_manager"]),
    ]
}

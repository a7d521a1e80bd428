//! The callers that policy can distinguish.
//!
//! Their domain `home` holds the projects `project` and `other_project`, the users `owner`, `reader`, `member`,
//! `manager`, `admin_user`, `service_user` and the group `team`; the domain `away` holds `away_project`,
//! `away_user` and `away_group`. All these are names for requests: `/v3/users/{owner}`.

use serde_json::{Value, json};

use super::{TestApi, password_login, post, put, scoped};

/// The name of a caller, whose token is `{token_of_NAME}` in requests.
pub type Caller = &'static str;

/// All callers, those who may least first. Who has a role has it in the system, in `home` or in `project`.
pub const CALLERS: &[Caller] = &[
    // Without a token.
    "nobody",
    // With a token of its own making.
    "forger",
    // The token of the owner, after it was revoked.
    "revoked",
    "unscoped",
    "service",
    // A user with a role in `project` who is what the request is about, or has to do with it.
    "owner",
    "project_reader",
    "domain_reader",
    "system_reader",
    "project_member",
    "domain_member",
    "system_member",
    "away_manager",
    "project_manager",
    "domain_manager",
    "system_manager",
    "project_admin",
    "domain_admin",
    "system_admin",
];

/// The callers without a valid token: 401, whatever they ask for.
pub const STRANGERS: &[Caller] = &["nobody", "forger", "revoked"];

/// The password of all of them.
pub const PASSWORD: &str = "of the callers";
const ROLES: &[&str] = &["reader", "member", "manager", "admin"];

impl TestApi {
    /// A cluster with all callers.
    pub async fn with_callers() -> Self {
        let api = Self::start().await;
        for role in ROLES.iter().chain(&["service"]) {
            let found = api.admin(super::get(format!("/v3/roles?name={role}"))).await;
            api.names.set(&format!("role_{role}"), found.body["roles"][0]["id"].as_str().unwrap());
        }
        for domain in ["home", "away"] {
            api.make(domain, post("/v3/domains", json!({"domain": {"name": domain}}))).await;
        }
        for (name, domain) in [("project", "home"), ("other_project", "home"), ("away_project", "away")] {
            let project = json!({"name": name, "domain_id": format!("{{{domain}}}")});
            api.make(name, post("/v3/projects", json!({"project": project}))).await;
        }
        for (name, domain) in [("team", "home"), ("away_group", "away")] {
            let group = json!({"name": name, "domain_id": format!("{{{domain}}}")});
            api.make(name, post("/v3/groups", json!({"group": group}))).await;
        }
        for name in ["owner", "reader", "member", "manager", "admin_user", "service_user"] {
            api.make_user(name, "home").await;
        }
        api.make_user("away_user", "away").await;
        for role in ROLES {
            let user = if *role == "admin" { "admin_user" } else { role };
            for (place, kind, scope) in places() {
                api.admin(put(format!("/v3/{place}/users/{{{user}}}/roles/{{role_{role}}}"))).await;
                api.enter(&format!("{kind}_{role}"), user, &scope).await;
            }
        }
        let project = json!({"project": {"id": "{project}"}});
        api.admin(put("/v3/projects/{project}/users/{owner}/roles/{role_member}")).await;
        api.enter("owner", "owner", &project).await;
        api.enter("unscoped", "owner", &json!("unscoped")).await;
        api.enter("revoked", "owner", &project).await;
        api.admin(super::delete("/v3/auth/tokens").about("{token_of_revoked}")).await;
        api.admin(put("/v3/projects/{project}/users/{service_user}/roles/{role_service}")).await;
        api.enter("service", "service_user", &project).await;
        api.admin(put("/v3/domains/{away}/users/{away_user}/roles/{role_manager}")).await;
        api.enter("away_manager", "away_user", &json!({"domain": {"id": "{away}"}})).await;
        api.names.set("token_of_forger", "gAAAAABnotatokenatall");
        api
    }

    async fn make_user(&self, name: &str, domain: &str) {
        let user = json!({"name": name, "domain_id": format!("{{{domain}}}"), "password": PASSWORD});
        self.make(name, post("/v3/users", json!({"user": user}))).await;
    }

    /// Logs a user in, as the caller of this name.
    async fn enter(&self, caller: &str, user: &str, scope: &Value) {
        let login = password_login(json!({"id": format!("{{{user}}}")}), PASSWORD);
        let token = self.log_in(scoped(login, scope.clone())).await;
        self.names.set(&format!("token_of_{caller}"), token);
    }
}

/// The targets of grants, their kinds, and the scope of a token there.
fn places() -> [(&'static str, &'static str, Value); 3] {
    [
        ("system", "system", json!({"system": {"all": true}})),
        ("domains/{home}", "domain", json!({"domain": {"id": "{home}"}})),
        ("projects/{project}", "project", json!({"project": {"id": "{project}"}})),
    ]
}

//! A world with the callers that policy can distinguish. The token of each is `{token_of_NAME}` in requests.

use serde_json::{Value, json};

use super::{TestApi, delete, get, password_login, post, put, scoped};
use crate::callers::{FORGED_TOKEN, PASSWORD, REVOKED, Step, steps};

impl TestApi {
    /// A cluster with all callers.
    pub async fn with_callers() -> Self {
        let api = Self::start().await;
        for step in steps() {
            api.take(step).await;
        }
        api.enter(REVOKED, "owner", json!({"project": {"id": "{project}"}})).await;
        api.admin(delete("/v3/auth/tokens").about("{token_of_revoked}")).await;
        api.names.set("token_of_forger", FORGED_TOKEN);
        api
    }

    async fn take(&self, step: Step) {
        match step {
            Step::FindRole(role) => {
                let found = self.admin(get(format!("/v3/roles?name={role}"))).await;
                self.names.set(&format!("role_{role}"), found.body["roles"][0]["id"].as_str().unwrap());
            }
            Step::Make { name, path, body } => drop(self.make(name, post(path, body)).await),
            Step::Grant(path) => drop(self.admin(put(path)).await),
            Step::LogIn { caller, user, scope } => self.enter(&caller, user, scope).await,
        }
    }

    /// Logs a user in, as the caller of this name.
    async fn enter(&self, caller: &str, user: &str, scope: Value) {
        let login = password_login(json!({"id": format!("{{{user}}}")}), PASSWORD);
        self.names.set(&format!("token_of_{caller}"), self.log_in(scoped(login, scope)).await);
    }
}

use serde_json::{Value, json};

use super::{Transcript, with_place};
use crate::world::{TestApi, delete, get, password_login, patch, post, put, scoped, token_login};

/// The user alice, with a role in a project, in the domain `place` and in the system.
async fn with_alice() -> TestApi {
    let api = with_place().await;
    let user = json!({"user": {"name": "alice", "domain_id": "{place}", "password": "secret"}});
    api.make("alice", post("/v3/users", user)).await;
    api.make("work", post("/v3/projects", json!({"project": {"name": "work", "domain_id": "{place}"}})))
        .await;
    api.make("painter", post("/v3/roles", json!({"role": {"name": "painter"}}))).await;
    for place in ["projects/{work}", "domains/{place}", "system"] {
        api.admin(put(format!("/v3/{place}/users/{{alice}}/roles/{{painter}}"))).await;
    }
    api
}

fn login() -> Value {
    password_login(json!({"id": "{alice}"}), "secret")
}

#[tokio::test]
async fn responses_about_tokens_match_their_transcript() {
    let api = with_alice().await;
    let mut transcript = Transcript::new(&api);
    let tokens = "/v3/auth/tokens";
    for scope in [
        json!("unscoped"),
        json!({"project": {"id": "{work}"}}),
        json!({"domain": {"name": "place"}}),
        json!({"system": {"all": true}}),
    ] {
        let issued = transcript.send("nobody", post(tokens, scoped(login(), scope))).await;
        api.names.set("token", issued.token());
        transcript.admin(get(tokens).about("{token}")).await;
        for reach in ["catalog", "projects", "domains", "system"] {
            transcript.send("alice", get(format!("/v3/auth/{reach}")).by("{token}")).await;
        }
    }
    transcript.send("alice", get(tokens).by("{token}").about("{token}")).await;
    let named = password_login(json!({"name": "alice", "domain": {"name": "place"}}), "secret");
    let named = scoped(named, json!({"project": {"name": "work", "domain": {"name": "place"}}}));
    let issued = transcript.send("nobody", post(format!("{tokens}?nocatalog"), named)).await;
    api.names.set("token", issued.token());
    transcript.send("nobody", post(tokens, token_login("{token}"))).await;
    transcript.admin(delete(tokens).about("{token}")).await;
    transcript.admin(get(tokens).about("{token}")).await;
    transcript.send("alice", get("/v3/auth/projects").by("{token}")).await;
    transcript.admin(get("/v3/OS-REVOKE/events")).await;
    transcript.compare("tokens");
}

#[tokio::test]
async fn responses_about_log_ins_that_fail_match_their_transcript() {
    let api = with_alice().await;
    let mut transcript = Transcript::new(&api);
    let methods = json!({"auth": {"identity": {"methods": ["carrier pigeon"]}}});
    for body in [
        json!({}),
        json!({"auth": {}}),
        json!({"auth": {"identity": {"methods": ["password"]}}}),
        methods,
        password_login(json!({"id": "{alice}"}), "wrong"),
        password_login(json!({"id": "nobody"}), "secret"),
        password_login(json!({"name": "alice"}), "secret"),
        scoped(login(), json!({"project": {"id": "nothing"}})),
        scoped(login(), json!({"domain": {"id": "default"}})),
        token_login("nothing"),
    ] {
        transcript.send("nobody", post("/v3/auth/tokens", body)).await;
    }
    let rules = json!({"user": {"options": {"multi_factor_auth_rules": [["password", "token"]]}}});
    transcript.admin(patch("/v3/users/{alice}", rules)).await;
    transcript.send("nobody", post("/v3/auth/tokens", login())).await;
    transcript.compare("log_ins");
}

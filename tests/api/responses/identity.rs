use serde_json::json;

use super::{Life, Transcript, with_place};
use crate::world::{delete, get, patch, post, put};

#[tokio::test]
async fn responses_about_users_match_their_transcript() {
    let api = with_place().await;
    let mut transcript = Transcript::new(&api);
    let life = Life {
        kind: "user",
        create: json!({
            "name": "alice", "domain_id": "{place}", "password": "secret", "email": "alice@keystone.test",
            "description": "somebody", "options": {"ignore_password_expiry": true},
        }),
        update: json!({"name": "bob", "enabled": false, "email": "bob@keystone.test"}),
        query: "domain_id={place}",
        bad: json!({"name": "carol", "enabled": "perhaps"}),
    };
    life.write(&mut transcript).await;
    transcript.admin(get("/v3/users/{user}/groups")).await;
    transcript.admin(get("/v3/users/{user}/projects")).await;
    let change = json!({"user": {"original_password": "secret", "password": "other"}});
    transcript.send("nobody", post("/v3/users/{user}/password", change.clone())).await;
    transcript.admin(patch("/v3/users/{user}", json!({"user": {"enabled": true}}))).await;
    transcript.send("nobody", post("/v3/users/{user}/password", change)).await;
    transcript.admin(delete("/v3/users/{user}/tokens")).await;
    Life::end("user", &mut transcript).await;
    transcript.compare("users");
}

#[tokio::test]
async fn responses_about_groups_and_their_members_match_their_transcript() {
    let api = with_place().await;
    let mut transcript = Transcript::new(&api);
    let life = Life {
        kind: "group",
        create: json!({"name": "team", "domain_id": "{place}", "description": "some"}),
        update: json!({"name": "crew", "since": "always"}),
        query: "domain_id={place}",
        bad: json!({"name": 5}),
    };
    life.write(&mut transcript).await;
    let user = json!({"user": {"name": "alice", "domain_id": "{place}"}});
    transcript.make("alice", post("/v3/users", user)).await;
    let member = "/v3/groups/{group}/users/{alice}";
    transcript.admin(get(member)).await;
    transcript.admin(put(member)).await;
    transcript.admin(get(member)).await;
    transcript.admin(get("/v3/groups/{group}/users")).await;
    transcript.admin(get("/v3/users/{alice}/groups")).await;
    transcript.admin(delete(member)).await;
    transcript.admin(delete(member)).await;
    Life::end("group", &mut transcript).await;
    transcript.compare("groups");
}

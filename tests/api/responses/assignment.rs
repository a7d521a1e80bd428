use serde_json::json;

use super::{Life, Transcript, with_place};
use crate::world::{delete, get, post, put};

#[tokio::test]
async fn responses_about_roles_and_what_they_imply_match_their_transcript() {
    let api = with_place().await;
    let mut transcript = Transcript::new(&api);
    let life = Life {
        kind: "role",
        create: json!({"name": "painter", "description": "paints", "colour": "blue"}),
        update: json!({"name": "drawer"}),
        query: "name=painter",
        bad: json!({"name": "other", "options": {"immutable": "perhaps"}}),
    };
    life.write(&mut transcript).await;
    transcript
        .make("of_place", post("/v3/roles", json!({"role": {"name": "guest", "domain_id": "{place}"}})))
        .await;
    transcript.admin(get("/v3/roles?domain_id={place}&name=guest")).await;
    transcript.make("implied", post("/v3/roles", json!({"role": {"name": "viewer"}}))).await;
    let one = "/v3/roles/{role}/implies/{implied}";
    transcript.admin(get(one)).await;
    transcript.admin(put(one)).await;
    transcript.admin(put(one)).await;
    transcript.admin(get(one)).await;
    transcript.admin(get("/v3/roles/{role}/implies")).await;
    transcript.admin(get("/v3/role_inferences")).await;
    transcript.admin(delete(one)).await;
    Life::end("role", &mut transcript).await;
    transcript.compare("roles");
}

#[tokio::test]
async fn responses_about_grants_and_assignments_match_their_transcript() {
    let api = with_place().await;
    for (name, path, body) in [
        ("alice", "/v3/users", json!({"user": {"name": "alice", "domain_id": "{place}"}})),
        ("team", "/v3/groups", json!({"group": {"name": "team", "domain_id": "{place}"}})),
        ("work", "/v3/projects", json!({"project": {"name": "work", "domain_id": "{place}"}})),
        ("role", "/v3/roles", json!({"role": {"name": "painter"}})),
    ] {
        api.make(name, post(path, body)).await;
    }
    let mut transcript = Transcript::new(&api);
    let direct = ["projects/{work}/users/{alice}", "domains/{place}/groups/{team}", "system/users/{alice}"];
    for place in direct {
        let one = format!("/v3/{place}/roles/{{role}}");
        transcript.admin(get(&one)).await;
        transcript.admin(put(&one)).await;
        transcript.admin(get(&one)).await;
        transcript.admin(get(format!("/v3/{place}/roles"))).await;
    }
    let inherited = "/v3/OS-INHERIT/domains/{place}/users/{alice}/roles";
    let one = format!("{inherited}/{{role}}/inherited_to_projects");
    transcript.admin(put(&one)).await;
    transcript.admin(get(&one)).await;
    transcript.admin(get(format!("{inherited}/inherited_to_projects"))).await;
    for query in ["role.id={role}", "user.id={alice}&effective", "scope.project.id={work}&include_names"] {
        transcript.admin(get(format!("/v3/role_assignments?{query}"))).await;
    }
    transcript.admin(get("/v3/role_assignments?user.id=u&group.id=g")).await;
    transcript.admin(put("/v3/projects/{work}/users/nobody/roles/{role}")).await;
    for place in direct {
        let one = format!("/v3/{place}/roles/{{role}}");
        transcript.admin(delete(&one)).await;
        transcript.admin(delete(&one)).await;
    }
    transcript.admin(delete(&one)).await;
    transcript.compare("grants");
}

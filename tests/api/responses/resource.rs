use serde_json::json;

use super::{Life, Transcript, with_place};
use crate::world::{delete, get, patch, post, put};

#[tokio::test]
async fn responses_about_domains_match_their_transcript() {
    let api = with_place().await;
    let mut transcript = Transcript::new(&api);
    let life = Life {
        kind: "domain",
        create: json!({"name": "home", "description": "of somebody", "colour": "blue"}),
        update: json!({"name": "house"}),
        query: "name=home",
        bad: json!({"name": "other", "enabled": 5}),
    };
    life.write(&mut transcript).await;
    transcript.admin(delete("/v3/domains/{domain}")).await;
    transcript.admin(patch("/v3/domains/{domain}", json!({"domain": {"enabled": false}}))).await;
    Life::end("domain", &mut transcript).await;
    transcript.compare("domains");
}

#[tokio::test]
async fn responses_about_projects_and_their_tags_match_their_transcript() {
    let api = with_place().await;
    let mut transcript = Transcript::new(&api);
    let life = Life {
        kind: "project",
        create: json!({"name": "work", "domain_id": "{place}", "tags": ["blue"], "colour": "blue"}),
        update: json!({"description": "of somebody", "colour": "green"}),
        query: "domain_id={place}",
        bad: json!({"name": "other", "tags": ["a,b"]}),
    };
    life.write(&mut transcript).await;
    let below = json!({"project": {"name": "part", "domain_id": "{place}", "parent_id": "{project}"}});
    transcript.make("part", post("/v3/projects", below)).await;
    transcript.admin(get("/v3/projects/{part}?parents_as_ids")).await;
    transcript.admin(get("/v3/projects/{project}?subtree_as_ids")).await;
    transcript.admin(delete("/v3/projects/{project}")).await;
    let tags = "/v3/projects/{part}/tags";
    transcript.admin(put(tags).body(json!({"tags": ["green", "blue"]}))).await;
    transcript.admin(put(format!("{tags}/red"))).await;
    transcript.admin(put(format!("{tags}/red"))).await;
    transcript.admin(get(tags)).await;
    transcript.admin(get(format!("{tags}/red"))).await;
    transcript.admin(delete(format!("{tags}/red"))).await;
    transcript.admin(get(format!("{tags}/red"))).await;
    transcript.admin(delete(tags)).await;
    transcript.admin(delete("/v3/projects/{part}")).await;
    Life::end("project", &mut transcript).await;
    transcript.compare("projects");
}

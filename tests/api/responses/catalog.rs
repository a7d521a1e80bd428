use serde_json::json;

use super::{Life, Transcript};
use crate::world::{TestApi, delete, get, post, put};

#[tokio::test]
async fn responses_about_regions_match_their_transcript() {
    let api = TestApi::start().await;
    let mut transcript = Transcript::new(&api);
    let life = Life {
        kind: "region",
        create: json!({"id": "north", "description": "where it is cold", "colour": "blue"}),
        update: json!({"description": "where it is colder", "parent_region_id": "RegionOne"}),
        query: "parent_region_id=RegionOne",
        bad: json!({"description": 5}),
    };
    life.write(&mut transcript).await;
    transcript.admin(get("/v3/regions")).await;
    transcript.admin(get("/v3/regions?name=north")).await;
    transcript.admin(put("/v3/regions/south").body(json!({"region": {}}))).await;
    transcript.admin(put("/v3/regions/west").body(json!({"region": {"id": "east"}}))).await;
    transcript.admin(delete("/v3/regions/RegionOne")).await;
    Life::end("region", &mut transcript).await;
    transcript.compare("regions");
}

#[tokio::test]
async fn responses_about_services_and_endpoints_match_their_transcript() {
    let api = TestApi::start().await;
    let mut transcript = Transcript::new(&api);
    let service = Life {
        kind: "service",
        create: json!({"type": "compute", "name": "nova", "description": "computes"}),
        update: json!({"name": "supernova", "enabled": false}),
        query: "type=compute",
        bad: json!({"type": 5}),
    };
    service.write(&mut transcript).await;
    let endpoint = Life {
        kind: "endpoint",
        create: json!({
            "service_id": "{service}", "interface": "public", "region_id": "RegionOne",
            "url": "http://nova.test/$(project_id)s",
        }),
        update: json!({"interface": "internal"}),
        query: "service_id={service}&interface=internal",
        bad: json!({"service_id": "{service}", "interface": "private", "url": "http://nova.test/"}),
    };
    endpoint.write(&mut transcript).await;
    let url = json!({"endpoint": {
        "service_id": "{service}", "interface": "public", "url": "http://nova.test/$(user_name)s",
    }});
    transcript.admin(post("/v3/endpoints", url)).await;
    Life::end("endpoint", &mut transcript).await;
    Life::end("service", &mut transcript).await;
    transcript.compare("services");
}

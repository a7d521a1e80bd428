use super::Transcript;
use crate::world::{TestApi, get, request};

#[tokio::test]
async fn responses_about_discovery_match_their_transcript() {
    let api = TestApi::start().await;
    let mut transcript = Transcript::new(&api);
    for path in ["/", "/v3", "/healthcheck", "/ready"] {
        transcript.send("nobody", get(path)).await;
    }
    transcript.send("nobody", get("/v3").header("Accept", "application/json-home")).await;
    transcript.send("nobody", request(axum::http::Method::OPTIONS, "/v3/users")).await;
    transcript.compare("discovery");
}

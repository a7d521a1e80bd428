use axum::http::Method;
use serde_json::json;

use super::Transcript;
use crate::world::{TestApi, get, patch, post, request};

#[tokio::test]
async fn responses_to_what_is_no_operation_match_their_transcript() {
    let api = TestApi::with_config("http.max_request_body_bytes = 1024").await;
    let mut transcript = Transcript::new(&api);
    transcript.send("nobody", get("/v3/nothing")).await;
    transcript.send("nobody", get("//v3//users")).await;
    transcript.send("nobody", request(Method::PATCH, "/v3/users")).await;
    transcript.send("nobody", request(Method::DELETE, "/v3")).await;
    transcript.admin(post("/v3/users", json!([]))).await;
    transcript.admin(post("/v3/users", json!({})).header("Content-Type", "text/plain")).await;
    transcript.admin(patch("/v3/users/u", json!({"user": {"name": "n".repeat(1024)}}))).await;
    transcript.send("nobody", get("/v3/users")).await;
    transcript.send("somebody", get("/v3/users").by("nothing")).await;
    transcript.compare("refusals");
}

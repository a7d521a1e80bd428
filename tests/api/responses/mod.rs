//! Whole responses of every resource, compared with those in `tests/api/snapshots`.
//!
//! Where a response is to change, `INSTA_UPDATE=always` writes the new ones, for a review by `git diff`.

mod assignment;
mod auth;
mod catalog;
mod discovery;
mod identity;
mod refusals;
mod resource;
mod transcript;

use serde_json::{Value, json};

use self::transcript::Transcript;
use crate::world::{TestApi, delete, get, patch, post};

/// The life of one resource: created, shown, listed, changed and deleted, and what fails in it.
struct Life {
    /// `region`
    kind: &'static str,
    /// The body of the creation.
    create: Value,
    /// The body of the change.
    update: Value,
    /// The query of the list.
    query: &'static str,
    /// A body that is no object of this kind.
    bad: Value,
}

impl Life {
    async fn write(self, transcript: &mut Transcript<'_>) {
        let Self { kind, create, update, query, bad } = self;
        let (all, one) = (format!("/v3/{kind}s"), format!("/v3/{kind}s/{{{kind}}}"));
        let body = |fields: Value| json!({kind: fields});
        transcript.make(kind, post(&all, body(create.clone()))).await;
        transcript.admin(post(&all, body(create))).await;
        transcript.admin(post(&all, body(bad))).await;
        transcript.admin(post(&all, json!({}))).await;
        transcript.admin(get(&one)).await;
        transcript.admin(get(format!("{all}?{query}"))).await;
        transcript.admin(patch(&one, body(update))).await;
        transcript.admin(patch(&one, body(json!({})))).await;
        transcript.send("nobody", get(&one)).await;
        transcript.admin(get(format!("{all}/nothing"))).await;
    }

    async fn end(kind: &str, transcript: &mut Transcript<'_>) {
        let one = format!("/v3/{kind}s/{{{kind}}}");
        transcript.admin(delete(&one)).await;
        transcript.admin(delete(&one)).await;
        transcript.admin(get(&one)).await;
    }
}

/// A world with a domain `place`, in which things are made.
async fn with_place() -> TestApi {
    let api = TestApi::start().await;
    api.make("place", post("/v3/domains", json!({"domain": {"name": "place"}}))).await;
    api
}

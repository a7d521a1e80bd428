//! The least that an HTTP server can do: the yardstick of `bench/run`.
//!
//! `hello ADDRESS BODY_BYTES` answers every `GET /` with a JSON body of that size and does nothing else,
//! on the HTTP stack that Keyraft stands on.

use std::error::Error;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use bytes::Bytes;

/// The quotes, colon and braces around what fills the body.
const FRAME: usize = r#"{"fill":""}"#.len();

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(size)) = (arguments.next(), arguments.next()) else {
        return Err("usage: hello ADDRESS BODY_BYTES".into());
    };
    let fill = size.parse::<usize>()?.saturating_sub(FRAME);
    let body = Bytes::from(format!(r#"{{"fill":"{}"}}"#, "x".repeat(fill)));
    let answer = get(async move || ([(CONTENT_TYPE, "application/json")], body.clone()));
    let listener = tokio::net::TcpListener::bind(address).await?;
    axum::serve(listener, Router::new().route("/", answer)).await?;
    Ok(())
}

//! The HTTP server: connections, and what is done to a request before it is routed.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, Uri, header};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::path;

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest head of a request: its line and its headers. The longest token is 16 KiB.
const MAX_HEAD_BYTES: usize = 128 * 1024;
/// How long requests in progress may take after a stop was asked for.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause after `accept` failed for want of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Who is at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// The address that the connection comes from.
    pub address: SocketAddr,
}

/// Serves until `stop` is cancelled, then lets requests in progress end.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let mut builder = Builder::new(TokioExecutor::new());
    // Without `pipeline_flush`: with it the refusal of what is no HTTP is never sent.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MAX_HEAD_BYTES);
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let router = router.clone();
        let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer { address });
            normalize_path(&mut request);
            let answer = router.clone().oneshot(request);
            async {
                let mut response = answer.await?;
                without_length_of_nothing(&mut response);
                Ok::<_, Infallible>(response)
            }
        });
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
        });
    }
    let drained = pin!(connections.shutdown());
    if tokio::time::timeout(DRAIN_TIMEOUT, drained).await.is_err() {
        tracing::warn!("requests were still in progress at the stop");
    }
}

/// The framework tells the length of what HEAD leaves out, also where there is nothing: RFC 9110, section 8.6,
/// forbids it for 204.
fn without_length_of_nothing(response: &mut Response<Body>) {
    if response.status() == StatusCode::NO_CONTENT {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
}

/// Keystone decodes a path before it routes it.
fn normalize_path(request: &mut Request<Body>) {
    let path = request.uri().path();
    let routed = path::routed(path);
    if routed == path {
        return;
    }
    let target = match request.uri().query() {
        Some(query) => format!("{routed}?{query}"),
        None => routed.into_owned(),
    };
    if let Ok(uri) = target.parse::<Uri>() {
        *request.uri_mut() = uri;
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn what_has_no_content_has_no_length() {
        let with_length = |status| {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = status;
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
            without_length_of_nothing(&mut response);
            response.headers().contains_key(header::CONTENT_LENGTH)
        };
        assert!(!with_length(StatusCode::NO_CONTENT));
        assert!(with_length(StatusCode::OK));
    }
}

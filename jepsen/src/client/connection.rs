//! A connection to a node over HTTP/1.1, kept open between requests.
//!
//! Nothing here tries again. A request was *not sent* only if no byte of it can have left: there was no connection to
//! send it on. In every other case in which the answer is missing, the request is *lost*: it may have been carried out,
//! or may still be.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use serde_json::Value as Json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::Request;

/// A node that does not take a connection within this time is out of reach.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// Answers are at most this long.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// Where a node listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Its API.
    Tcp(SocketAddr),
    /// Its admin socket.
    Unix(PathBuf),
}

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// The token in `X-Subject-Token`.
    pub token: Option<String>,
    /// Its body.
    pub bytes: Bytes,
}

impl Reply {
    /// The body; `Null` if it is no JSON.
    #[must_use]
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Nothing was sent.
    #[error("not sent: {0}")]
    NotSent(String),
    /// It was sent, at least in part, or may have been.
    #[error("sent, without an answer: {0}")]
    Lost(String),
}

/// A connection that is made when it is needed.
pub struct Connection {
    address: Address,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    /// Nothing is connected yet.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self { address, sender: None }
    }

    /// Sends one request and waits for the whole answer.
    ///
    /// # Errors
    /// There is none within the limit.
    pub async fn send(&mut self, request: &Request, limit: Duration) -> Result<Reply, SendError> {
        let mut sender = self.sender().await?;
        let answer = async {
            let response = sender.send_request(self.to_http(request)?).await.map_err(lost)?;
            let status = response.status().as_u16();
            let token = response.headers().get("x-subject-token").and_then(|value| value.to_str().ok());
            let token = token.map(ToOwned::to_owned);
            let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await.map_err(lost)?;
            Ok(Reply { status, token, bytes: body.to_bytes() })
        };
        let limited = tokio::time::timeout(limit, answer).await;
        let reply = limited.map_err(|_| SendError::Lost(format!("no answer within {limit:?}")))??;
        // After anything else the connection is dropped: an answer that comes late is none to the next request.
        self.sender = Some(sender);
        Ok(reply)
    }

    /// A connection that takes a request now: the one kept, unless it has been closed meanwhile, else a new one.
    async fn sender(&mut self) -> Result<SendRequest<Full<Bytes>>, SendError> {
        let kept = self.sender.take();
        let connect = async {
            if let Some(mut kept) = kept
                && kept.ready().await.is_ok()
            {
                return Ok(kept);
            }
            match &self.address {
                Address::Tcp(address) => {
                    let stream = TcpStream::connect(address).await.map_err(not_sent)?;
                    stream.set_nodelay(true).map_err(not_sent)?;
                    open(stream).await
                }
                Address::Unix(path) => open(UnixStream::connect(path).await.map_err(not_sent)?).await,
            }
        };
        let limited = tokio::time::timeout(CONNECT_LIMIT, connect).await;
        limited.map_err(|_| SendError::NotSent(format!("no connection within {CONNECT_LIMIT:?}")))?
    }

    fn to_http(&self, request: &Request) -> Result<hyper::Request<Full<Bytes>>, SendError> {
        let host = match &self.address {
            Address::Tcp(address) => address.to_string(),
            Address::Unix(_) => "keyraft".to_owned(),
        };
        let mut built =
            hyper::Request::builder().method(&request.method).uri(&request.path).header(HOST, host);
        for (name, value) in [("x-auth-token", &request.caller), ("x-subject-token", &request.subject)] {
            if let Some(value) = value {
                built = built.header(name, value);
            }
        }
        if request.body.is_some() {
            built = built.header(CONTENT_TYPE, "application/json");
        }
        built.body(Full::new(request.body.clone().unwrap_or_default())).map_err(not_sent)
    }
}

/// Speaks HTTP over a stream, as long as somebody holds what it returns.
async fn open(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<SendRequest<Full<Bytes>>, SendError> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(not_sent)?;
    tokio::spawn(connection);
    Ok(sender)
}

fn not_sent(error: impl std::fmt::Display) -> SendError {
    SendError::NotSent(error.to_string())
}

fn lost(error: impl std::fmt::Display) -> SendError {
    SendError::Lost(error.to_string())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(300);

    /// A server that does this with each request it has read, one connection after the other.
    async fn server(answers: &'static [&'static str]) -> (SocketAddr, tokio::task::JoinHandle<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = tokio::spawn(async move {
            let mut seen = 0;
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut read = [0; 4096];
                seen += usize::from(stream.read(&mut read).await.unwrap() > 0);
                match *answer {
                    "silence" => tokio::time::sleep(2 * LIMIT).await,
                    answer => stream.write_all(answer.as_bytes()).await.unwrap(),
                }
            }
            // Somebody who tries again would be counted.
            if let Ok(Ok((mut stream, _))) = tokio::time::timeout(LIMIT, listener.accept()).await {
                let mut read = [0; 4096];
                seen += usize::from(stream.read(&mut read).await.unwrap_or(0) > 0);
            }
            seen
        });
        (address, requests)
    }

    async fn send(address: SocketAddr) -> Result<Reply, SendError> {
        Connection::new(Address::Tcp(address)).send(&Request::get("/"), LIMIT).await
    }

    #[tokio::test]
    async fn a_refused_connection_has_sent_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert!(matches!(send(address).await, Err(SendError::NotSent(_))));
    }

    #[tokio::test]
    async fn a_request_without_an_answer_is_lost_and_not_sent_again() {
        for answer in ["", "silence", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhal"] {
            let answers: &'static [&'static str] = Box::leak(Box::new([answer]));
            let (address, requests) = server(answers).await;
            assert!(matches!(send(address).await, Err(SendError::Lost(_))), "{answer:?}");
            assert_eq!(requests.await.unwrap(), 1, "{answer:?}");
        }
    }

    #[tokio::test]
    async fn a_connection_that_was_closed_meanwhile_is_made_anew() {
        let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        let answers: &'static [&'static str] = Box::leak(Box::new([ok, ok]));
        let (address, requests) = server(answers).await;
        let mut connection = Connection::new(Address::Tcp(address));
        assert_eq!(connection.send(&Request::get("/"), LIMIT).await.unwrap().status, 200);
        tokio::time::sleep(LIMIT / 3).await;
        assert_eq!(connection.send(&Request::get("/"), LIMIT).await.unwrap().status, 200);
        assert_eq!(requests.await.unwrap(), 2);
    }
}

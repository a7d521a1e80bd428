//! The client of a node's admin socket.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use keyraft::ops::admin::{BootstrapRequest, ErrorBody, FernetKeyFiles, FernetKeys, RotateRequest, connect};
use keyraft::ops::status::ClusterStatus;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure::Failure;

/// How long an operation may take. The node itself gives up on a write long before.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a status may take: the node itself ends the wait a little earlier.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);
/// Answers are at most this long.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Asks one node for what only its operator may ask.
#[derive(Clone, Debug)]
pub struct AdminClient {
    socket: PathBuf,
}

/// Why an operation was not done. Its text is one line.
#[derive(Debug, thiserror::Error)]
pub enum AdminCallError {
    /// No node listens at the socket.
    #[error("no node runs behind {socket}: {source}")]
    NotRunning {
        /// The socket of the node.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// This user may not open the socket.
    #[error("{socket}: {source}; run this as the user that runs the node")]
    NotAllowed {
        /// The socket of the node.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The node answered with an error.
    #[error("the node answered {status}: {reason}")]
    Refused {
        /// HTTP status.
        status: StatusCode,
        /// The node's words.
        reason: String,
    },
    /// The connection broke, or the answer makes no sense.
    #[error("the node did not answer as it should: {0}")]
    Broken(String),
    /// No answer came in time.
    #[error("the node did not respond within {limit_s} seconds")]
    TimedOut {
        /// How long it had.
        limit_s: u64,
    },
}

impl AdminCallError {
    /// Whether the same call may succeed later: the node starts, or has no leader yet.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NotRunning { .. } | Self::Broken(_) | Self::TimedOut { .. } => true,
            Self::Refused { status, .. } => *status == StatusCode::SERVICE_UNAVAILABLE,
            Self::NotAllowed { .. } => false,
        }
    }
}

impl From<AdminCallError> for Failure {
    fn from(error: AdminCallError) -> Self {
        Self::runtime(error)
    }
}

impl AdminClient {
    /// A client of the node whose admin socket is at `socket`.
    pub fn new(socket: &Path) -> Self {
        Self { socket: socket.to_path_buf() }
    }

    /// Makes the default domain, the admin user and the identity service.
    pub async fn bootstrap(&self, request: &BootstrapRequest) -> Result<(), AdminCallError> {
        self.call(Method::POST, "/bootstrap", encode(request)?, CALL_TIMEOUT).await.map(drop)
    }

    /// Rotates the keys of Fernet tokens; returns the keys there are then.
    pub async fn fernet_rotate(&self, request: RotateRequest) -> Result<FernetKeys, AdminCallError> {
        decode(&self.call(Method::POST, "/fernet/rotate", encode(&request)?, CALL_TIMEOUT).await?)
    }

    /// The keys of Fernet tokens with their secrets.
    pub async fn fernet_export(&self) -> Result<FernetKeyFiles, AdminCallError> {
        decode(&self.call(Method::GET, "/fernet/export", Bytes::new(), CALL_TIMEOUT).await?)
    }

    /// The keys of Fernet tokens.
    pub async fn fernet_list(&self) -> Result<FernetKeys, AdminCallError> {
        decode(&self.call(Method::GET, "/fernet/keys", Bytes::new(), CALL_TIMEOUT).await?)
    }

    /// Returns once the node has served a linearizable read.
    pub async fn wait_linearizable_read(&self) -> Result<(), AdminCallError> {
        self.call(Method::GET, "/read", Bytes::new(), CALL_TIMEOUT).await.map(drop)
    }

    /// The cluster as the node sees it.
    pub async fn status(&self) -> Result<ClusterStatus, AdminCallError> {
        decode(&self.call(Method::GET, "/status", Bytes::new(), STATUS_TIMEOUT).await?)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        limit: Duration,
    ) -> Result<Bytes, AdminCallError> {
        let call = self.call_without_limit(method, path, body);
        let limit_s = limit.as_secs();
        tokio::time::timeout(limit, call).await.map_err(|_| AdminCallError::TimedOut { limit_s })?
    }

    async fn call_without_limit(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Bytes, AdminCallError> {
        let stream = connect(&self.socket).await.map_err(|source| self.not_connected(source))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "keyraft")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(broken)?;
        // Owning the sender, it lets the connection end when it ends.
        let exchange = async move {
            let response = sender.send_request(request).await.map_err(broken)?;
            let status = response.status();
            let body =
                Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await.map_err(broken)?;
            Ok((status, body.to_bytes()))
        };
        // What goes wrong with the connection reaches the exchange.
        let (answer, _) = tokio::join!(exchange, connection);
        match answer? {
            (status, body) if status.is_success() => Ok(body),
            (status, body) => Err(AdminCallError::Refused { status, reason: reason(&body) }),
        }
    }

    fn not_connected(&self, source: io::Error) -> AdminCallError {
        let socket = self.socket.clone();
        match source.kind() {
            io::ErrorKind::PermissionDenied => AdminCallError::NotAllowed { socket, source },
            _ => AdminCallError::NotRunning { socket, source },
        }
    }
}

fn broken(error: impl std::fmt::Display) -> AdminCallError {
    AdminCallError::Broken(error.to_string())
}

fn encode(request: &impl Serialize) -> Result<Bytes, AdminCallError> {
    serde_json::to_vec(request).map(Bytes::from).map_err(broken)
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, AdminCallError> {
    serde_json::from_slice(body).map_err(broken)
}

fn reason(body: &[u8]) -> String {
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(body) => body.error,
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use async_trait::async_trait;
    use keyraft::ops::admin::{
        AdminError, AdminOperations, AdminSocket, FernetKey, FernetKeyFiles, FernetKeyRole, Secret,
    };
    use tokio_util::sync::CancellationToken;

    use super::*;

    /// A node that has no leader, and refuses a user named `nobody`.
    #[derive(Default)]
    struct Node {
        bootstrapped: Mutex<Vec<BootstrapRequest>>,
    }

    #[async_trait]
    impl AdminOperations for Node {
        async fn bootstrap(&self, request: BootstrapRequest) -> Result<(), AdminError> {
            if request.username == "nobody" {
                return Err(AdminError::Invalid("username: nobody is nobody".to_owned()));
            }
            self.bootstrapped.lock().unwrap().push(request);
            Ok(())
        }

        async fn fernet_rotate(&self, request: RotateRequest) -> Result<FernetKeys, AdminError> {
            let role = if request.compromised { FernetKeyRole::Primary } else { FernetKeyRole::Staged };
            let key = FernetKey { number: 7, role, created_at: Some("now".to_owned()), needed_until: None };
            Ok(FernetKeys { keys: vec![key] })
        }

        async fn fernet_export(&self) -> Result<FernetKeyFiles, AdminError> {
            Ok(FernetKeyFiles { files: Vec::new() })
        }

        async fn fernet_list(&self) -> Result<FernetKeys, AdminError> {
            Err(AdminError::Failed("the keys are lost".to_owned()))
        }

        async fn status(&self) -> Result<ClusterStatus, AdminError> {
            Ok(ClusterStatus { node: Some(2), term: 7, ..ClusterStatus::default() })
        }

        async fn wait_linearizable_read(&self) -> Result<(), AdminError> {
            Err(AdminError::Unavailable("there is no leader".to_owned()))
        }
    }

    fn request(username: &str) -> BootstrapRequest {
        BootstrapRequest {
            username: username.to_owned(),
            password: Secret::from("s3cret".to_owned()),
            project_name: "p".to_owned(),
            role_name: "r".to_owned(),
            service_name: "s".to_owned(),
            region_id: Some("RegionOne".to_owned()),
            public_url: None,
            internal_url: None,
            admin_url: Some("http://a".to_owned()),
            immutable_roles: true,
        }
    }

    #[tokio::test]
    async fn operations_reach_the_node_and_its_answers_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let (node, shutdown) = (Arc::new(Node::default()), CancellationToken::new());
        let socket = AdminSocket::bind(&path).unwrap();
        let served = tokio::spawn(socket.serve(node.clone(), shutdown.clone()));
        let client = AdminClient::new(&path);

        client.bootstrap(&request("admin")).await.unwrap();
        assert_eq!(*node.bootstrapped.lock().unwrap(), [request("admin")]);
        let refused = client.bootstrap(&request("nobody")).await.unwrap_err();
        assert_eq!(refused.to_string(), "the node answered 400 Bad Request: username: nobody is nobody");
        assert!(!refused.is_transient());

        let keys = client.fernet_rotate(RotateRequest { compromised: true }).await.unwrap();
        assert_eq!((keys.keys[0].number, keys.keys[0].role), (7, FernetKeyRole::Primary));
        assert_eq!(client.status().await.unwrap().node, Some(2));
        assert!(!client.fernet_list().await.unwrap_err().is_transient());
        let waiting = client.wait_linearizable_read().await.unwrap_err();
        assert!(waiting.is_transient() && waiting.to_string().contains("there is no leader"), "{waiting}");

        shutdown.cancel();
        served.await.unwrap().unwrap();
        let gone = client.bootstrap(&request("admin")).await.unwrap_err();
        assert!(matches!(gone, AdminCallError::NotRunning { .. }) && gone.is_transient(), "{gone}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_hangs_is_given_up_within_seconds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let hanging = AdminClient::new(&path).status().await.unwrap_err();
        assert_eq!(hanging.to_string(), "the node did not respond within 5 seconds");
    }
}

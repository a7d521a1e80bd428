//! The parts of the API that workloads use, and what has to be there before they begin.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{Address, Connection, Reply, Request};
use crate::environment::{Environment, Node};

/// Of the admin and of all users of the workloads.
pub const PASSWORD: &str = "s3cr3t of the harness";
/// The domain of all users.
const DOMAIN: &str = "default";
/// How long one request of the preparation may take.
const LIMIT: Duration = Duration::from_secs(15);
/// How often a request of the preparation is tried.
const MOST_TRIES: usize = 20;
const PAUSE: Duration = Duration::from_millis(200);

/// The preparation failed: nothing was recorded yet.
#[derive(Debug, thiserror::Error)]
#[error("cannot prepare: {what}: {reason}")]
pub struct SetupError {
    /// What was tried.
    pub what: String,
    /// What came of it.
    pub reason: String,
}

/// A log-in by name and password, with a project as its scope or none.
#[must_use]
pub fn log_in(user: &str, password: &str, project: Option<&str>) -> Request {
    let user = json!({ "name": user, "domain": { "id": DOMAIN }, "password": password });
    let mut auth = json!({ "identity": { "methods": ["password"], "password": { "user": user } } });
    if let (Some(project), Some(auth)) = (project, auth.as_object_mut()) {
        let project = json!({ "name": project, "domain": { "id": DOMAIN } });
        auth.insert("scope".to_owned(), json!({ "project": project }));
    }
    Request::post("/v3/auth/tokens?nocatalog", &json!({ "auth": auth }))
}

/// An exchange of a token for another one of the same chain.
#[must_use]
pub fn log_in_with_token(token: &str) -> Request {
    let identity = json!({ "methods": ["token"], "token": { "id": token } });
    Request::post("/v3/auth/tokens?nocatalog", &json!({ "auth": { "identity": identity } }))
}

/// Rotations of one run, at most: a node keeps 128 keys (`MAX_RING_KEYS` of the identity service), gives up none of which
/// tokens may still be valid, and refuses to rotate then.
pub const MOST_ROTATIONS: u32 = 100;

/// A rotation of the keys of tokens, for an admin socket.
#[must_use]
pub fn rotate() -> Request {
    Request::post("/fernet/rotate", &json!({ "compromised": false }))
}

/// Makes the admin through the admin socket of a node.
///
/// # Errors
/// The cluster does not take it.
pub async fn bootstrap(node: &Node) -> Result<(), SetupError> {
    let request = Request::post(
        "/bootstrap",
        &json!({
            "username": "admin", "password": PASSWORD, "project_name": "admin", "role_name": "admin",
            "service_name": "keystone", "region_id": "RegionOne", "public_url": null, "internal_url": null,
            "admin_url": null, "immutable_roles": true,
        }),
    );
    let mut connection = Connection::new(Address::Unix(node.admin_socket()));
    settle(&mut connection, "make the admin", &request, &[200, 204]).await.map(drop)
}

/// Sends again and again until an answer with one of these statuses comes. What is prepared may be tried twice.
async fn settle(
    connection: &mut Connection,
    what: &str,
    request: &Request,
    statuses: &[u16],
) -> Result<Reply, SetupError> {
    let mut reason = String::new();
    for _ in 0..MOST_TRIES {
        match connection.send(request, LIMIT).await {
            Ok(reply) if statuses.contains(&reply.status) => return Ok(reply),
            Ok(reply) => reason = format!("{}: {}", reply.status, String::from_utf8_lossy(&reply.bytes)),
            Err(error) => reason = error.to_string(),
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(SetupError { what: what.to_owned(), reason })
}

/// The admin, who makes what a workload needs before the history begins.
pub struct Admin {
    connection: Connection,
    /// Its token.
    pub token: String,
}

impl Admin {
    /// Logs in on a node.
    ///
    /// # Errors
    /// The node gives no token.
    pub async fn log_in(environment: &Environment) -> Result<Self, SetupError> {
        let no_token = |reason: &str| SetupError { what: "log in".to_owned(), reason: reason.to_owned() };
        let node = environment.node(0).ok_or_else(|| no_token("there is no node"))?;
        let mut connection = Connection::new(Address::Tcp(node.http()));
        let request = log_in("admin", PASSWORD, Some("admin"));
        let reply = settle(&mut connection, "log in", &request, &[201]).await?;
        let token = reply.token.ok_or_else(|| no_token("there is no X-Subject-Token"))?;
        Ok(Self { connection, token })
    }

    /// A user with the password of all users; its id.
    ///
    /// # Errors
    /// The cluster does not take it.
    pub async fn make_user(&mut self, name: &str) -> Result<String, SetupError> {
        let user = json!({ "name": name, "domain_id": DOMAIN, "password": PASSWORD });
        self.make("user", &user).await
    }

    /// A user without a password, who never logs in; its id.
    ///
    /// # Errors
    /// The cluster does not take it.
    pub async fn make_silent_user(&mut self, name: &str) -> Result<String, SetupError> {
        self.make("user", &json!({ "name": name, "domain_id": DOMAIN })).await
    }

    /// A project; its id.
    ///
    /// # Errors
    /// The cluster does not take it.
    pub async fn make_project(&mut self, name: &str) -> Result<String, SetupError> {
        self.make("project", &json!({ "name": name, "domain_id": DOMAIN })).await
    }

    /// A role; its id.
    ///
    /// # Errors
    /// The cluster does not take it.
    pub async fn make_role(&mut self, name: &str) -> Result<String, SetupError> {
        self.make("role", &json!({ "name": name })).await
    }

    /// A region with this id.
    ///
    /// # Errors
    /// The cluster does not take it.
    pub async fn make_region(&mut self, id: &str) -> Result<(), SetupError> {
        let request = Request::post("/v3/regions", &json!({ "region": { "id": id } })).by(&self.token);
        settle(&mut self.connection, &format!("make the region {id}"), &request, &[201, 409]).await.map(drop)
    }

    /// Gives a user a role on a project.
    ///
    /// # Errors
    /// The cluster does not take it.
    pub async fn grant(&mut self, project: &str, user: &str, role: &str) -> Result<(), SetupError> {
        let request = Request::put(grant_path(project, user, role)).by(&self.token);
        settle(&mut self.connection, "grant a role", &request, &[204]).await.map(drop)
    }

    /// Makes something, or finds it: a creation whose answer got lost may have been carried out.
    async fn make(&mut self, kind: &str, fields: &Json) -> Result<String, SetupError> {
        let name = fields.get("name").and_then(Json::as_str).unwrap_or_default();
        let what = format!("make the {kind} {name}");
        let request = Request::post(format!("/v3/{kind}s"), &json!({ kind: fields })).by(&self.token);
        let reply = settle(&mut self.connection, &what, &request, &[201, 409]).await?;
        let id = |object: Option<&Json>| object?.get("id")?.as_str().map(ToOwned::to_owned);
        let found = if reply.status == 201 {
            id(reply.json().get(kind))
        } else {
            let list = Request::get(format!("/v3/{kind}s?name={name}")).by(&self.token);
            let reply = settle(&mut self.connection, &what, &list, &[200]).await?;
            id(reply.json().get(format!("{kind}s")).and_then(|rows| rows.get(0)))
        };
        found.ok_or_else(|| SetupError { what, reason: "it has no id".to_owned() })
    }
}

/// The path of the grant of a role to a user on a project.
#[must_use]
pub fn grant_path(project: &str, user: &str, role: &str) -> String {
    format!("/v3/projects/{project}/users/{user}/roles/{role}")
}

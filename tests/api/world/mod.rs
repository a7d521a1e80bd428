//! The API of a cluster of one node that is all in memory: no process, no socket, no file.
//!
//! The service is put together by the code that puts it together in the product, bootstrapped by the operation that
//! `keyraft bootstrap` asks for, and reached through the router that serves clients.

mod callers;
mod clock;
mod names;
mod request;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http_body_util::BodyExt;
use keyraft::app::App;
use keyraft::config::Config;
use keyraft::http::router::router;
use keyraft::keys::seal::ClusterKey;
use keyraft::ops::admin::{AdminOperations, BootstrapRequest, Secret};
use keyraft::ops::operations::Operations;
use keyraft::service::{self, Machine};
use keyraft_cluster::{Environment, Host, SeededRandom};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};
use tower::ServiceExt;

pub use crate::callers::{CALLERS, Caller, PASSWORD, STRANGERS};
pub use crate::log_in::{password_login, scoped, token_login};
use clock::TestClock;
use names::Names;
pub use request::{Request, Response, delete, get, patch, post, put, request};

/// The password of the user admin.
pub const ADMIN_PASSWORD: &str = "of the admin 1";

/// Options without which a test would wait: hashes that cost nothing, and the shortest heartbeat.
const CONFIG: &str = "
    node.id = 0
    http.listen = '127.0.0.1:5000'
    cluster.peers = [{ id = 0, address = '127.0.0.1:5100' }]
    cluster.heartbeat_ms = 10
    identity.password_hash_algorithm = 'pbkdf2_sha512'
    identity.password_hash_rounds = 1
    identity.hashing_threads = 1
    operations.metrics = true
";

/// The distance of the leader's ceilings from the time; a clock that is put forward waits for the next.
const CEILING_INTERVAL: Duration = Duration::from_secs(2);

/// The seed of all randomness of a node.
const SEED: u64 = 1;

pub struct TestApi {
    pub app: App,
    router: Router,
    host: Host,
    clock: Arc<TestClock>,
    pub names: Names,
}

impl TestApi {
    /// A cluster that was just bootstrapped. The user admin, in the project admin, is the caller `admin`.
    pub async fn start() -> Self {
        Self::with_config("").await
    }

    /// The same with these options: lines of TOML such as `token.expiration_s = 60`.
    pub async fn with_config(options: &str) -> Self {
        let (host, clock) = (Host::in_memory(), Arc::new(TestClock::default()));
        let app = start(options, &host, &clock, None).await;
        let request = BootstrapRequest {
            username: "admin".into(),
            password: Secret::from(ADMIN_PASSWORD.to_owned()),
            project_name: "admin".into(),
            role_name: "admin".into(),
            service_name: "keystone".into(),
            region_id: Some("RegionOne".into()),
            public_url: Some("http://keystone.test/v3".into()),
            internal_url: None,
            admin_url: None,
            immutable_roles: true,
        };
        Operations(app.clone()).bootstrap(request).await.unwrap();
        let api = Self { router: router(&app), app, host, clock, names: Names::default() };
        let user = json!({"name": "admin", "domain": {"id": "default"}});
        let project = json!({"project": {"name": "admin", "domain": {"id": "default"}}});
        api.names.set("admin", api.log_in(scoped(password_login(user, ADMIN_PASSWORD), project)).await);
        api
    }

    /// Stops the node, and starts it again on what is on its disk, with other options.
    pub async fn restart_with(self, options: &str) -> Self {
        self.restart(options, None).await
    }

    /// The same with another cluster key.
    pub async fn restart_with_key(self, cluster_key: ClusterKey) -> Self {
        self.restart("", Some(cluster_key)).await
    }

    async fn restart(self, options: &str, cluster_key: Option<ClusterKey>) -> Self {
        self.app.node.shutdown().await;
        let app = start(options, &self.host, &self.clock, cluster_key).await;
        Self { router: router(&app), app, ..self }
    }

    /// Lets time pass, as far as tokens and accounts know of it.
    pub async fn advance(&self, by: Duration) {
        let until_ms = self.app.node.cluster_time_ms() + u64::try_from(by.as_millis()).unwrap();
        self.clock.put_forward(by);
        tokio::time::pause();
        tokio::time::advance(CEILING_INTERVAL).await;
        tokio::time::resume();
        self.app.node.wait_cluster_time(until_ms).await.unwrap();
    }

    /// One request, with its names filled in.
    pub async fn send(&self, request: Request) -> Response {
        let request = self.names.fill(&request).to_http();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&body).unwrap_or_else(|_| match body.is_empty() {
            true => Value::Null,
            false => Value::String(String::from_utf8_lossy(&body).into_owned()),
        });
        Response { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// One request of the admin, which has to succeed.
    pub async fn admin(&self, request: Request) -> Response {
        let shown = format!("{} {}", request.method, request.path);
        let response = self.send(request.by("{admin}")).await;
        assert!((200..300).contains(&response.status), "{shown}: {} {}", response.status, response.body);
        response
    }

    /// Has the admin create something, whose id is called `name` from now on.
    pub async fn make(&self, name: &str, request: Request) -> Response {
        let response = self.admin(request).await;
        self.names.set(name, response.id());
        response
    }

    /// The token that a log-in returns.
    pub async fn log_in(&self, body: Value) -> String {
        self.send(post("/v3/auth/tokens", body)).await.expect(201).token()
    }

    /// The status of a validation by the admin.
    pub async fn validate(&self, token: &str) -> u16 {
        self.send(get("/v3/auth/tokens").by("{admin}").about(token)).await.status
    }
}

/// The key of all clusters of the tests: what their nodes draw first.
pub fn cluster_key() -> ClusterKey {
    ClusterKey::generate(&SeededRandom::from_seed(SEED))
}

/// A node with these options that nobody has bootstrapped, and that reaches no other.
pub async fn lone_node(options: &str) -> App {
    start(options, &Host::in_memory(), &Arc::new(TestClock::default()), None).await
}

async fn start(options: &str, host: &Host, clock: &Arc<TestClock>, other_key: Option<ClusterKey>) -> App {
    let mut table: toml::Table = CONFIG.parse().unwrap();
    merge(&mut table, options.parse().unwrap());
    let config = Config::parse("test.toml".as_ref(), &table.to_string()).unwrap();
    let random = Arc::new(SeededRandom::from_seed(SEED));
    let own_key = ClusterKey::generate(&*random);
    let machine = Machine {
        host: host.clone(),
        cluster_key: other_key.unwrap_or(own_key),
        environment: Environment { clock: clock.clone(), random },
        admin_token: None,
        metrics: PrometheusBuilder::new().build_recorder().handle(),
    };
    service::start(config, machine).await.unwrap().0
}

/// Puts the options of `over` in place of those of `table`.
fn merge(table: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(over)) => merge(inner, over),
            (_, value) => drop(table.insert(key, value)),
        }
    }
}

//! Fernet keys rotated again and again under a load of log-ins and validations.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Client, DevCluster, eventually, password_login, scoped, token_login};

/// More than the keys that are kept by count, so that what is tested is the rule that keeps them longer.
const MAX_ACTIVE_KEYS: usize = 3;
const ROTATIONS: usize = 20;
const LOGIN_CLIENTS: usize = 3;
const VALIDATION_CLIENTS: usize = 6;
const MAX_TOKENS: usize = 100_000;
const STEP_LIMIT: Duration = Duration::from_secs(30);
const PASSWORD: &str = "of the one who logs in";

#[tokio::test(flavor = "multi_thread")]
async fn no_valid_token_is_refused_while_the_keys_rotate() {
    let cluster = DevCluster::start_with(&[&format!("fernet.max_active_keys={MAX_ACTIVE_KEYS}")]);
    let urls = cluster.urls();
    let admin = Client::admin(&urls[0]).await;
    let work = Work::new(&urls, &admin).await;
    let mut clients = JoinSet::new();
    for client in 0..LOGIN_CLIENTS {
        clients.spawn(work.clone().log_in_again_and_again(client));
    }
    for client in 0..VALIDATION_CLIENTS {
        clients.spawn(work.clone().validate_again_and_again(client));
    }

    let first = primary_key(&cluster, 0);
    let mut tokens_by_key = Vec::from_iter(work.a_token_from_now().await);
    for rotation in 1..=ROTATIONS {
        let node = cluster.numbers().nth(rotation % 3).unwrap();
        let rotated = cluster.administer(node, &["fernet", "rotate"], &[]);
        assert!(
            rotated.status.success(),
            "rotation {rotation}: {}",
            String::from_utf8_lossy(&rotated.stderr)
        );
        // Work on all nodes with this key before the next one comes.
        let (issued, validated) = work.done();
        eventually("the clients go on", STEP_LIMIT, async || {
            let now = work.done();
            (work.has_failed() || now.0 >= issued + 6 && now.1 >= validated + 30).then_some(())
        })
        .await;
        if work.has_failed() {
            break;
        }
        tokens_by_key.extend(work.a_token_from_now().await);
    }
    work.is_over.store(true, Ordering::Relaxed);
    let failures: Vec<_> = clients.join_all().await.into_iter().flatten().collect();
    assert!(failures.is_empty(), "{failures:?}");
    let (issued, validated) = work.done();
    eprintln!("{issued} tokens issued and {validated} validated during {ROTATIONS} rotations");

    assert_eq!(primary_key(&cluster, 1), first + u64::try_from(ROTATIONS).unwrap());
    for url in &urls {
        for (rotation, token) in tokens_by_key.iter().enumerate() {
            let reply = admin.validate(url, token).await.unwrap();
            assert_eq!(reply.status, 200, "{url} refuses a token issued after rotation {rotation}");
        }
    }
}

/// The number of the primary key, as a node lists it.
fn primary_key(cluster: &DevCluster, number: u64) -> u64 {
    let shown = cluster.administer(number, &["fernet", "list"], &["--json"]);
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    let keys: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let keys = keys["keys"].as_array().unwrap();
    keys.iter().find(|key| key["role"] == "primary").unwrap()["number"].as_u64().unwrap()
}

/// Work that the clients share.
#[derive(Clone)]
struct Work {
    urls: Vec<String>,
    admin: Client,
    login: Value,
    project: Value,
    tokens: Arc<Mutex<Vec<String>>>,
    validated: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    has_failed: Arc<AtomicBool>,
}

impl Work {
    async fn new(urls: &[String], admin: &Client) -> Self {
        let url = &urls[0];
        let user = admin.create(url, "user", json!({"name": "alice", "password": PASSWORD})).await;
        let project = admin.create(url, "project", json!({"name": "images"})).await;
        let role = admin.create(url, "role", json!({"name": "painter"})).await;
        let id = |of: &Value| of["id"].as_str().unwrap().to_owned();
        admin
            .put(&format!("{url}/v3/projects/{}/users/{}/roles/{}", id(&project), id(&user), id(&role)))
            .await;
        let scope = json!({"project": {"id": project["id"]}});
        Self {
            urls: urls.to_vec(),
            admin: admin.clone(),
            login: scoped(password_login(json!({"id": user["id"]}), PASSWORD), scope.clone()),
            project: scope,
            tokens: Arc::default(),
            validated: Arc::default(),
            is_over: Arc::default(),
            has_failed: Arc::default(),
        }
    }

    /// Tokens issued, and validations done.
    fn done(&self) -> (usize, usize) {
        (self.tokens.lock().unwrap().len(), self.validated.load(Ordering::Relaxed))
    }

    fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed) && !self.has_failed() && self.done().0 < MAX_TOKENS
    }

    /// A token that was issued after this call; `None` once a client has failed.
    async fn a_token_from_now(&self) -> Option<String> {
        let (before, _) = self.done();
        eventually("a token is issued", STEP_LIMIT, async || {
            let issued = self.tokens.lock().unwrap().get(before).cloned();
            (issued.is_some() || self.has_failed()).then_some(issued)
        })
        .await
    }

    /// Logs in by password, then by the token of that, on another node. What went wrong, if anything did.
    async fn log_in_again_and_again(self, client: usize) -> Option<String> {
        for turn in client.. {
            if !self.goes_on() {
                break;
            }
            let by_password = self.issue(turn, &self.login).await;
            let by_token = match by_password {
                Ok(token) => self.issue(turn + 1, &scoped(token_login(&token), self.project.clone())).await,
                Err(failure) => Err(failure),
            };
            if let Err(failure) = by_token {
                self.has_failed.store(true, Ordering::Relaxed);
                return Some(failure);
            }
        }
        None
    }

    async fn issue(&self, turn: usize, body: &Value) -> Result<String, String> {
        let url = format!("{}/v3/auth/tokens", self.urls[turn % self.urls.len()]);
        match self.admin.send(reqwest::Method::POST, &url, Some(body)).await {
            Ok(reply) if reply.status == 201 => {
                let token = reply.token.unwrap();
                self.tokens.lock().unwrap().push(token.clone());
                Ok(token)
            }
            other => Err(format!("log-in at {url}: {other:?}")),
        }
    }

    /// Validates new tokens and old ones on all nodes. What went wrong, if anything did.
    async fn validate_again_and_again(self, client: usize) -> Option<String> {
        for turn in client.. {
            if !self.goes_on() {
                break;
            }
            let token = {
                let tokens = self.tokens.lock().unwrap();
                let of_the_newest = turn % 2 == 0;
                let at = if of_the_newest { tokens.len().checked_sub(1) } else { Some(turn * 7919) };
                at.filter(|_| !tokens.is_empty()).map(|at| tokens[at % tokens.len()].clone())
            };
            let Some(token) = token else {
                tokio::task::yield_now().await;
                continue;
            };
            let url = &self.urls[turn / 2 % self.urls.len()];
            match self.admin.validate(url, &token).await {
                Ok(reply) if reply.status == 200 => self.validated.fetch_add(1, Ordering::Relaxed),
                other => {
                    self.has_failed.store(true, Ordering::Relaxed);
                    return Some(format!("{url} refused a valid token: {other:?}"));
                }
            };
        }
        None
    }
}

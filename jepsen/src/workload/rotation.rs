//! Tokens that outlive the keys they were made with being primary.
//!
//! `issue` (token); `rotate`; `validate` (token) -> whether it is valid; `keys` -> a digest of each key that a node has.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rand::Rng;
use rand::seq::IndexedRandom;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::revocation::validity;
use super::{Load, Size, Workload};
use crate::client::{
    Address, Admin, Invocation, MOST_ROTATIONS, PASSWORD, Reply, Request, SetupError, Worker, log_in, rotate,
};
use crate::environment::Environment;
use crate::function::{Effect, Function};
use crate::history::Outcome;
use crate::value::Value;

/// Users that log in.
const USERS: usize = 8;
/// Time between two rotations, at least.
const LEAST_REST: Duration = Duration::from_millis(1_500);
/// Rotations in a run, at most: half of what there may be, for a nemesis may rotate too.
const MOST: u32 = MOST_ROTATIONS / 2;
/// Tokens that are kept, evenly over the time of the run: a new one takes the place of a random one.
const MOST_TOKENS: usize = 400;

/// The workload.
pub struct Rotation;

struct Tokens {
    environment: Arc<Environment>,
    next_label: AtomicUsize,
    live: Mutex<Vec<(String, String)>>,
    last_rotation: Mutex<Duration>,
    /// Time between two rotations.
    rest: Duration,
}

#[async_trait]
impl Workload for Rotation {
    async fn prepare(
        &self,
        environment: &Arc<Environment>,
        admin: &mut Admin,
        size: Size,
    ) -> Result<Arc<dyn Load>, SetupError> {
        for user in 0..USERS {
            admin.make_user(&format!("rotation-{user}")).await?;
        }
        Ok(Arc::new(Tokens {
            environment: Arc::clone(environment),
            next_label: AtomicUsize::new(0),
            live: Mutex::default(),
            last_rotation: Mutex::default(),
            rest: rest(size.duration),
        }))
    }
}

#[async_trait]
impl Load for Tokens {
    async fn step(&self, worker: &mut Worker) {
        match worker.chance.random_range(0..100) {
            0..20 => self.issue(worker).await,
            20..26 if self.is_time_to_rotate(worker.now()) => {
                let node = worker.any_node(Effect::Writes);
                let rotated = |reply: &Reply| (reply.status == 200).then_some(Value::Nil);
                self.ask_operator(worker, node, Function::Rotate, rotate(), rotated).await;
            }
            _ => self.validate(worker).await,
        }
    }

    async fn finish(&self, worker: &mut Worker) {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (label, token) in &live {
            validate_token(worker, label, token).await;
        }
        for node in 0..worker.node_count() {
            self.ask_operator(worker, node, Function::Keys, Request::get("/fernet/export"), digests).await;
        }
    }
}

impl Tokens {
    fn is_time_to_rotate(&self, now: Duration) -> bool {
        let mut last = self.last_rotation.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = now.saturating_sub(*last) >= self.rest;
        if is_time {
            *last = now;
        }
        is_time
    }

    async fn issue(&self, worker: &mut Worker) {
        let node = worker.any_node(Effect::Reads);
        let user = format!("rotation-{}", worker.chance.random_range(0..USERS));
        let label = format!("t{}", self.next_label.fetch_add(1, Ordering::SeqCst));
        let given = |reply: &Reply| (reply.status == 201).then_some(Value::Nil);
        let request = log_in(&user, PASSWORD, None);
        let invocation =
            Invocation { node, function: Function::Issue, key: &label, argument: Value::Nil, request };
        let issued = worker.operate_as_is(invocation, given).await;
        let Some(token) = issued.token.filter(|_| issued.outcome == Outcome::Done) else { return };
        let place = worker.chance.random_range(0..MOST_TOKENS);
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if live.len() < MOST_TOKENS {
            live.push((label, token));
        } else if let Some(old) = live.get_mut(place) {
            *old = (label, token);
        }
    }

    async fn validate(&self, worker: &mut Worker) {
        let chosen = {
            let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
            live.choose(&mut worker.chance).cloned()
        };
        if let Some((label, token)) = chosen {
            validate_token(worker, &label, &token).await;
        }
    }

    async fn ask_operator(
        &self,
        worker: &mut Worker,
        node: usize,
        function: Function,
        request: Request,
        read: fn(&Reply) -> Option<Value>,
    ) {
        let Some(socket) = self.environment.node(node).map(|node| node.admin_socket()) else { return };
        let invocation = Invocation { node, function, key: "", argument: Value::Nil, request };
        worker.operate_through(Address::Unix(socket), invocation, read).await;
    }
}

async fn validate_token(worker: &mut Worker, label: &str, token: &str) {
    let node = worker.any_node(Effect::Reads);
    let request = Request::get("/v3/auth/tokens?nocatalog").about(token);
    let function = Function::Validate;
    worker.operate(Invocation { node, function, key: label, argument: Value::Nil, request }, validity).await;
}

/// Time between two rotations in a run of this duration.
fn rest(run: Duration) -> Duration {
    LEAST_REST.max(run / MOST)
}

/// A digest of each key, so that no key is kept in a recording.
fn digests(reply: &Reply) -> Option<Value> {
    let body = reply.json();
    let files = body.get("files").filter(|_| reply.status == 200)?.as_array()?;
    let digest = |file: &Json| {
        let (name, content) = (file.get("name")?.as_str()?, file.get("content")?.as_str()?);
        let digest = Sha256::digest(content.trim());
        let short: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Some(format!("{name}:{short}"))
    };
    let mut keys: Vec<String> = files.iter().map(digest).collect::<Option<_>>()?;
    keys.sort();
    Some(Value::texts(keys))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_rotates_often_but_no_more_often_than_keys_are_kept() {
        assert_eq!(rest(Duration::from_secs(35)), LEAST_REST);
        for seconds in [35, 250, 3_600] {
            let run = Duration::from_secs(seconds);
            let rotations = run.as_millis() / rest(run).as_millis();
            assert!((20..=u128::from(MOST)).contains(&rotations), "{seconds} s: {rotations}");
        }
    }

    #[test]
    fn keys_are_told_by_a_digest() {
        let body = r#"{"files": [{"name": "1", "content": "secret"}, {"name": "0", "content": "other"}]}"#;
        let keys = digests(&Reply { status: 200, token: None, bytes: body.into() }).unwrap();
        assert_eq!(keys.items().len(), 2);
        assert!(keys.to_string().starts_with("[0:") && !keys.to_string().contains("secret"), "{keys}");
    }
}

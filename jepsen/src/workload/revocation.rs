//! Tokens that are revoked in every way there is, and validated on any node at once after.
//!
//! `issue` (token); `revoke` (token, way); `validate` (token) -> whether it is valid. A user has one token at a time, so
//! that what revokes all tokens of a user revokes that one. A user about whom something is not known for certain is
//! left alone from then on: what may still come would hit a token that nobody asked to revoke.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use rand::Rng;
use rand::seq::IndexedRandom;
use serde_json::json;

use super::{Load, Size, Workload};
use crate::client::{
    Admin, Invocation, PASSWORD, Reply, Request, SetupError, Worker, log_in, log_in_with_token,
};
use crate::environment::Environment;
use crate::function::{Effect, Function};
use crate::history::Outcome;
use crate::value::Value;

/// Users that can be without a token at a time, beyond those with one.
const USERS_PER_CLIENT: usize = 6;
/// More users, for each second: some are left alone.
const USERS_PER_SECOND: u64 = 1;
/// Tokens on the board: of these, one is chosen to be revoked or validated.
const MOST_LIVE: usize = 24;
/// Revoked tokens that are still validated.
const MOST_REVOKED: usize = 48;

/// A way to revoke a token, as its name in the history.
const WAYS: [&str; 5] = ["token", "user", "chain", "password", "disable"];

/// The workload.
pub struct Revocation;

/// A user without a token.
#[derive(Clone, Debug)]
struct User {
    name: String,
    id: String,
}

/// A token, and whose it is.
#[derive(Clone, Debug)]
struct Subject {
    label: String,
    token: String,
    /// The token it was exchanged for, if it was.
    root: Option<String>,
    user: User,
}

#[derive(Default)]
struct Board {
    idle: VecDeque<User>,
    live: Vec<Subject>,
    revoked: VecDeque<Subject>,
}

struct Tokens {
    board: Mutex<Board>,
    next_label: AtomicUsize,
}

#[async_trait]
impl Workload for Revocation {
    async fn prepare(
        &self,
        _environment: &Arc<Environment>,
        admin: &mut Admin,
        size: Size,
    ) -> Result<Arc<dyn Load>, SetupError> {
        let more = usize::try_from(size.duration.as_secs() * USERS_PER_SECOND).unwrap_or(usize::MAX);
        let mut idle = VecDeque::new();
        for place in 0..MOST_LIVE + size.clients.saturating_mul(USERS_PER_CLIENT).saturating_add(more) {
            let name = format!("revocation-{place}");
            let id = admin.make_user(&name).await?;
            idle.push_back(User { name, id });
        }
        let board = Mutex::new(Board { idle, ..Board::default() });
        Ok(Arc::new(Tokens { board, next_label: AtomicUsize::new(0) }))
    }
}

#[async_trait]
impl Load for Tokens {
    async fn step(&self, worker: &mut Worker) {
        match worker.chance.random_range(0..100) {
            0..14 => self.issue(worker).await,
            14..26 => self.revoke(worker).await,
            26..60 => self.validate_one_of(worker, |board| board.revoked.make_contiguous()).await,
            _ => self.validate_one_of(worker, |board| &board.live).await,
        }
    }

    async fn finish(&self, worker: &mut Worker) {
        let (live, revoked) = {
            let board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
            (board.live.clone(), board.revoked.clone())
        };
        for subject in live.iter().chain(&revoked) {
            for node in 0..worker.node_count() {
                validate(worker, node, subject).await;
            }
        }
    }
}

impl Tokens {
    fn with<T>(&self, change: impl FnOnce(&mut Board) -> T) -> T {
        change(&mut self.board.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn issue(&self, worker: &mut Worker) {
        let idle =
            self.with(|board| (board.live.len() < MOST_LIVE).then(|| board.idle.pop_front()).flatten());
        let Some(user) = idle else { return };
        let label = format!("t{}", self.next_label.fetch_add(1, Ordering::SeqCst));
        let node = worker.any_node(Effect::Reads);
        let log_in = log_in(&user.name, PASSWORD, None);
        let given = |reply: &Reply| (reply.status == 201).then_some(Value::Nil);
        // Every third token is one that was exchanged: only such ones go with the root of their chain.
        let exchanged = worker.chance.random_bool(0.34);
        let (root, request) = if exchanged {
            let root = match worker.log_in_aside(node, &log_in).await {
                Ok(reply) if reply.status == 201 => reply.token,
                _ => None,
            };
            let Some(root) = root else { return self.with(|board| board.idle.push_back(user)) };
            let request = log_in_with_token(&root);
            (Some(root), request)
        } else {
            (None, log_in)
        };
        let node = worker.any_node(Effect::Reads);
        let invocation =
            Invocation { node, function: Function::Issue, key: &label, argument: Value::Nil, request };
        let issued = worker.operate_as_is(invocation, given).await;
        match issued.token.filter(|_| issued.outcome == Outcome::Done) {
            Some(token) => self.with(|board| board.live.push(Subject { label, token, root, user })),
            None => self.with(|board| board.idle.push_back(user)),
        }
    }

    async fn revoke(&self, worker: &mut Worker) {
        let place = worker.chance.random_range(0..usize::MAX);
        let taken = self.with(|board| {
            let place = place.checked_rem(board.live.len())?;
            Some(board.live.swap_remove(place))
        });
        let Some(subject) = taken else { return };
        let ways: Vec<&str> =
            WAYS.into_iter().filter(|way| *way != "chain" || subject.root.is_some()).collect();
        let way = ways.choose(&mut worker.chance).copied().unwrap_or("token");
        let node = worker.any_node(Effect::Writes);
        let user_path = format!("/v3/users/{}", subject.user.id);
        let request = match way {
            "user" => Request::delete(format!("{user_path}/tokens")),
            "chain" => Request::delete("/v3/auth/tokens").about(subject.root.as_deref().unwrap_or_default()),
            "password" => Request::patch(user_path.as_str(), &json!({ "user": { "password": PASSWORD } })),
            "disable" => Request::patch(user_path.as_str(), &json!({ "user": { "enabled": false } })),
            _ => Request::delete("/v3/auth/tokens").about(&subject.token),
        };
        let done = |reply: &Reply| matches!(reply.status, 200 | 204).then_some(Value::Nil);
        let label = subject.label.clone();
        // Others validate it meanwhile.
        self.with(|board| board.revoked.push_back(subject.clone()));
        let invocation =
            Invocation { node, function: Function::Revoke, key: &label, argument: Value::from(way), request };
        let revoked = worker.operate(invocation, done).await;
        if revoked.outcome == Outcome::Refused {
            return self.with(|board| {
                board.revoked.retain(|other| other.label != label);
                board.live.push(subject);
            });
        }
        let is_free = revoked.is_done() && self.is_user_free(worker, way, &subject).await;
        self.with(|board| {
            if is_free {
                board.idle.push_back(subject.user.clone());
            }
            if board.revoked.len() > MOST_REVOKED {
                board.revoked.pop_front();
            }
        });
    }

    /// Validates a token that was just revoked, on two nodes at once after; whether its user can have another one.
    async fn is_user_free(&self, worker: &mut Worker, way: &str, subject: &Subject) -> bool {
        for _ in 0..2 {
            let node = worker.any_node(Effect::Reads);
            validate(worker, node, subject).await;
        }
        if way != "disable" {
            return true;
        }
        // An enabled user does not bring revoked tokens back.
        let node = worker.any_node(Effect::Writes);
        let path = format!("/v3/users/{}", subject.user.id);
        let enable = Request::patch(path, &json!({ "user": { "enabled": true } }));
        let enabled = worker.send_aside(node, enable).await.is_ok_and(|reply| reply.status == 200);
        let node = worker.any_node(Effect::Reads);
        validate(worker, node, subject).await;
        enabled
    }

    async fn validate_one_of(&self, worker: &mut Worker, list: fn(&mut Board) -> &[Subject]) {
        let chosen = self.with(|board| list(board).choose(&mut worker.chance).cloned());
        if let Some(subject) = chosen {
            let node = worker.any_node(Effect::Reads);
            validate(worker, node, &subject).await;
        }
    }
}

async fn validate(worker: &mut Worker, node: usize, subject: &Subject) {
    let request = Request::get("/v3/auth/tokens?nocatalog").about(&subject.token);
    let (function, key) = (Function::Validate, &subject.label);
    worker.operate(Invocation { node, function, key, argument: Value::Nil, request }, validity).await;
}

/// Whether the token that was asked about is valid.
pub(super) fn validity(reply: &Reply) -> Option<Value> {
    match reply.status {
        200 => Some(Value::Bool(true)),
        404 => Some(Value::Bool(false)),
        _ => None,
    }
}

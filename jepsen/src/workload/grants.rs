//! Roles that are given and taken away, against tokens that are issued and validated meanwhile.
//!
//! `grant` (user, role); `revoke-grant` (user, role) -> false if there was nothing to take away; `issue` (user, name of
//! the token) -> roles of the new token; `validate` (user, name of a token) -> its roles now, or nothing if it is not
//! valid. A role that all users always have keeps their tokens valid; it is left out everywhere. As with registers, users
//! are in use for some seconds.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rand::Rng;
use rand::seq::IndexedRandom;
use serde_json::Value as Json;

use super::{Load, Size, Workload};
use crate::client::{Admin, Invocation, PASSWORD, Reply, Request, SetupError, Worker, grant_path, log_in};
use crate::environment::Environment;
use crate::function::{Effect, Function};
use crate::value::Value;

/// Users in use at a time.
const AT_A_TIME: usize = 3;
/// How long these are in use.
const LIFE: Duration = Duration::from_secs(6);
/// Roles that are given and taken away.
const ROLES: [&str; 3] = ["chaos-a", "chaos-b", "chaos-c"];
/// What the names of these roles begin with, and no other's.
const PREFIX: &str = "chaos-";
/// Tokens of a user that are validated.
const MOST_TOKENS: usize = 8;
const PROJECT: &str = "grants";

/// The workload.
pub struct Grants;

struct Users {
    project: String,
    /// Ids, in the order of [`ROLES`].
    roles: Vec<String>,
    /// Ids.
    users: Vec<String>,
    next_token: AtomicUsize,
    /// By user: names and tokens.
    tokens: Mutex<BTreeMap<usize, Vec<(String, String)>>>,
}

#[async_trait]
impl Workload for Grants {
    async fn prepare(
        &self,
        _environment: &Arc<Environment>,
        admin: &mut Admin,
        size: Size,
    ) -> Result<Arc<dyn Load>, SetupError> {
        let project = admin.make_project(PROJECT).await?;
        let always = admin.make_role("always").await?;
        let mut roles = Vec::new();
        for role in ROLES {
            roles.push(admin.make_role(role).await?);
        }
        let lives = usize::try_from(size.duration.as_secs() / LIFE.as_secs()).unwrap_or(usize::MAX) + 1;
        let mut users = Vec::new();
        for place in 0..lives.saturating_mul(AT_A_TIME) {
            let user = admin.make_user(&name(place)).await?;
            admin.grant(&project, &user, &always).await?;
            users.push(user);
        }
        let (next_token, tokens) = (AtomicUsize::new(0), Mutex::default());
        Ok(Arc::new(Users { project, roles, users, next_token, tokens }))
    }
}

#[async_trait]
impl Load for Users {
    async fn step(&self, worker: &mut Worker) {
        let life = usize::try_from(worker.now().as_millis() / LIFE.as_millis()).unwrap_or(usize::MAX);
        let place = life.saturating_mul(AT_A_TIME).saturating_add(worker.chance.random_range(0..AT_A_TIME));
        let place = place.min(self.users.len().saturating_sub(1));
        match worker.chance.random_range(0..100) {
            0..15 => self.change(worker, place, Function::Grant).await,
            15..30 => self.change(worker, place, Function::RevokeGrant).await,
            30..50 => self.issue(worker, place).await,
            _ => self.validate(worker, place).await,
        }
    }

    async fn finish(&self, worker: &mut Worker) {
        for place in 0..self.users.len() {
            self.issue(worker, place).await;
            self.validate(worker, place).await;
        }
    }
}

impl Users {
    async fn change(&self, worker: &mut Worker, place: usize, function: Function) {
        let role = worker.chance.random_range(0..ROLES.len());
        let (Some(user), Some(id), Some(role)) =
            (self.users.get(place), self.roles.get(role), ROLES.get(role))
        else {
            return;
        };
        let path = grant_path(&self.project, user, id);
        let request = if function == Function::Grant { Request::put(path) } else { Request::delete(path) };
        let done = |reply: &Reply| match reply.status {
            204 => Some(Value::Nil),
            // What is not there cannot be taken away.
            404 if function == Function::RevokeGrant => Some(Value::Bool(false)),
            _ => None,
        };
        let (node, key) = (worker.any_node(function.effect()), name(place));
        let invocation = Invocation { node, function, key: &key, argument: Value::from(*role), request };
        let changed = worker.operate(invocation, done).await;
        // At once, where it is least likely to be known.
        if changed.is_done() && worker.chance.random_bool(0.5) {
            self.validate(worker, place).await;
        }
    }

    async fn issue(&self, worker: &mut Worker, place: usize) {
        let (key, token) = (name(place), format!("t{}", self.next_token.fetch_add(1, Ordering::SeqCst)));
        let request = log_in(&key, PASSWORD, Some(PROJECT));
        let (node, argument) = (worker.any_node(Effect::Reads), Value::from(token.as_str()));
        let invocation = Invocation { node, function: Function::Issue, key: &key, argument, request };
        let issued = worker.operate_as_is(invocation, |reply| roles_of(reply, 201)).await;
        if let (true, Some(text)) = (issued.is_done(), issued.token) {
            let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
            let of_user = tokens.entry(place).or_default();
            of_user.push((token, text));
            if of_user.len() > MOST_TOKENS {
                of_user.remove(0);
            }
        }
    }

    async fn validate(&self, worker: &mut Worker, place: usize) {
        let chosen = {
            let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
            tokens.get(&place).and_then(|tokens| tokens.choose(&mut worker.chance).cloned())
        };
        let Some((token, text)) = chosen else { return };
        let request = Request::get("/v3/auth/tokens?nocatalog").about(&text);
        let roles = |reply: &Reply| match reply.status {
            404 => Some(Value::Nil),
            _ => roles_of(reply, 200),
        };
        let node = worker.any_node(Effect::Reads);
        let (function, key, argument) = (Function::Validate, name(place), Value::Text(token));
        worker.operate(Invocation { node, function, key: &key, argument, request }, roles).await;
    }
}

fn name(place: usize) -> String {
    format!("grants-{place}")
}

/// The roles of the token that the answer describes, without the one that all have.
fn roles_of(reply: &Reply, status: u16) -> Option<Value> {
    let body = reply.json();
    let roles = body.get("token").filter(|_| reply.status == status)?.get("roles")?.as_array()?;
    let names = roles.iter().map(|role| role.get("name").and_then(Json::as_str));
    let mut names: Vec<&str> = names.collect::<Option<_>>()?;
    names.retain(|name| name.starts_with(PREFIX));
    names.sort_unstable();
    Some(Value::texts(names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_those_that_change() {
        let body = r#"{"token": {"roles": [{"name": "chaos-b"}, {"name": "always"}, {"name": "chaos-a"}]}}"#;
        let reply = Reply { status: 200, token: None, bytes: body.into() };
        assert_eq!(roles_of(&reply, 200), Some(Value::texts(["chaos-a", "chaos-b"])));
        assert_eq!(roles_of(&reply, 201), None);
    }
}

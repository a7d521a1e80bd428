//! Registers: an attribute of a user, written and read on any node.
//!
//! `write` (key, number) and `read` (key) -> number, or nothing before the first write. Every number is written once.
//! A key is in use for some seconds, so that an operation without an answer, which could take effect for ever, burdens
//! the judgement of few others.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rand::Rng;
use serde_json::{Value as Json, json};

use super::{Load, Size, Workload};
use crate::client::{Admin, Invocation, Reply, Request, SetupError, Worker};
use crate::environment::Environment;
use crate::function::{Effect, Function};
use crate::value::Value;

/// Registers in use at a time.
const AT_A_TIME: usize = 4;
/// How long these are in use.
const LIFE: Duration = Duration::from_secs(4);
/// Of the user.
const ATTRIBUTE: &str = "register";

/// The workload.
pub struct Register;

/// Its registers.
struct Registers {
    /// Ids of users.
    users: Vec<String>,
    next_number: AtomicI64,
}

#[async_trait]
impl Workload for Register {
    async fn prepare(
        &self,
        _environment: &Arc<Environment>,
        admin: &mut Admin,
        size: Size,
    ) -> Result<Arc<dyn Load>, SetupError> {
        let lives = usize::try_from(size.duration.as_secs() / LIFE.as_secs()).unwrap_or(usize::MAX) + 1;
        let mut users = Vec::new();
        for place in 0..lives.saturating_mul(AT_A_TIME) {
            users.push(admin.make_silent_user(&format!("register-{place}")).await?);
        }
        Ok(Arc::new(Registers { users, next_number: AtomicI64::new(1) }))
    }
}

#[async_trait]
impl Load for Registers {
    async fn step(&self, worker: &mut Worker) {
        let life = usize::try_from(worker.now().as_millis() / LIFE.as_millis()).unwrap_or(usize::MAX);
        let place = life.saturating_mul(AT_A_TIME).saturating_add(worker.chance.random_range(0..AT_A_TIME));
        let place = place.min(self.users.len().saturating_sub(1));
        if worker.chance.random_bool(0.4) {
            self.write(worker, place).await;
        } else {
            self.read(worker, place).await;
        }
    }

    async fn finish(&self, worker: &mut Worker) {
        for place in 0..self.users.len() {
            self.read(worker, place).await;
        }
    }
}

impl Registers {
    async fn write(&self, worker: &mut Worker, place: usize) {
        let Some(user) = self.users.get(place) else { return };
        let node = worker.any_node(Effect::Writes);
        let number = self.next_number.fetch_add(1, Ordering::SeqCst);
        let request = Request::patch(format!("/v3/users/{user}"), &json!({ "user": { ATTRIBUTE: number } }));
        let done = |reply: &Reply| (reply.status == 200).then_some(Value::Nil);
        let (function, key, argument) = (Function::Write, key(place), Value::Number(number));
        worker.operate(Invocation { node, function, key: &key, argument, request }, done).await;
    }

    async fn read(&self, worker: &mut Worker, place: usize) {
        let Some(user) = self.users.get(place) else { return };
        let node = worker.any_node(Effect::Reads);
        let request = Request::get(format!("/v3/users/{user}"));
        let (function, key) = (Function::Read, key(place));
        worker
            .operate(Invocation { node, function, key: &key, argument: Value::Nil, request }, content)
            .await;
    }
}

fn key(place: usize) -> String {
    format!("r{place}")
}

fn content(reply: &Reply) -> Option<Value> {
    if reply.status != 200 {
        return None;
    }
    match reply.json().get("user")?.get(ATTRIBUTE) {
        None | Some(Json::Null) => Some(Value::Nil),
        Some(content) => content.as_i64().map(Value::Number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Option<Value> {
        content(&Reply { status, token: None, bytes: body.to_owned().into() })
    }

    #[test]
    fn the_content_is_a_number_or_nothing() {
        assert_eq!(answer(200, r#"{"user": {"register": 7}}"#), Some(Value::Number(7)));
        assert_eq!(answer(200, r#"{"user": {"id": "a"}}"#), Some(Value::Nil));
        assert_eq!(answer(200, r#"{"user": {"register": "seven"}}"#), None);
        assert_eq!(answer(404, r#"{"error": {}}"#), None);
    }
}

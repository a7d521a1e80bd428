//! Versions that only grow, and many who look: what one node has shown, no node takes back.
//!
//! `write` (key, version) and `read` (key) -> version, or nothing before the first one. The versions are those of an attribute of a
//! user. One client at a time writes a key, each time the next version; the others read one node after the other without a
//! pause. As with registers, keys are in use for some seconds.
//!
//! A write without an answer may take effect after all that follow it, and a version would rightly go back: after one, nobody
//! writes that key any more.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rand::Rng;
use rand::seq::SliceRandom;
use serde_json::{Value as Json, json};
use tokio::sync::Mutex;

use super::{Load, Size, Workload};
use crate::client::{Admin, Invocation, Reply, Request, SetupError, Worker};
use crate::environment::Environment;
use crate::function::{Effect, Function};
use crate::history::Outcome;
use crate::value::Value;

/// Keys in use at a time.
const AT_A_TIME: usize = 3;
/// How long these are in use.
const LIFE: Duration = Duration::from_secs(3);
/// Nodes that are read one after the other.
const NODES_IN_A_ROW: usize = 3;
/// Of the user.
const ATTRIBUTE: &str = "version";

/// The workload.
pub struct Monotonic;

/// What has versions.
struct Subject {
    /// Of the user.
    id: String,
    /// The version that is written next; none after a write of which nobody knows the outcome. Whoever has it writes.
    next: Mutex<Option<i64>>,
}

/// All of them, in the order in which they are in use.
struct Subjects(Vec<Subject>);

#[async_trait]
impl Workload for Monotonic {
    async fn prepare(
        &self,
        _environment: &Arc<Environment>,
        admin: &mut Admin,
        size: Size,
    ) -> Result<Arc<dyn Load>, SetupError> {
        let lives = usize::try_from(size.duration.as_secs() / LIFE.as_secs()).unwrap_or(usize::MAX) + 1;
        let mut subjects = Vec::new();
        for place in 0..lives.saturating_mul(AT_A_TIME) {
            let id = admin.make_silent_user(&key(place)).await?;
            subjects.push(Subject { id, next: Mutex::new(Some(1)) });
        }
        Ok(Arc::new(Subjects(subjects)))
    }
}

#[async_trait]
impl Load for Subjects {
    async fn step(&self, worker: &mut Worker) {
        let life = usize::try_from(worker.now().as_millis() / LIFE.as_millis()).unwrap_or(usize::MAX);
        let place = life.saturating_mul(AT_A_TIME).saturating_add(worker.chance.random_range(0..AT_A_TIME));
        let place = place.min(self.0.len().saturating_sub(1));
        let Some(subject) = self.0.get(place) else { return };
        if worker.chance.random_bool(0.3) {
            subject.write(worker, &key(place)).await;
        }
        let mut nodes: Vec<usize> = (0..worker.node_count()).collect();
        nodes.shuffle(&mut worker.chance);
        for node in nodes.into_iter().take(NODES_IN_A_ROW) {
            if worker.has_room(node, Effect::Reads) {
                subject.read(worker, node, &key(place)).await;
            }
        }
    }

    async fn finish(&self, worker: &mut Worker) {
        for (place, subject) in self.0.iter().enumerate() {
            for node in 0..worker.node_count() {
                subject.read(worker, node, &key(place)).await;
            }
        }
    }
}

impl Subject {
    /// Writes the next version, unless somebody else is about to.
    async fn write(&self, worker: &mut Worker, key: &str) {
        let Ok(mut next) = self.next.try_lock() else { return };
        let Some(version) = *next else { return };
        let node = worker.any_node(Effect::Writes);
        let user = json!({ "user": { ATTRIBUTE: version } });
        let request = Request::patch(format!("/v3/users/{}", self.id), &user);
        let (function, argument) = (Function::Write, Value::Number(version));
        let done = |reply: &Reply| (reply.status == 200).then_some(Value::Nil);
        let written = worker.operate(Invocation { node, function, key, argument, request }, done).await;
        *next = (written.outcome != Outcome::Unknown).then_some(version + 1);
    }

    async fn read(&self, worker: &mut Worker, node: usize, key: &str) {
        let request = Request::get(format!("/v3/users/{}", self.id));
        let (function, argument) = (Function::Read, Value::Nil);
        worker.operate(Invocation { node, function, key, argument, request }, version).await;
    }
}

fn key(place: usize) -> String {
    format!("version-{place}")
}

fn version(reply: &Reply) -> Option<Value> {
    if reply.status != 200 {
        return None;
    }
    match reply.json().get("user")?.get(ATTRIBUTE) {
        None | Some(Json::Null) => Some(Value::Nil),
        Some(version) => version.as_i64().map(Value::Number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_number_or_nothing() {
        let answer =
            |status, body: &str| version(&Reply { status, token: None, bytes: body.to_owned().into() });
        assert_eq!(answer(200, r#"{"user": {"version": 7}}"#), Some(Value::Number(7)));
        assert_eq!(answer(200, r#"{"user": {"id": "a"}}"#), Some(Value::Nil));
        assert_eq!(answer(200, r#"{"user": {"version": "seven"}}"#), None);
        assert_eq!(answer(404, r#"{"user": {"version": 7}}"#), None);
    }
}

//! Sets that only grow: regions below a region, made on any node under ids that the clients give.
//!
//! `add` (set, number) and `read` (set) -> the numbers in it. Every number is added once, and an id cannot be given twice:
//! had a node carried out a request twice, then the client would be told that the id is taken, and see it there. As with
//! registers, sets are in use for some seconds.

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

/// Sets in use at a time.
const AT_A_TIME: usize = 2;
/// How long these are in use.
const LIFE: Duration = Duration::from_secs(4);
/// What the ids of elements begin with.
const PREFIX: &str = "element-";

/// The workload.
pub struct Set;

/// Its sets.
struct Sets {
    count: usize,
    next_element: AtomicI64,
}

#[async_trait]
impl Workload for Set {
    async fn prepare(
        &self,
        _environment: &Arc<Environment>,
        admin: &mut Admin,
        size: Size,
    ) -> Result<Arc<dyn Load>, SetupError> {
        let lives = usize::try_from(size.duration.as_secs() / LIFE.as_secs()).unwrap_or(usize::MAX) + 1;
        let count = lives.saturating_mul(AT_A_TIME);
        for place in 0..count {
            admin.make_region(&key(place)).await?;
        }
        Ok(Arc::new(Sets { count, next_element: AtomicI64::new(1) }))
    }
}

#[async_trait]
impl Load for Sets {
    async fn step(&self, worker: &mut Worker) {
        let life = usize::try_from(worker.now().as_millis() / LIFE.as_millis()).unwrap_or(usize::MAX);
        let place = life.saturating_mul(AT_A_TIME).saturating_add(worker.chance.random_range(0..AT_A_TIME));
        let place = place.min(self.count.saturating_sub(1));
        if worker.chance.random_bool(0.3) {
            self.add(worker, place).await;
        } else {
            let node = worker.any_node(Effect::Reads);
            read(worker, node, place).await;
        }
    }

    async fn finish(&self, worker: &mut Worker) {
        for place in 0..self.count {
            for node in 0..worker.node_count() {
                read(worker, node, place).await;
            }
        }
    }
}

impl Sets {
    async fn add(&self, worker: &mut Worker, place: usize) {
        let (node, element) =
            (worker.any_node(Effect::Writes), self.next_element.fetch_add(1, Ordering::SeqCst));
        let region = json!({ "id": format!("{PREFIX}{element}"), "parent_region_id": key(place) });
        let request = Request::post("/v3/regions", &json!({ "region": region }));
        let done = |reply: &Reply| (reply.status == 201).then_some(Value::Nil);
        let (function, key, argument) = (Function::Add, key(place), Value::Number(element));
        let added = worker.operate(Invocation { node, function, key: &key, argument, request }, done).await;
        // At once, where it is least likely to be known.
        if added.is_done() && worker.chance.random_bool(0.5) {
            let node = worker.any_node(Effect::Reads);
            read(worker, node, place).await;
        }
    }
}

async fn read(worker: &mut Worker, node: usize, place: usize) {
    let request = Request::get(format!("/v3/regions?parent_region_id={}", key(place)));
    let (function, key) = (Function::Read, key(place));
    worker.operate(Invocation { node, function, key: &key, argument: Value::Nil, request }, elements).await;
}

fn key(place: usize) -> String {
    format!("set-{place}")
}

/// The numbers of the regions that are listed; of one that no client asked for, its id.
fn elements(reply: &Reply) -> Option<Value> {
    let body = reply.json();
    let rows = body.get("regions").filter(|_| reply.status == 200)?.as_array()?;
    let element = |row: &Json| {
        let id = row.get("id")?.as_str()?;
        let number = id.strip_prefix(PREFIX).and_then(|number| number.parse().ok());
        Some(number.map_or_else(|| Value::from(id), Value::Number))
    };
    rows.iter().map(element).collect::<Option<Vec<_>>>().map(Value::List)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_the_numbers_of_the_regions() {
        let reply = |status, body: &str| Reply { status, token: None, bytes: body.to_owned().into() };
        let body = r#"{"regions": [{"id": "element-12"}, {"id": "RegionOne"}], "links": {}}"#;
        let expected = Value::List(vec![Value::Number(12), "RegionOne".into()]);
        assert_eq!(elements(&reply(200, body)), Some(expected));
        assert_eq!(elements(&reply(200, r#"{"regions": []}"#)), Some(Value::List(Vec::new())));
        assert_eq!(elements(&reply(200, "{}")), None);
        assert_eq!(elements(&reply(503, body)), None);
    }
}

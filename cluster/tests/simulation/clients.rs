//! Clients of one life of one node: they write, count and read until told to stop, and note all that they see.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keyraft_cluster::{NodeId, ProposeError, Published, Random, ReadError, SeededRandom};

use crate::history::{End, History, REGISTERS, Request, State, Value};
use crate::kv::{self, KeyValue};
use crate::observed::KvNode;
use crate::trace::Trace;

/// Clients of each node.
const CLIENTS: u64 = 3;

/// What all clients share.
#[derive(Clone)]
pub struct Office {
    pub history: History,
    pub trace: Trace,
    pub is_over: Arc<AtomicBool>,
    /// Between two operations of a client, at most.
    pub pause_ms: u64,
}

/// Starts the clients of a life.
pub fn start(office: &Office, node: &KvNode, life: u64, random: &dyn Random) {
    for number in 0..CLIENTS {
        let client = Client {
            office: office.clone(),
            node: node.clone(),
            name: format!("client {number} of life {life} of node {}", node.node_id()),
            random: SeededRandom::from_seed(random.next_u64()),
        };
        tokio::spawn(client.run());
    }
}

/// What a node shows.
pub fn found(published: &Published<KeyValue>, stamp_ms: u64) -> State {
    State {
        registers: std::array::from_fn(|register| value(&published.state, &key(register))),
        count: value(&published.state, "count"),
        applied_index: published.applied_index,
        log_time_ms: published.log_time_ms,
        stamp_ms,
    }
}

fn key(register: usize) -> String {
    format!("register {register}")
}

fn value(state: &kv::State, key: &str) -> Value {
    kv::get(state, key).map_or(0, |text| text.parse().unwrap())
}

pub struct Client {
    pub office: Office,
    pub node: KvNode,
    pub name: String,
    pub random: SeededRandom,
}

impl Client {
    fn draw(&self, limit: u64) -> u64 {
        self.random.next_u64() % limit
    }

    async fn run(self) {
        while !self.office.is_over.load(Ordering::SeqCst) {
            let register = usize::try_from(self.draw(REGISTERS as u64)).unwrap();
            match self.draw(10) {
                0..3 => self.set(register).await,
                3..4 => self.increment().await,
                4..7 => self.read().await,
                _ => self.read_alike(register).await,
            };
            tokio::time::sleep(Duration::from_millis(self.draw(self.office.pause_ms))).await;
        }
    }

    fn begin(&self, request: Request) -> usize {
        self.office.trace.event(format_args!("{}: {request:?}", self.name));
        self.office.history.begin(&self.name, request)
    }

    fn end(&self, operation: usize, end: End) -> bool {
        self.office.trace.event(format_args!("{}: {end:?}", self.name));
        let is_done = !matches!(end, End::Unknown | End::Refused);
        self.office.history.end(operation, end);
        is_done
    }

    async fn set(&self, register: usize) -> bool {
        let value = self.office.history.new_value();
        let operation = self.begin(Request::Set(register, value));
        let written = self.node.propose(kv::set(&key(register), &value.to_string())).await;
        self.end(operation, written.map_or_else(|error| not_written(&error), |_| End::Written))
    }

    /// Whether it was done.
    pub async fn increment(&self) -> bool {
        let operation = self.begin(Request::Increment);
        let counted = self.node.propose(kv::increment("count")).await;
        self.end(
            operation,
            counted.map_or_else(
                |error| not_written(&error),
                |counted| End::Counted(std::str::from_utf8(&counted.answer).unwrap().parse().unwrap()),
            ),
        )
    }

    /// Whether it was done.
    pub async fn read(&self) -> bool {
        let operation = self.begin(Request::Read);
        let stamp_ms = self.node.cluster_time_ms();
        let read = self.node.read().await;
        self.end(operation, read.map_or_else(|_| End::Refused, |state| End::Found(found(&state, stamp_ms))))
    }

    /// As a validation is answered: from each state that may be current, if all agree.
    async fn read_alike(&self, register: usize) -> bool {
        let operation = self.begin(Request::Read);
        let end = self.find_alike(&key(register)).await;
        self.end(operation, end.map_or_else(|_| End::Refused, |value| End::FoundAlike(register, value)))
    }

    async fn find_alike(&self, key: &str) -> Result<Value, ReadError> {
        let view = self.node.view().await?;
        let newest = value(&view.newest().state, key);
        let is_alike =
            |others: &[Arc<Published<KeyValue>>]| others.iter().all(|o| value(&o.state, key) == newest);
        if view.others().is_some_and(is_alike) {
            return Ok(newest);
        }
        Ok(value(&self.node.settle(&view).await?.state, key))
    }
}

/// Only these two say nothing of the write.
fn not_written(error: &ProposeError) -> End {
    match error {
        ProposeError::Unknown { .. } | ProposeError::Stopped => End::Unknown,
        _ => End::Refused,
    }
}

/// A client of the last check.
pub fn last(office: &Office, node: &KvNode, id: NodeId) -> Client {
    Client {
        office: office.clone(),
        node: node.clone(),
        name: format!("the last client of node {id}"),
        random: SeededRandom::from_seed(id),
    }
}

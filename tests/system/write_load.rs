//! Clients that write through all nodes, and a reckoning of what became of their writes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use keyraft_jepsen::checker::Checker;
use keyraft_jepsen::checker::set::Set;
use keyraft_jepsen::{Function, History, Operation, Outcome as Known};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Client, eventually};

const CLIENTS: usize = 16;
/// A client that comes so far stops.
const MAX_WRITES: usize = 20_000;
/// Writes that do not go on by then never will.
const PROGRESS_LIMIT: Duration = Duration::from_secs(30);
/// Before a client goes on after a write that failed: a dead node refuses a thousand times a second.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(10);

/// The kinds that the clients make. Nothing but the id of a service is unique, so two services of one name are a
/// write that was applied twice; of the others it shows as a 409 for a name that was asked for once.
const KINDS: [&str; 3] = ["project", "user", "service"];

/// One request to make something, of a name that no other request has.
#[derive(Debug)]
pub struct Write {
    pub client: usize,
    pub kind: &'static str,
    pub name: String,
    pub node: usize,
    pub sent_at: Instant,
    pub answered_at: Instant,
    pub outcome: Outcome,
}

/// The outcome of a write, as its client knows it.
#[derive(Debug)]
pub enum Outcome {
    /// 201, and the id.
    Acknowledged(String),
    /// No answer, or one that leaves open whether it was done (5xx).
    Unknown(String),
    /// An answer that nothing the client did explains.
    Wrong(String),
}

/// Sixteen clients at work, and how many of their writes each node has acknowledged.
pub struct WriteLoad {
    clients: JoinSet<Vec<Write>>,
    is_over: Arc<AtomicBool>,
    acknowledged: Arc<Vec<AtomicUsize>>,
    wrong: Arc<Mutex<Option<String>>>,
}

impl WriteLoad {
    /// Starts the clients; `run` keeps their names apart from those of other loads.
    pub fn start(run: &'static str, urls: &[String], admin: &Client) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let acknowledged: Arc<Vec<_>> = Arc::new(urls.iter().map(|_| AtomicUsize::new(0)).collect());
        let wrong = Arc::new(Mutex::new(None));
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (urls, admin) = (urls.to_vec(), admin.clone());
            let (is_over, acknowledged, wrong) = (is_over.clone(), acknowledged.clone(), wrong.clone());
            clients.spawn(async move {
                let mut writes = Vec::new();
                for number in 0..MAX_WRITES {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    let node = (client + number) % urls.len();
                    let kind = KINDS[number % KINDS.len()];
                    let name = format!("{run}-{client}-{number}");
                    let write = Write { client, ..write(&admin, &urls[node], node, kind, name).await };
                    match &write.outcome {
                        Outcome::Acknowledged(_) => drop(acknowledged[node].fetch_add(1, Ordering::Relaxed)),
                        Outcome::Unknown(_) => tokio::time::sleep(PAUSE_AFTER_FAILURE).await,
                        Outcome::Wrong(answer) => {
                            wrong.lock().unwrap().get_or_insert(format!("{answer} to {write:?}"));
                            break;
                        }
                    }
                    writes.push(write);
                }
                writes
            });
        }
        Self { clients, is_over, acknowledged, wrong }
    }

    /// Waits until this many more writes have been acknowledged.
    ///
    /// # Panics
    /// It takes too long, or a client was given an answer that it cannot explain.
    pub async fn wait_for(&self, more: usize) {
        let acknowledged =
            || self.acknowledged.iter().map(|count| count.load(Ordering::Relaxed)).sum::<usize>();
        let enough = acknowledged() + more;
        self.wait_until(|| acknowledged() >= enough).await;
    }

    /// Waits until writes that were sent after this call have been acknowledged through each of these nodes.
    ///
    /// # Panics
    /// As [`Self::wait_for`].
    pub async fn wait_for_new_ones_through(&self, nodes: &[u64]) {
        let of = |node: &u64| self.acknowledged[usize::try_from(*node).unwrap()].load(Ordering::Relaxed);
        let before: Vec<_> = nodes.iter().map(of).collect();
        // Each client may have sent one before.
        let is_enough = |(node, before): (&u64, &usize)| of(node) > before + CLIENTS;
        self.wait_until(|| nodes.iter().zip(&before).all(is_enough)).await;
    }

    async fn wait_until(&self, is_enough: impl Fn() -> bool) {
        eventually("more writes are acknowledged", PROGRESS_LIMIT, async || {
            let wrong = self.wrong.lock().unwrap().take();
            assert!(wrong.is_none(), "a wrong answer: {wrong:?}");
            is_enough().then_some(())
        })
        .await;
    }

    /// Lets the clients end what they are at.
    pub async fn stop(self) -> Vec<Write> {
        self.is_over.store(true, Ordering::Relaxed);
        self.clients.join_all().await.into_iter().flatten().collect()
    }
}

async fn write(admin: &Client, url: &str, node: usize, kind: &'static str, name: String) -> Write {
    let mut fields = json!({ "name": name });
    if kind == "service" {
        fields["type"] = json!("load");
    }
    let sent_at = Instant::now();
    let reply = admin.send(Method::POST, &format!("{url}/v3/{kind}s"), Some(&json!({ kind: fields }))).await;
    let outcome = match reply {
        Ok(reply) if reply.status == 201 => {
            Outcome::Acknowledged(reply.body[kind]["id"].as_str().unwrap().to_owned())
        }
        Ok(reply) if reply.status >= 500 => Outcome::Unknown(format!("{} {}", reply.status, reply.body)),
        Ok(reply) => Outcome::Wrong(format!("{} {}", reply.status, reply.body)),
        Err(error) => Outcome::Unknown(error.to_string()),
    };
    Write { client: 0, kind, name, node, sent_at, answered_at: Instant::now(), outcome }
}

/// The time from `from` to the acknowledgement of the first write that was sent after it, through this node.
pub fn first_acknowledged(writes: &[Write], node: usize, from: Instant) -> Option<Duration> {
    let is_acknowledged = |write: &&Write| matches!(write.outcome, Outcome::Acknowledged(_));
    let after = writes.iter().filter(|write| write.node == node && write.sent_at >= from);
    after.filter(is_acknowledged).map(|write| write.answered_at - from).min()
}

/// The number of writes with an unknown outcome, and the reason of the first.
pub fn unknown(writes: &[Write]) -> (usize, Option<&str>) {
    let mut reasons = writes.iter().filter_map(reason_of);
    let first = reasons.next();
    (first.iter().count() + reasons.count(), first)
}

/// Every acknowledged write is there, on this node, and there are some; no write is there twice; and no client was given an
/// answer that it cannot explain.
pub async fn assert_all_there_once(writes: &[Write], url: &str, admin: &Client) {
    let is_wrong = |write: &&Write| matches!(write.outcome, Outcome::Wrong(_));
    assert!(!writes.iter().any(|write| is_wrong(&write)), "{:?}", writes.iter().find(is_wrong));
    assert!(writes.iter().any(|write| matches!(write.outcome, Outcome::Acknowledged(_))), "{writes:?}");
    let mut there = Vec::new();
    for kind in KINDS {
        let rows = admin.list(url, &format!("{kind}s")).await;
        there.extend(rows.iter().map(|row| (format!("{kind} {}", text(row, "name")), text(row, "id"))));
    }
    // Bootstrap makes some of each kind.
    let asked: BTreeSet<String> = writes.iter().map(Write::element).collect();
    there.retain(|(element, _)| asked.contains(element));
    let verdict = Set.check(&history(writes, there.iter().map(|(element, _)| element.as_str())));
    assert!(verdict.is_passed(), "{url}: {verdict}");
    let ids: BTreeMap<String, String> = there.into_iter().collect();
    for write in writes {
        if let Outcome::Acknowledged(id) = &write.outcome {
            assert_eq!(ids.get(&write.element()), Some(id), "{url}: {write:?}");
        }
    }
}

impl Write {
    fn element(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }
}

/// The writes as elements that were added to a set, and what was found when all of them had ended.
fn history<'a>(writes: &[Write], found: impl Iterator<Item = &'a str>) -> History {
    let start = writes.iter().map(|write| write.sent_at).min();
    let since = |at: Instant| start.map_or(Duration::ZERO, |start| at - start);
    let operation = |write: &Write| Operation {
        client: write.client,
        node: write.node,
        function: Function::Add,
        key: String::new(),
        argument: write.element().into(),
        answer: keyraft_jepsen::Value::Nil,
        sent_at: since(write.sent_at),
        ended_at: since(write.answered_at),
        outcome: match write.outcome {
            Outcome::Acknowledged(_) => Known::Done,
            Outcome::Unknown(_) => Known::Unknown,
            Outcome::Wrong(_) => Known::Refused,
        },
    };
    let mut history: History = writes.iter().map(operation).collect();
    let at = history.end() + Duration::from_millis(1);
    history.extend([Operation {
        client: 0,
        node: 0,
        function: Function::Read,
        key: String::new(),
        argument: keyraft_jepsen::Value::Nil,
        answer: keyraft_jepsen::Value::texts(found),
        sent_at: at,
        ended_at: at,
        outcome: Known::Done,
    }]);
    history
}

fn reason_of(write: &Write) -> Option<&str> {
    match &write.outcome {
        Outcome::Unknown(reason) => Some(reason),
        _ => None,
    }
}

fn text(row: &Value, key: &str) -> String {
    row[key].as_str().unwrap_or_default().to_owned()
}

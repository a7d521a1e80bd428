//! Requests that no client should send: each gets the 4xx of its fault, soon, and changes nothing.
//!
//! Every request is malformed by construction, so its one right answer is known before it is sent. They go over
//! plain sockets, because HTTP clients refuse to send most of them.

mod bodies;
mod headers;
mod paths;
mod queries;
mod request;
mod routes;
mod shapes;
mod tokens;
mod wire;
mod world;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::support::{DevCluster, eventually};
use request::Malformed;
use wire::{Outcome, SlowBody, send_all};
use world::World;

/// The environment variable that gives another seed than the usual one.
const SEED_VARIABLE: &str = "KEYRAFT_MALFORMED_SEED";
const SEED: u64 = 30;
/// Connections to each node at a time.
const CONNECTIONS: usize = 3;
/// Number of wrong responses that are shown.
const SHOWN: usize = 40;
/// Sending all the other requests takes longer.
const SHORT_BODY_TIMEOUT: &str = "http.body_timeout_s=5";
/// The leader has the nodes compare their states that soon after the last change.
const COMPARED_SOON: &str = "cluster.digest_interval_ms=250";
/// Many times as long.
const UNCHANGED_FOR: Duration = Duration::from_secs(2);
const MIN_REQUESTS: usize = 5_000;
const COMPARISON_LIMIT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_are_refused_and_change_nothing() {
    let cluster = DevCluster::start_with(&[COMPARED_SOON, SHORT_BODY_TIMEOUT]);
    let world = World::make(&cluster).await;
    let seed = std::env::var(SEED_VARIABLE).map_or(SEED, |text| text.parse().unwrap());
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut requests = requests(&world, &mut rng);
    requests.shuffle(&mut rng);
    assert!(requests.len() >= MIN_REQUESTS, "only {} requests", requests.len());
    let urls = cluster.urls();
    let slow = SlowBody::start(&urls[0]);
    wait_compared(&cluster).await;
    let before = states(&cluster).await;

    let started = Instant::now();
    let outcomes = tokio::task::spawn_blocking(move || {
        let outcomes = send_all(&urls, CONNECTIONS, &requests);
        requests.into_iter().zip(outcomes).collect::<Vec<_>>()
    });
    let outcomes = outcomes.await.unwrap();
    eprintln!("seed {seed}: {} malformed requests in {:?}", outcomes.len(), started.elapsed());
    report(&outcomes);
    slow.check();

    cluster.wait_same_state(0).await;
    assert_eq!(before, states(&cluster).await, "the digest of each node's state");
}

/// Waits until the nodes have compared their states. That is an entry of the log, which changes them once more; none
/// follows while nothing else changes.
async fn wait_compared(cluster: &DevCluster) {
    cluster.wait_same_state(0).await;
    let (mut last, mut since) = (states(cluster).await, Instant::now());
    eventually("the states are compared", COMPARISON_LIMIT, async || {
        let now = states(cluster).await;
        if now != last {
            (last, since) = (now, Instant::now());
        }
        (since.elapsed() >= UNCHANGED_FOR).then_some(())
    })
    .await;
    cluster.wait_same_state(0).await;
}

/// All of them, by class in turn.
fn requests(world: &World, rng: &mut ChaCha8Rng) -> Vec<Malformed> {
    let mut requests = Vec::new();
    bodies::add(world, rng, &mut requests);
    headers::add(world, rng, &mut requests);
    paths::add(world, rng, &mut requests);
    queries::add(world, rng, &mut requests);
    tokens::add(world, rng, &mut requests);
    wire::add(rng, &mut requests);
    requests
}

/// Prints how each class was answered, and fails if any answer was a wrong one.
fn report(outcomes: &[(Malformed, Result<Outcome, String>)]) {
    let mut counts: BTreeMap<(&str, String), usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (request, outcome) in outcomes {
        let status = outcome.as_ref().map_or("failed".to_owned(), |outcome| outcome.status.to_string());
        *counts.entry((request.class, status)).or_default() += 1;
        if let Err(fault) = outcome.as_ref().map_err(Clone::clone).and_then(|outcome| request.judge(outcome))
        {
            wrong.push(format!("{}: {fault}\n    {}", request.class, request.shown()));
        }
    }
    for ((class, status), count) in counts {
        eprintln!("{count:6}  {status:6}  {class}");
    }
    wrong.sort();
    wrong.dedup_by_key(|text| text.chars().take(100).collect::<String>());
    assert!(wrong.is_empty(), "wrong answers:\n{}", wrong[..wrong.len().min(SHOWN)].join("\n"));
}

/// The digest of each node's state.
async fn states(cluster: &DevCluster) -> Vec<String> {
    let status = cluster.status(0).await.unwrap();
    let of = |node: &Value| node["digest"].to_string();
    status["nodes"].as_array().unwrap().iter().map(of).collect()
}

//! Validations stay on their nodes, and go on through the death of others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use crate::scale::{LEADERS_KILLED, VALIDATIONS};
use crate::support::{Client, DevCluster, eventually};

const CLIENTS: usize = 64;
/// Validations that go on are seen within this time.
const PROGRESS_LIMIT: Duration = Duration::from_secs(10);
/// The promise for the death of a leader: no validation takes longer, and writes go on by then.
const VALIDATION_LIMIT: Duration = Duration::from_millis(200);
const RESUME_LIMIT: Duration = Duration::from_millis(2_500);
/// The promise for the death of a follower: a write waits for its lease, and no longer.
const WRITE_LIMIT: Duration = Duration::from_millis(2_100);
const MAX_STALENESS: Duration = Duration::from_secs(4);

/// The sum of a counter over all nodes.
async fn counted(urls: &[String], name: &str) -> u64 {
    let mut sum = 0;
    for url in urls {
        let text = reqwest::get(format!("{url}/metrics")).await.unwrap().text().await.unwrap();
        let values = text.lines().filter_map(|line| line.strip_prefix(name)?.split_whitespace().last());
        sum += values.map(|value| value.parse::<u64>().unwrap()).sum::<u64>();
    }
    sum
}

/// In the steady state no validation leaves its node.
pub async fn steady_state(cluster: &DevCluster) {
    let urls = cluster.urls();
    let admin = Client::admin(&urls[0]).await;
    let subject = admin.token.clone().unwrap();
    for url in &urls {
        assert_eq!(admin.validate(url, &subject).await.unwrap().status, 200);
    }
    let rounds = counted(&urls, "keyraft_read_index_rounds_total").await;
    let validations = VALIDATIONS.get();
    let left = Arc::new(AtomicUsize::new(validations));
    let started = Instant::now();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (admin, subject, url) = (admin.clone(), subject.clone(), urls[client % urls.len()].clone());
        let left = Arc::clone(&left);
        clients.spawn(async move {
            while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                assert_eq!(admin.validate(&url, &subject).await.unwrap().status, 200);
            }
        });
    }
    clients.join_all().await;
    let after = counted(&urls, "keyraft_read_index_rounds_total").await;
    eprintln!("{validations} validations in {:?}, {} read index rounds", started.elapsed(), after - rounds);
    assert_eq!(after, rounds);
}

/// Clients that validate one token on some nodes without a pause.
struct Validators {
    is_over: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    clients: JoinSet<(Duration, Vec<String>)>,
}

impl Validators {
    fn start(admin: &Client, urls: &[String]) -> Self {
        let (is_over, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (admin, url) = (admin.clone(), urls[client % urls.len()].clone());
            let (is_over, count) = (Arc::clone(&is_over), Arc::clone(&count));
            clients.spawn(async move {
                let subject = admin.token.clone().unwrap();
                let (mut slowest, mut failures) = (Duration::ZERO, Vec::new());
                while !is_over.load(Ordering::SeqCst) {
                    let started = Instant::now();
                    match admin.validate(&url, &subject).await {
                        Ok(reply) if reply.status == 200 => {}
                        other => failures.push(format!("{url}: {other:?}")),
                    }
                    slowest = slowest.max(started.elapsed());
                    count.fetch_add(1, Ordering::SeqCst);
                    // So that the clients do not take the processor from what they measure.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                (slowest, failures)
            });
        }
        Self { is_over, count, clients }
    }

    /// Waits until every client is at work.
    async fn wait_at_work(&self) {
        let enough = self.count.load(Ordering::SeqCst) + 4 * CLIENTS;
        eventually("the clients validate", PROGRESS_LIMIT, async || {
            (self.count.load(Ordering::SeqCst) >= enough).then_some(())
        })
        .await;
    }

    /// Stops the clients. Returns the number of validations, the slowest, and the failures.
    async fn stop(self) -> (usize, Duration, Vec<String>) {
        self.is_over.store(true, Ordering::SeqCst);
        let all = self.clients.join_all().await;
        let slowest = all.iter().map(|(slowest, _)| *slowest).max().unwrap();
        let failures = all.into_iter().flat_map(|(_, failures)| failures).collect();
        (self.count.load(Ordering::SeqCst), slowest, failures)
    }
}

/// Validations on followers go on through the death of the leader.
pub async fn leaders_killed(cluster: &mut DevCluster) {
    let urls = cluster.urls();
    let admin = Client::admin(&urls[0]).await;
    for round in 0..LEADERS_KILLED.get() {
        let leader = cluster.leader(0).await;
        cluster.wait_same_state(0).await;
        let followers: Vec<_> = cluster.numbers().filter(|number| *number != leader).collect();
        let follower_urls: Vec<_> = followers.iter().map(|number| cluster.url(*number)).collect();
        let validators = Validators::start(&admin, &follower_urls);
        validators.wait_at_work().await;
        let killed = Instant::now();
        cluster.kill(leader);
        let fields = json!({ "name": format!("after-{round}"), "domain_id": "default" });
        admin.create(&follower_urls[0], "user", fields).await;
        let resumed = killed.elapsed();
        let (count, slowest, failures) = validators.stop().await;
        eprintln!("round {round}: {count} validations, slowest {slowest:?}; writes after {resumed:?}");
        assert!(failures.is_empty(), "round {round}: {failures:?}");
        assert!(slowest <= VALIDATION_LIMIT, "round {round}: a validation took {slowest:?}");
        assert!(resumed <= RESUME_LIMIT, "round {round}: writes went on after {resumed:?}");
        cluster.restart(leader);
        cluster.wait_same_state(followers[0]).await;
    }
}

/// The death of a follower delays writes by its lease, and validations not at all.
pub async fn follower_killed(cluster: &mut DevCluster) {
    let admin = Client::admin(&cluster.url(0)).await;
    let leader = cluster.leader(0).await;
    cluster.wait_same_state(0).await;
    let follower = cluster.numbers().find(|number| *number != leader).unwrap();
    let others: Vec<_> = cluster.numbers().filter(|number| *number != follower).collect();
    let validators =
        Validators::start(&admin, &others.iter().map(|number| cluster.url(*number)).collect::<Vec<_>>());
    validators.wait_at_work().await;
    cluster.kill(follower);
    let (started, mut writes, mut slowest_write) = (Instant::now(), 0, Duration::ZERO);
    while started.elapsed() < 2 * WRITE_LIMIT {
        let fields = json!({ "name": format!("meanwhile-{writes}"), "domain_id": "default" });
        let written = Instant::now();
        admin.create(&cluster.url(leader), "user", fields).await;
        slowest_write = slowest_write.max(written.elapsed());
        writes += 1;
    }
    let (count, slowest, failures) = validators.stop().await;
    eprintln!("{writes} writes, slowest {slowest_write:?}; {count} validations, slowest {slowest:?}");
    assert!(failures.is_empty(), "{failures:?}");
    assert!(slowest <= VALIDATION_LIMIT, "a validation took {slowest:?}");
    assert!(slowest_write <= WRITE_LIMIT, "a write took {slowest_write:?}");
    cluster.restart(follower);
    cluster.wait_same_state(leader).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_leader_validations_go_on_as_long_as_is_allowed_and_say_so() {
    let max_staleness_ms = MAX_STALENESS.as_millis();
    let max_staleness = format!("cluster.max_staleness_ms={max_staleness_ms}");
    let mut cluster = DevCluster::start_with(&[&max_staleness, "cluster.read_timeout_ms=200"]);
    let admin = Client::admin(&cluster.url(0)).await;
    let subject = admin.token.clone().unwrap();
    cluster.wait_same_state(0).await;
    cluster.kill(1);
    cluster.kill(2);
    let (url, mut last_ms, mut stale) = (cluster.url(0), 0, 0);
    loop {
        let reply = admin.validate(&url, &subject).await.unwrap();
        match (reply.status, reply.staleness_ms) {
            (200, None) => assert_eq!(stale, 0, "nothing is linearizable without a leader"),
            (200, Some(staleness_ms)) => {
                assert!(
                    staleness_ms >= last_ms && u128::from(staleness_ms) <= max_staleness_ms,
                    "{staleness_ms} ms"
                );
                (last_ms, stale) = (staleness_ms, stale + 1);
                let other = admin.send(reqwest::Method::GET, &format!("{url}/v3/users"), None).await.unwrap();
                assert_eq!(other.status, 503, "only validations go on");
            }
            (status, _) => {
                assert_eq!(status, 503, "{reply:?}");
                break;
            }
        }
    }
    assert!(stale > 0, "no validation was answered without a leader");
}

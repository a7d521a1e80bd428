//! Validations stay on their nodes, and no node validates what another has revoked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Client, DevCluster, password_login, scoped};

const VALIDATIONS: u64 = 100_000;
const CLIENTS: usize = 64;
const LEADERS_KILLED: usize = 10;
/// What was promised of the death of a leader: no validation takes longer, and writes go on by then.
const VALIDATION_LIMIT: Duration = Duration::from_millis(200);
const RESUME_LIMIT: Duration = Duration::from_millis(2_500);
const REVOCATIONS: usize = 1_000;
const REVOKERS: usize = 4;
const PAUSE: Duration = Duration::from_secs(3);
/// Wall clocks of the nodes, minutes apart.
const OFFSETS_MS: [i64; 3] = [0, 150_000, -150_000];

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

#[tokio::test(flavor = "multi_thread")]
async fn in_the_steady_state_no_validation_leaves_its_node() {
    let cluster = DevCluster::start();
    let urls = cluster.urls();
    let admin = Client::admin(&urls[0]).await;
    let subject = admin.token.clone().unwrap();
    for url in &urls {
        assert_eq!(admin.validate(url, &subject).await.unwrap().status, 200);
    }
    let rounds = counted(&urls, "keyraft_read_index_rounds_total").await;
    let left = Arc::new(AtomicU64::new(VALIDATIONS));
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
    eprintln!("{VALIDATIONS} validations in {:?}, {} read index rounds", started.elapsed(), after - rounds);
    assert_eq!(after, rounds);
}

/// Clients that validate one token on some nodes without a pause.
struct Validators {
    is_over: Arc<AtomicBool>,
    clients: JoinSet<(u64, Duration, Vec<String>)>,
}

impl Validators {
    fn start(admin: &Client, urls: &[String]) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (admin, url) = (admin.clone(), urls[client % urls.len()].clone());
            let is_over = Arc::clone(&is_over);
            clients.spawn(async move {
                let subject = admin.token.clone().unwrap();
                let (mut count, mut slowest, mut failures) = (0, Duration::ZERO, Vec::new());
                while !is_over.load(Ordering::SeqCst) {
                    let started = Instant::now();
                    match admin.validate(&url, &subject).await {
                        Ok(reply) if reply.status == 200 => {}
                        other => failures.push(format!("{url}: {other:?}")),
                    }
                    slowest = slowest.max(started.elapsed());
                    count += 1;
                    // So that the clients do not take the processor from what they measure.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                (count, slowest, failures)
            });
        }
        Self { is_over, clients }
    }

    async fn stop(self) -> (u64, Duration, Vec<String>) {
        self.is_over.store(true, Ordering::SeqCst);
        let all = self.clients.join_all().await;
        let slowest = all.iter().map(|(_, slowest, _)| *slowest).max().unwrap();
        (
            all.iter().map(|(count, _, _)| count).sum(),
            slowest,
            all.into_iter().flat_map(|(_, _, failures)| failures).collect(),
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn validations_on_followers_go_on_through_the_death_of_the_leader() {
    let mut cluster = DevCluster::start();
    let urls = cluster.urls();
    let admin = Client::admin(&urls[0]).await;
    for round in 0..LEADERS_KILLED {
        let leader = cluster.leader(0).await;
        cluster.wait_same_state(0).await;
        let followers: Vec<_> = cluster.numbers().filter(|number| *number != leader).collect();
        let follower_urls: Vec<_> = followers.iter().map(|number| cluster.url(*number)).collect();
        let validators = Validators::start(&admin, &follower_urls);
        tokio::time::sleep(Duration::from_millis(300)).await;
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

/// One who gets a token somewhere, revokes it somewhere, and validates it everywhere.
struct Race {
    admin: Client,
    urls: Vec<String>,
    rounds: AtomicUsize,
    validated: AtomicUsize,
}

impl Race {
    fn login(user: &str) -> Value {
        let body = password_login(json!({ "name": user, "domain": { "id": "default" } }), PASSWORD);
        scoped(body, json!({ "project": { "name": "admin", "domain": { "id": "default" } } }))
    }

    /// A token of the user; nodes may be down.
    async fn token(&self, user: &str, node: usize) -> String {
        let body = Self::login(user);
        for attempt in node.. {
            let url = format!("{}/v3/auth/tokens", self.urls[attempt % 3]);
            match Client::anonymous().send(reqwest::Method::POST, &url, Some(&body)).await {
                Ok(reply) if reply.status == 201 => return reply.token.unwrap(),
                Ok(reply) => assert!(reply.status >= 500, "a log-in is refused: {reply:?}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        unreachable!()
    }

    /// What each node says of a token; those that do not answer, or have no leader, say nothing.
    async fn verdicts(&self, token: &str) -> Vec<(usize, u16)> {
        let asked = self.urls.iter().enumerate().map(|(node, url)| async move {
            let reply = self.admin.validate(url, token).await.ok()?;
            (reply.status < 500).then_some((node, reply.status))
        });
        futures::future::join_all(asked).await.into_iter().flatten().collect()
    }

    async fn run(self: Arc<Self>, user: String, mut random: u64) {
        while self.rounds.fetch_add(1, Ordering::SeqCst) < REVOCATIONS {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (issuer, revoker) = ((random >> 33) as usize % 3, (random >> 43) as usize % 3);
            let token = self.token(&user, issuer).await;
            for (node, status) in self.verdicts(&token).await {
                assert_eq!(status, 200, "node {node} refuses a fresh token of node {issuer}");
            }
            for attempt in revoker.. {
                let url = format!("{}/v3/auth/tokens", self.urls[attempt % 3]);
                // 404: an attempt without an answer had been applied.
                match self.admin.send_about(reqwest::Method::DELETE, &url, None, Some(&token)).await {
                    Ok(reply) if [204, 404].contains(&reply.status) => break,
                    Ok(reply) => assert!(reply.status >= 500, "{reply:?}"),
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
            for (node, status) in self.verdicts(&token).await {
                assert_eq!(status, 404, "node {node} takes a token that was revoked");
                self.validated.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

const PASSWORD: &str = "of the one who races";

async fn race(cluster: &mut DevCluster) {
    let urls = cluster.urls();
    let admin = Client::admin(&urls[0]).await;
    let project =
        admin.list(&urls[0], "projects").await.into_iter().find(|row| row["name"] == "admin").unwrap();
    let role = admin.list(&urls[0], "roles").await.into_iter().find(|row| row["name"] == "member").unwrap();
    let race = Arc::new(Race {
        admin: admin.clone(),
        urls: urls.clone(),
        rounds: AtomicUsize::new(0),
        validated: AtomicUsize::new(0),
    });
    let mut racers = JoinSet::new();
    for number in 0..REVOKERS {
        let name = format!("racer-{number}");
        let fields = json!({ "name": name, "password": PASSWORD, "domain_id": "default" });
        let user = admin.create(&urls[0], "user", fields).await;
        let id = |row: &Value| row["id"].as_str().unwrap().to_owned();
        let (user, project, role) = (id(&user), id(&project), id(&role));
        admin.put(&format!("{}/v3/projects/{project}/users/{user}/roles/{role}", urls[0])).await;
        racers.spawn(Arc::clone(&race).run(name, number as u64 * 7_919 + 17));
    }
    let (mut killed, mut paused) = (0, 0);
    while race.rounds.load(Ordering::SeqCst) < REVOCATIONS {
        let asked = cluster.numbers().nth((killed + paused) % 3).unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        if killed <= paused {
            let leader = cluster.leader(asked).await;
            cluster.kill(leader);
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            cluster.restart(leader);
            killed += 1;
        } else {
            cluster.pause(asked);
            tokio::time::sleep(PAUSE).await;
            cluster.resume(asked);
            paused += 1;
        }
    }
    racers.join_all().await;
    let validated = race.validated.load(Ordering::SeqCst);
    eprintln!(
        "{REVOCATIONS} revocations, {validated} validations refused, {killed} leaders killed, {paused} nodes paused"
    );
    assert!(validated >= REVOCATIONS, "hardly anything was validated: {validated}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_node_validates_what_another_has_revoked() {
    race(&mut DevCluster::start()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_do_nodes_whose_clocks_are_minutes_apart() {
    let mut cluster = DevCluster::start();
    cluster.reconfigure(|number, text| {
        let offset_ms = OFFSETS_MS[usize::try_from(number).unwrap()];
        text.replacen("[node]", &format!("[node]\nwall_clock_offset_ms = {offset_ms}"), 1)
    });
    race(&mut cluster).await;
}

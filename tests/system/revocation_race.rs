//! No node validates what another has revoked, whatever befalls the nodes meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::scale::{RACE_LEADERS_KILLED, RACE_NODES_PAUSED, REVOCATIONS};
use crate::support::{Client, DevCluster, eventually, password_login, scoped, step};

const PASSWORD: &str = "of the one who races";
const REVOKERS: usize = 4;
/// A race that does not go on by then never will.
const PROGRESS_LIMIT: Duration = Duration::from_secs(60);
/// Revocations that go on without a leader that was killed, before it comes back.
const ROUNDS_WITHOUT: usize = 10;
/// Longer than any lease. Whoever asks the paused node waits until it goes on.
const PAUSE: Duration = Duration::from_secs(3);
/// Wall clocks of the nodes, minutes apart.
const OFFSETS_MS: [i64; 3] = [0, 150_000, -150_000];

/// One who gets a token somewhere, revokes it somewhere, and validates it everywhere.
struct Race {
    admin: Client,
    urls: Vec<String>,
    rounds: AtomicUsize,
    validated: AtomicUsize,
    is_over: AtomicBool,
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

    /// The status of a validation at each node, without those that do not respond or have no leader.
    async fn verdicts(&self, token: &str) -> Vec<(usize, u16)> {
        let asked = self.urls.iter().enumerate().map(|(node, url)| async move {
            let reply = self.admin.validate(url, token).await.ok()?;
            (reply.status < 500).then_some((node, reply.status))
        });
        futures::future::join_all(asked).await.into_iter().flatten().collect()
    }

    /// Waits until this many more tokens have been revoked and found so.
    async fn wait_for(&self, more: usize, racers: &mut JoinSet<()>) {
        let enough = self.rounds.load(Ordering::SeqCst) + more;
        eventually("the race goes on", PROGRESS_LIMIT, async || {
            if let Some(ended) = racers.try_join_next() {
                ended.unwrap();
            }
            (self.rounds.load(Ordering::SeqCst) >= enough).then_some(())
        })
        .await;
    }

    async fn run(self: Arc<Self>, user: String, mut random: u64) {
        while !self.is_over.load(Ordering::SeqCst) {
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
            self.rounds.fetch_add(1, Ordering::SeqCst);
        }
    }
}

async fn race(cluster: &mut DevCluster, run: &str) {
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
        is_over: AtomicBool::new(false),
    });
    let mut racers = JoinSet::new();
    for number in 0..REVOKERS {
        let name = format!("{run}-{number}");
        let fields = json!({ "name": name, "password": PASSWORD, "domain_id": "default" });
        let user = admin.create(&urls[0], "user", fields).await;
        let id = |row: &Value| row["id"].as_str().unwrap().to_owned();
        let (user, project, role) = (id(&user), id(&project), id(&role));
        admin.put(&format!("{}/v3/projects/{project}/users/{user}/roles/{role}", urls[0])).await;
        racers.spawn(Arc::clone(&race).run(name, number as u64 * 7_919 + 17));
    }
    let disturbances = RACE_LEADERS_KILLED.get() + RACE_NODES_PAUSED.get();
    let rounds_between = REVOCATIONS.get() / (disturbances + 1);
    let (mut killed, mut paused) = (0, 0);
    while killed + paused < disturbances {
        race.wait_for(rounds_between, &mut racers).await;
        let asked = cluster.numbers().nth((killed + paused) % 3).unwrap();
        let is_kill =
            killed < RACE_LEADERS_KILLED.get() && (killed <= paused || paused == RACE_NODES_PAUSED.get());
        if is_kill {
            let leader = cluster.leader(asked).await;
            cluster.kill(leader);
            race.wait_for(ROUNDS_WITHOUT, &mut racers).await;
            cluster.restart(leader);
            killed += 1;
        } else {
            cluster.pause(asked);
            tokio::time::sleep(PAUSE).await;
            cluster.resume(asked);
            paused += 1;
        }
    }
    race.wait_for(rounds_between, &mut racers).await;
    race.is_over.store(true, Ordering::SeqCst);
    racers.join_all().await;
    let revocations = race.rounds.load(Ordering::SeqCst);
    let validated = race.validated.load(Ordering::SeqCst);
    eprintln!(
        "{revocations} revocations, {validated} validations refused, {killed} leaders killed, {paused} nodes paused"
    );
    assert!(validated >= revocations, "hardly anything was validated: {validated}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_node_validates_what_another_has_revoked() {
    let mut cluster = DevCluster::start();
    step("no_node_validates_what_another_has_revoked", race(&mut cluster, "racer")).await;
    cluster.reconfigure(|number, text| {
        let offset_ms = OFFSETS_MS[usize::try_from(number).unwrap()];
        text.replacen("[node]", &format!("[node]\nwall_clock_offset_ms = {offset_ms}"), 1)
    });
    step("nor_do_nodes_whose_clocks_are_minutes_apart", race(&mut cluster, "skewed")).await;
}

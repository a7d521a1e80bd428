//! Who may be a member: processes that claim to be one, and members that have lost their disk or their key.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    ADMIN_PASSWORD, Client, DevCluster, Newcomer, ServeProcess, eventually, password_login, step, wait_until,
};

/// So that a disk may be replaced soon after another.
const PROMOTION_DELAY: &str = "cluster.promotion_delay_s=1";
/// So that a write without a majority is refused soon.
const WRITE_TIMEOUT: &str = "cluster.write_timeout_ms=5000";
const LIMIT: Duration = Duration::from_secs(30);
/// A whole key, and not the one of the cluster.
const OTHER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
/// The number that no configuration but its own lists.
const UNLISTED: u64 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn disks_replaced_in_turn_cost_no_voter_and_doubles_take_none() {
    let mut cluster = DevCluster::start_with(&[PROMOTION_DELAY, WRITE_TIMEOUT]);
    step("doubles_of_members_with_empty_folders_take_no_vote", doubles(&cluster, None)).await;
    step("without_node_0_a_quorum_serves", outage(&mut cluster, 0)).await;
    for victim in [2, 1] {
        step("a_node_with_a_new_disk_becomes_a_voter_again", replace_disk(&mut cluster, victim)).await;
    }
    for victim in cluster.numbers() {
        step("without_any_one_node_a_quorum_serves", outage(&mut cluster, victim)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_another_key_or_number_or_folder_gets_nothing_and_harms_nobody() {
    let mut cluster = DevCluster::start_with(&[PROMOTION_DELAY, WRITE_TIMEOUT]);
    step("a_node_does_not_start_in_the_folder_of_another", foreign_folder(&mut cluster)).await;
    step("doubles_of_members_with_another_cluster_key_take_no_vote", doubles(&cluster, Some(OTHER_KEY)))
        .await;
    step("a_member_with_another_cluster_key_is_not_ready_and_harms_nobody", other_key(&mut cluster)).await;
    step("a_node_that_nobody_lists_gets_nothing", unlisted(&cluster)).await;
    step("without_node_0_a_quorum_serves", outage(&mut cluster, 0)).await;
}

/// Processes with the numbers of nodes 1 and 2, with empty folders and at other ports.
async fn doubles(cluster: &DevCluster, key: Option<&str>) {
    let reason = match key {
        // Its number may be the leader's, which has not forgotten.
        None => ["not taken back yet"],
        Some(_) => ["its cluster key is"],
    };
    let newcomers = [(1, 0), (2, 1)].map(|(number, place)| Newcomer::start(cluster, number, place, key));
    for newcomer in &newcomers {
        newcomer.wait_logged(&reason);
        assert_ne!(ready(&newcomer.url).await.map(|(status, _)| status), Some(200), "{}", newcomer.log());
    }
    if key.is_some() {
        // Somebody on the other side has seen it, too.
        let is_named = || cluster.numbers().any(|number| cluster.log(number).contains("its cluster key is"));
        wait_until("a member logs the other key", LIMIT, is_named);
    }
    assert_eq!(voters(cluster, 0).await, Some(vec![0, 1, 2]));
    for url in cluster.urls() {
        wait_ready(&url).await;
    }
}

/// Kills a node, needs the others to serve, and starts it again.
async fn outage(cluster: &mut DevCluster, victim: u64) {
    let other = cluster.url((victim + 1) % 3);
    let admin = Client::admin(&other).await;
    // A name that no earlier write has taken.
    let made = admin.list(&other, "projects").await.len();
    cluster.kill(victim);
    for number in [(victim + 1) % 3, (victim + 2) % 3] {
        let url = cluster.url(number);
        wait_served(&admin, &url, &format!("project {made} of {number}")).await;
        wait_ready(&url).await;
    }
    cluster.restart(victim);
    cluster.wait_same_state((victim + 1) % 3).await;
    wait_all_voters(cluster, (victim + 1) % 3).await;
}

/// Replaces the disk of a node, and waits until that is a voter again.
async fn replace_disk(cluster: &mut DevCluster, victim: u64) {
    cluster.kill(victim);
    cluster.forget_files(victim);
    cluster.restart(victim);
    cluster.wait_same_state((victim + 1) % 3).await;
    let promotion = format!("\"message\":\"a learner has become a voter\",\"node\":{victim},");
    // Whoever led has logged it.
    let is_told = || cluster.numbers().any(|number| cluster.log(number).contains(&promotion));
    wait_until("a member logs the new voter", LIMIT, is_told);
    wait_all_voters(cluster, (victim + 1) % 3).await;
    wait_ready(&cluster.url(victim)).await;
}

/// The folder of node 0 in the place of that of node 1.
async fn foreign_folder(cluster: &mut DevCluster) {
    cluster.kill(1);
    let kept = cluster.node_folder(1).with_file_name("kept");
    cluster.move_files(&cluster.node_folder(1), &kept);
    cluster.copy_files(&cluster.node_folder(0), &cluster.node_folder(1));
    let log = cluster.node_folder(1).with_file_name("refused.log");
    let mut refused = ServeProcess::start(&cluster.config_file(1), File::create(&log).unwrap().into());
    let code = refused.wait_exit().code();
    let text = fs::read_to_string(&log).unwrap();
    assert!(code.is_some_and(|code| code != 0), "{code:?}: {text}");
    assert!(text.contains("is the folder of node 0, and this node is configured as node 1"), "{text}");
    // Nothing of it was changed, so that it may be put back where it belongs.
    assert!(cluster.node_folder(1).join("wal").is_dir());
    cluster.forget_files(1);
    cluster.move_files(&kept, &cluster.node_folder(1));
    cluster.restart(1);
    cluster.wait_same_state(0).await;
    wait_all_voters(cluster, 0).await;
}

/// A member that is started again with another key, and then with the right one.
async fn other_key(cluster: &mut DevCluster) {
    let (victim, right) = (2, [0, 1].map(|number| cluster.url(number)));
    let url = cluster.url(victim);
    let admin = Client::admin(&right[0]).await;
    cluster.kill(victim);
    let config = fs::read_to_string(cluster.config_file(victim)).unwrap();
    fs::write(cluster.node_folder(victim).join("other.key"), OTHER_KEY).unwrap();
    let changed = config.replace("\"../cluster.key\"", "\"other.key\"");
    assert_ne!(config, changed);
    fs::write(cluster.config_file(victim), changed).unwrap();
    cluster.restart(victim);

    eventually("the node names the file in /ready", LIMIT, async || {
        let (status, body) = ready(&url).await?;
        (status == 503 && body["reasons"].to_string().contains("other.key")).then_some(())
    })
    .await;
    let login = password_login(json!({"name": "admin", "domain": {"id": "default"}}), ADMIN_PASSWORD);
    let reply = admin.send(Method::POST, &format!("{url}/v3/auth/tokens"), Some(&login)).await.unwrap();
    assert_eq!(reply.status, 503, "{}", reply.body);
    assert!(!cluster.administer(victim, &["fernet", "rotate"], &[]).status.success());
    let token = admin.token.clone().unwrap();
    for number in [0, 1] {
        assert!(cluster.administer(number, &["fernet", "rotate"], &[]).status.success());
        for url in &right {
            wait_ready(url).await;
            assert_eq!(admin.validate(url, &token).await.unwrap().status, 200, "{url}");
            admin.log_in(url, &login).await;
        }
    }

    cluster.kill(victim);
    fs::write(cluster.config_file(victim), config).unwrap();
    cluster.restart(victim);
    wait_ready(&url).await;
    cluster.wait_same_state(0).await;
    assert_eq!(admin.validate(&url, &token).await.unwrap().status, 200);
    wait_all_voters(cluster, 0).await;
}

/// A node whose own configuration alone lists it; it has the right key.
async fn unlisted(cluster: &DevCluster) {
    let newcomer = Newcomer::start(cluster, UNLISTED, 0, None);
    let refused = format!("node {UNLISTED} is neither configured");
    let is_named = || cluster.numbers().any(|number| cluster.log(number).contains(&refused));
    wait_until("a member logs the number that nobody lists", LIMIT, is_named);
    newcomer.wait_logged(&[&refused]);
    assert_ne!(ready(&newcomer.url).await.map(|(status, _)| status), Some(200), "{}", newcomer.log());
    for number in cluster.numbers() {
        let status = cluster.status(number).await.unwrap();
        assert_eq!(roles(&status).len(), 3, "{status:#}");
        wait_ready(&cluster.url(number)).await;
    }
    assert!(newcomer.is_empty_of("Default"), "it has got something of the state");
}

/// The status and the body of `/ready`; `None` when nobody responds.
async fn ready(url: &str) -> Option<(u16, Value)> {
    let reply = Client::anonymous().send(Method::GET, &format!("{url}/ready"), None).await.ok()?;
    Some((reply.status, reply.body))
}

async fn wait_ready(url: &str) {
    eventually(&format!("{url} is ready"), LIMIT, async || (ready(url).await?.0 == 200).then_some(())).await;
}

/// Waits until a node takes a write and validates.
async fn wait_served(admin: &Client, url: &str, name: &str) {
    let body = json!({"project": {"name": name}});
    eventually(&format!("{url} takes a write"), LIMIT, async || {
        let reply = admin.send(Method::POST, &format!("{url}/v3/projects"), Some(&body)).await.ok()?;
        // An earlier try may have made it.
        [201, 409].contains(&reply.status).then_some(())
    })
    .await;
    let token = admin.token.clone().unwrap();
    assert_eq!(admin.validate(url, &token).await.unwrap().status, 200, "{url}");
}

/// The roles by number, in a status.
fn roles(status: &Value) -> BTreeMap<u64, String> {
    let nodes = status["nodes"].as_array().into_iter().flatten();
    nodes.filter_map(|node| Some((node["number"].as_u64()?, node["role"].as_str()?.to_owned()))).collect()
}

/// The numbers of the voters that respond, as a node sees them.
async fn voters(cluster: &DevCluster, asked: u64) -> Option<Vec<u64>> {
    let roles = roles(&cluster.status(asked).await?);
    let is_voter = |role: &str| ["leader", "follower", "candidate"].contains(&role);
    Some(roles.into_iter().filter(|(_, role)| is_voter(role)).map(|(number, _)| number).collect())
}

async fn wait_all_voters(cluster: &DevCluster, asked: u64) {
    eventually("all three nodes are voters", LIMIT, async || {
        (voters(cluster, asked).await? == [0, 1, 2]).then_some(())
    })
    .await;
}

//! A node whose files are gone or spoiled.

use std::fs;
use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::support::{ADMIN_PASSWORD, Client, DevCluster, eventually, password_login};
use crate::write_load::{WriteLoad, assert_all_there_once};

const COME_BACK_LIMIT: Duration = Duration::from_secs(60);

/// A node without its state, or with a spoiled one, mends itself.
pub async fn state_deleted_or_spoiled(cluster: &mut DevCluster) {
    let victim = cluster.follower().await;
    let other = (victim + 1) % 3;
    let admin = Client::admin(&cluster.url(other)).await;
    let state = cluster.node_folder(victim).join("state");
    let mut writes = Vec::new();
    for run in ["deleted", "spoiled"] {
        let load = WriteLoad::start(run, &cluster.urls(), &admin);
        load.wait_for(100).await;
        cluster.kill(victim);
        match run {
            "deleted" => fs::remove_dir_all(&state).unwrap(),
            _ => assert!(spoil(&state) > 0, "there was nothing to spoil"),
        }
        cluster.restart(victim);
        load.wait_for(100).await;
        writes.extend(load.stop().await);
        cluster.wait_same_state(other).await;
        assert!(is_voter(cluster, other, victim).await, "it did not lose its log, so it goes on voting");
        assert_all_there_once(&writes, &cluster.url(victim), &admin).await;
        assert!(state.is_dir(), "the state is not on the disk again");
    }
}

/// A node that lost its folder comes back as a learner, without a vote.
pub async fn folder_lost(cluster: &mut DevCluster) {
    let victim = cluster.follower().await;
    let [second, third] = [(victim + 1) % 3, (victim + 2) % 3];
    let admin = Client::admin(&cluster.url(second)).await;
    let before = admin.create(&cluster.url(second), "project", json!({"name": "before"})).await;

    cluster.kill(victim);
    let config = fs::read(cluster.config_file(victim)).unwrap();
    fs::remove_dir_all(cluster.node_folder(victim)).unwrap();
    let while_away = admin.create(&cluster.url(third), "project", json!({"name": "while away"})).await;
    fs::create_dir(cluster.node_folder(victim)).unwrap();
    fs::write(cluster.config_file(victim), config).unwrap();
    cluster.restart(victim);
    // The first that it gives, when it hardly knows the time.
    let user = json!({"name": "admin", "domain": {"id": "default"}});
    let (body, url) =
        (password_login(user, ADMIN_PASSWORD), format!("{}/v3/auth/tokens", cluster.url(victim)));
    let early = eventually("a token from the node", COME_BACK_LIMIT, async || {
        let reply = admin.send(Method::POST, &url, Some(&body)).await.ok()?;
        reply.token.filter(|_| reply.status == 201)
    });
    let early = early.await;
    assert_eq!(admin.validate(&cluster.url(second), &early).await.unwrap().status, 200);
    eventually("the node is back as a learner", COME_BACK_LIMIT, async || {
        (role(cluster, second, victim).await? == "learner").then_some(())
    })
    .await;
    cluster.wait_same_state(second).await;
    for project in [&before, &while_away] {
        let url = format!("{}/v3/projects/{}", cluster.url(victim), project["id"].as_str().unwrap());
        assert_eq!(admin.get(&url).await["project"]["name"], project["name"]);
    }
    // Writes go on, through it as well.
    admin.create(&cluster.url(victim), "project", json!({"name": "through the learner"})).await;

    // With one more node dead, a vote of the learner would make a majority.
    cluster.kill(third);
    let body = json!({"project": {"name": "without a majority"}});
    let refused = [second, victim].map(async |number| {
        let url = format!("{}/v3/projects", cluster.url(number));
        let reply = admin.send(Method::POST, &url, Some(&body)).await;
        let is_refused = reply.as_ref().map_or(true, |reply| reply.status == 503);
        assert!(is_refused, "{url} took a write without a majority: {reply:?}");
    });
    futures::future::join_all(refused).await;
    assert_eq!(role(cluster, second, victim).await.as_deref(), Some("learner"));
    cluster.restart(third);
    let body = json!({"project": {"name": "with a majority again"}});
    eventually("writes go on", COME_BACK_LIMIT, async || {
        let url = format!("{}/v3/projects", cluster.url(second));
        let reply = admin.send(Method::POST, &url, Some(&body)).await.ok()?;
        [201, 409].contains(&reply.status).then_some(())
    })
    .await;
}

/// The role of a node in the status of another.
async fn role(cluster: &DevCluster, asked: u64, about: u64) -> Option<String> {
    let status = cluster.status(asked).await?;
    let node = status["nodes"].as_array()?.iter().find(|node| node["number"] == about)?;
    Some(node["role"].as_str()?.to_owned())
}

async fn is_voter(cluster: &DevCluster, asked: u64, about: u64) -> bool {
    matches!(role(cluster, asked, about).await.as_deref(), Some("follower" | "leader"))
}

/// Overwrites every file below the folder; how many there were.
fn spoil(folder: &Path) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            count += spoil(&path);
        } else {
            let length = usize::try_from(fs::metadata(&path).unwrap().len()).unwrap();
            // Not one byte as it was, and never the same twice in a row.
            let noise = (0..length).map(|at| u8::try_from(at * 167 % 251).unwrap() ^ 0xa5);
            fs::write(&path, noise.collect::<Vec<_>>()).unwrap();
            count += 1;
        }
    }
    count
}

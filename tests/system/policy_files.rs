//! Policy files of running nodes: changed, spoilt, and not the same everywhere.

use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::support::{Client, DevCluster, eventually, password_login, scoped};

/// Nodes look at their files once a second.
const RELOAD_LIMIT: Duration = Duration::from_secs(20);

const FILE: &str = "policy.yaml";
/// 32 bytes, in base64.
const CLUSTER_KEY: &str = "dGhlIGtleSBvZiBhIGNsdXN0ZXIgb2YgdGhlIHRlc3Q=";

const READERS_LIST_SERVICES: &str = "\"identity:list_services\": \"role:reader\"\n";
const NOBODY_LISTS_SERVICES: &str = "\"identity:list_services\": \"!\"\n";

/// Replaces the policy file of a node as a whole, as an operator should.
fn write_policy(cluster: &DevCluster, number: u64, text: &str) {
    let path = cluster.node_folder(number).join(FILE);
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, path).unwrap();
}

/// Three nodes, each with a policy file in its folder.
fn cluster_with_policy(text: &str) -> DevCluster {
    DevCluster::start_prepared(&[&format!("policy.policy_file={FILE}")], |folder: &Path| {
        // A folder that has nodes has a key too.
        std::fs::write(folder.join("cluster.key"), CLUSTER_KEY).unwrap();
        for number in 0..3 {
            let node = folder.join(format!("node-{number}"));
            std::fs::create_dir(&node).unwrap();
            std::fs::write(node.join(FILE), text).unwrap();
        }
    })
}

/// A user with the role reader on a project, and nothing else.
async fn reader(url: &str) -> Client {
    let admin = Client::admin(url).await;
    let project = admin.create(url, "project", json!({"name": "lab"})).await;
    let user = admin.create(url, "user", json!({"name": "rita", "password": "a reader"})).await;
    let roles = admin.list(url, "roles").await;
    let role = roles.iter().find(|role| role["name"] == "reader").unwrap();
    let [project, user, role] = [&project, &user, role].map(|entity| entity["id"].as_str().unwrap());
    admin.put(&format!("{url}/v3/projects/{project}/users/{user}/roles/{role}")).await;
    let login = scoped(password_login(json!({"id": user}), "a reader"), json!({"project": {"id": project}}));
    let token = admin.log_in(url, &login).await;
    Client::anonymous().with_token(&token)
}

async fn wait_answered(client: &Client, url: &str, path: &str, status: u16) -> serde_json::Value {
    let asked = format!("{url}{path}");
    eventually(&format!("{asked} is answered {status}"), RELOAD_LIMIT, async || {
        let reply = client.send(Method::GET, &asked, None).await.ok()?;
        (reply.status == status).then_some(reply.body)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_files_take_effect_without_a_restart_and_a_node_with_others_is_not_ready() {
    let cluster = cluster_with_policy(READERS_LIST_SERVICES);
    let urls = cluster.urls();
    let reader = reader(&urls[0]).await;
    for url in &urls {
        wait_answered(&reader, url, "/v3/services", 200).await;
        wait_answered(&reader, url, "/ready", 200).await;
    }

    cluster.numbers().for_each(|number| write_policy(&cluster, number, NOBODY_LISTS_SERVICES));
    for url in &urls {
        wait_answered(&reader, url, "/v3/services", 403).await;
        wait_answered(&reader, url, "/ready", 200).await;
    }

    let other = cluster.follower().await;
    let leader = cluster.leader(other).await;
    let [at_other, at_leader] = [other, leader].map(|number| cluster.url(number));
    write_policy(&cluster, other, READERS_LIST_SERVICES);
    wait_answered(&reader, &at_other, "/v3/services", 200).await;
    let not_ready = wait_answered(&reader, &at_other, "/ready", 503).await;
    assert_eq!(not_ready["options_differ"], true, "{not_ready}");
    wait_answered(&reader, &at_leader, "/ready", 200).await;
    let shown = cluster.status(leader).await.unwrap();
    let differ = |number: u64| shown["nodes"][usize::try_from(number).unwrap()]["options_differ"].clone();
    assert_eq!((differ(other), differ(leader)), (json!(true), json!(false)), "{shown}");

    write_policy(&cluster, other, "\"identity:list_services\": \"http://elsewhere\"\n");
    cluster.reload(other);
    let notice = eventually("the refused file is told", RELOAD_LIMIT, async || {
        let shown = cluster.status(leader).await?;
        shown["nodes"][usize::try_from(other).unwrap()]["notice"].as_str().map(ToOwned::to_owned)
    })
    .await;
    assert!(notice.contains("policy.yaml:1: policy rule `identity:list_services`"), "{notice}");
    wait_answered(&reader, &at_other, "/v3/services", 200).await;

    write_policy(&cluster, other, NOBODY_LISTS_SERVICES);
    wait_answered(&reader, &at_other, "/v3/services", 403).await;
    wait_answered(&reader, &at_other, "/ready", 200).await;
    let shown = cluster.status(leader).await.unwrap();
    assert!(shown["nodes"][usize::try_from(other).unwrap()]["notice"].is_null(), "{shown}");
}

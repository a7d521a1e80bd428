//! What `keyraft status` finds out while nodes stop and die, and what a load balancer sees of a node that stops.

use std::process::Output;
use std::time::Duration;

use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Client, DevCluster, RunningCommand, is_running, signal, step, wait_until};

/// The node that is asked.
const ASKED: u64 = 0;
/// A node that waited for its load balancer would outlast the test.
const SHUTDOWN_DELAY: &str = "http.shutdown_delay_s=3600";
const LIMIT: Duration = Duration::from_secs(30);

/// The exit code, and what was printed.
fn status(cluster: &DevCluster, number: u64) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = cluster.administer(number, &["status"], &[]);
    let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    (status.code(), text)
}

async fn get(url: &str) -> (u16, Value) {
    let reply = Client::anonymous().send(Method::GET, url, None).await.unwrap();
    (reply.status, reply.body)
}

/// Stops a node as an operator does, twice.
async fn stopped_node_shows_it_before_it_ends(cluster: &DevCluster, victim: u64) {
    let pid = cluster.pid(victim);
    let url = cluster.url(victim);
    assert_eq!(get(&format!("{url}/ready")).await.0, 200);
    signal(pid, Signal::TERM);
    wait_until("the node has heard the signal", LIMIT, || status(cluster, victim).0 == Some(1));
    let expected = json!({"ready": false, "reasons": ["stopping"], "options_differ": null});
    assert_eq!(get(&format!("{url}/ready")).await, (503, expected));
    assert_eq!(get(&format!("{url}/v3")).await.0, 200, "it still serves");
    let (code, text) = status(cluster, victim);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&format!("node {victim} is not ready: stopping")), "{text}");
    signal(pid, Signal::TERM);
    wait_until("the node has ended", LIMIT, || !is_running(pid));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_of_a_cluster_needs_no_leader_and_its_exit_code_tells_how_it_does() {
    let mut cluster = DevCluster::start_with(&[SHUTDOWN_DELAY]);
    let (first, second) = (1, 2);
    let shown = |cluster: &DevCluster, expected: i32, part: &str| {
        let (code, text) = status(cluster, ASKED);
        assert_eq!(code, Some(expected), "{text}");
        assert!(text.contains(part), "{part}: {text}");
    };
    step("a_whole_cluster_is_good", async {
        shown(&cluster, 0, "quorum:  yes, 3 of 3 voters respond; 1 more may fail\n");
    })
    .await;
    step("a_watch_repeats_until_it_is_interrupted", async {
        let config = cluster.config_file(ASKED);
        let arguments = ["status", "--watch", "1", "--json", "--config", config.to_str().unwrap()];
        let mut watch = RunningCommand::start(&arguments);
        for _ in 0..2 {
            let line: Value = serde_json::from_str(&watch.output.recv_timeout(LIMIT).unwrap()).unwrap();
            assert_eq!(line["quorum"]["may_fail"], 1);
        }
        assert_eq!(watch.interrupt(), Some(0));
    })
    .await;
    step("a_node_that_stops_shows_it", stopped_node_shows_it_before_it_ends(&cluster, first)).await;
    step("a_cluster_without_one_node_is_degraded", async {
        shown(&cluster, 1, &format!("node {first} does not respond"));
    })
    .await;
    cluster.kill(second);
    step("a_cluster_without_a_quorum_is_down", async {
        shown(&cluster, 2, "quorum:  NO, 1 of 3 voters respond\n");
        let json = cluster.administer(ASKED, &["status"], &["--json"]);
        let json: Value = serde_json::from_slice(&json.stdout).unwrap();
        // Whether it is ready depends on what is left of its lease.
        assert_eq!(json["quorum"], json!({"is_there": false, "voters": 3, "responding": 1, "may_fail": 0}));
    })
    .await;
    cluster.kill(ASKED);
    step("a_node_that_does_not_run_is_down", async { shown(&cluster, 2, "keyraft: no node runs behind ") })
        .await;
    step("a_node_without_a_socket_is_down", async {
        std::fs::remove_file(cluster.node_folder(ASKED).join("admin.sock")).unwrap();
        shown(&cluster, 2, "keyraft: no node runs behind ");
    })
    .await;
    cluster.restart(ASKED);
    step("a_node_that_finds_no_leader_responds", async {
        let responds = || status(&cluster, ASKED).1.contains("quorum:  NO, 1 of 3 voters respond\n");
        wait_until("the node responds", LIMIT, responds);
        shown(&cluster, 2, "there is no leader");
    })
    .await;
}

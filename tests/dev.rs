//! `keyraft dev` as a user meets it: real processes on real ports.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod dev_process;

use std::net::TcpListener;

use dev_process::{DevProcess, free_http_port, is_running, keyraft};

#[test]
fn a_cluster_gets_ready_and_stops_cleanly_on_sigint() {
    let folder = tempfile::tempdir().unwrap();
    let mut dev = DevProcess::start(folder.path(), &[]);
    let ready = dev.wait_ready();
    assert!(ready.contains(&format!("http://127.0.0.1:{}/v3", dev.http_port)), "{ready}");
    assert!(ready.contains("openrc"), "{ready}");
    let openrc = std::fs::read_to_string(folder.path().join("openrc")).unwrap();
    assert!(openrc.contains("OS_USERNAME='admin'"), "{openrc}");
    let pids = dev.node_pids();
    assert_eq!(pids.len(), 3);
    assert!(pids.iter().all(|pid| is_running(*pid)));
    dev.interrupt();
    assert_eq!(dev.wait_exit(), Some(0));
    assert!(pids.iter().all(|pid| !is_running(*pid)), "a child is left");
}

#[test]
fn the_sigint_of_a_terminal_reaches_the_parent_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut dev = DevProcess::start(folder.path(), &[]);
    dev.wait_ready();
    dev.interrupt_group();
    assert_eq!(dev.wait_exit(), Some(0));
    for number in 0..3 {
        let log = std::fs::read_to_string(folder.path().join(format!("node-{number}/log"))).unwrap();
        assert!(log.contains(r#""signal":"SIGTERM""#) && !log.contains("SIGINT"), "{log}");
    }
}

#[test]
fn a_second_start_resumes_and_leaves_the_password_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut dev = DevProcess::start(folder.path(), &["--nodes", "1", "--admin-password", "first"]);
    dev.wait_ready();
    dev.interrupt();
    assert_eq!(dev.wait_exit(), Some(0));
    let openrc = std::fs::read(folder.path().join("openrc")).unwrap();
    let mut dev = DevProcess::start_on_port(folder.path(), dev.http_port, &[]);
    assert!(dev.wait_ready().contains("1 node "));
    assert_eq!(std::fs::read(folder.path().join("openrc")).unwrap(), openrc);
    dev.interrupt();
    assert_eq!(dev.wait_exit(), Some(0));
}

#[test]
fn the_nodes_die_with_a_parent_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut dev = DevProcess::start(folder.path(), &[]);
    dev.wait_ready();
    let pids = dev.node_pids();
    dev.kill();
    dev_process::wait_until("the nodes are gone", || pids.iter().all(|pid| !is_running(*pid)));
}

#[test]
fn a_killed_node_is_reported_and_the_rest_still_stops_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let mut dev = DevProcess::start(folder.path(), &[]);
    dev.wait_ready();
    let pids = dev.node_pids();
    dev_process::kill(pids[1]);
    let report = dev.wait_error_line("node 1 (");
    assert!(report.contains("was killed by signal 9"), "{report}");
    assert!(report.contains("node-1/config.toml"), "{report}");
    assert!(is_running(pids[0]) && is_running(pids[2]));
    dev.interrupt();
    assert_eq!(dev.wait_exit(), Some(0));
    assert!(pids.iter().all(|pid| !is_running(*pid)));
}

#[test]
fn a_killed_node_comes_back_by_its_own_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let mut dev = DevProcess::start(folder.path(), &[]);
    dev.wait_ready();
    let old = dev.node_pids()[2];
    dev_process::kill(old);
    dev.wait_error_line("node 2 (");
    let mut node = dev_process::serve(&folder.path().join("node-2/config.toml"));
    dev_process::wait_until("node 2 answers", || {
        let url = format!("http://127.0.0.1:{}", dev.http_port + 2);
        keyraft(&["status", "--url", &url]).status.success()
    });
    assert_eq!(dev.node_pids()[2], node.id());
    dev.interrupt();
    assert_eq!(dev.wait_exit(), Some(0));
    dev_process::terminate(node.id());
    assert_eq!(node.wait().unwrap().code(), Some(0));
}

#[test]
fn status_shows_all_nodes_and_one_leader() {
    let folder = tempfile::tempdir().unwrap();
    let mut dev = DevProcess::start(folder.path(), &[]);
    dev.wait_ready();
    let url = format!("http://127.0.0.1:{}", dev.http_port + 1);
    let shown = keyraft(&["status", "--json", "--url", &url]);
    assert!(shown.status.success());
    let status: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    let nodes = status["nodes"].as_array().unwrap();
    assert_eq!(nodes.iter().map(|node| node["number"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1, 2]);
    let leaders: Vec<_> = nodes.iter().filter(|node| node["role"] == "leader").collect();
    assert_eq!(leaders.len(), 1, "{status}");
    assert_eq!(leaders[0]["number"], status["leader"]);
    assert_eq!(nodes[1]["address"], format!("127.0.0.1:{}", dev.http_port + 101));
    dev.interrupt();
    assert_eq!(dev.wait_exit(), Some(0));
}

#[test]
fn a_busy_port_is_one_line_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_http_port();
    let _busy = TcpListener::bind(("127.0.0.1", port + 101)).unwrap();
    let dir = folder.path().to_str().unwrap();
    let refused = keyraft(&["dev", "--data-dir", dir, "--http-port", &port.to_string()]);
    assert_eq!(refused.status.code(), Some(1));
    let error = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains(&format!("port {} (the cluster service of node 1)", port + 101)), "{error}");
    assert!(refused.stdout.is_empty());
}

#[test]
fn a_folder_in_use_is_one_line_that_names_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let mut dev = DevProcess::start(folder.path(), &["--nodes", "1"]);
    dev.wait_ready();
    let refused = keyraft(&["dev", "--data-dir", folder.path().to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    let error = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains(&format!("is in use by process {}", dev.id())), "{error}");
    dev.interrupt();
    assert_eq!(dev.wait_exit(), Some(0));
}

#[test]
fn a_configuration_with_a_mistake_is_one_line_that_names_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, "[node]\nid = 0\n[cluster]\npeers = [{ id = 0, address = 'here' }]\n").unwrap();
    let refused = keyraft(&["serve", "--config", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2));
    let error = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains("config.toml:4: cluster.peers[0].address: "), "{error}");
}

#[test]
fn keys_are_rotated_and_listed_without_their_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let mut dev = DevProcess::start(folder.path(), &["--nodes", "1"]);
    dev.wait_ready();
    let config = folder.path().join("node-0/config.toml");
    let config = config.to_str().unwrap();
    let primary = |arguments: &[&str]| {
        let shown = keyraft(arguments);
        assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
        let keys: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
        let keys = keys["keys"].as_array().unwrap().clone();
        keys.iter().find(|key| key["role"] == "primary").unwrap()["number"].as_u64().unwrap()
    };
    let before = primary(&["fernet", "list", "--json", "--config", config]);
    let rotated = primary(&["fernet", "rotate", "--json", "--config", config]);
    assert!(rotated > before);
    assert_eq!(primary(&["fernet", "list", "--json", "--config", config]), rotated);
    dev.interrupt();
    assert_eq!(dev.wait_exit(), Some(0));
}
